"""N-grams found by the numbers of their parts, words or characters, instead of by texts."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from limen.arrays import IntArray

UNKNOWN: Final = -1
"""In the place of a feature: the vocabulary does not have the n-gram. In the place of a part: no
term has it, or no n-gram may reach over it."""

_MOST = 1 << 62
_END = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a vocabulary.

    Attributes:
        numbers: int64: of the parts of all terms, one term behind another, each from 0 to
            `parts` - 1.
        sizes: int64, (terms,): how many parts each has, at least 1.
        features: int64, (terms,): the feature of each.
        parts: how many different parts there are, at least 1.
    """

    numbers: IntArray
    sizes: IntArray
    features: IntArray
    parts: int


@dataclass(frozen=True, eq=False)
class _Level:
    """The terms of so many parts, and, where `renumbers`, all runs of so many with which a longer
    term begins.

    Attributes:
        keys: int64, rising, _END behind the last: the number of the run without its last part,
            times all parts, plus the number of the last one.
        features: int64: for each key the term's feature; UNKNOWN where it only begins terms.
        renumbers: whether a run is from here on numbered by its place in `keys`, since numbers
            would grow too large.
    """

    keys: IntArray
    features: IntArray
    renumbers: bool


class Grams:
    """Finds the n-grams of a vocabulary in texts.

    The parts of an n-gram are the digits of a number, which is looked up in a sorted array, for all
    places of many texts at once: no text of an n-gram is made, and none is hashed.
    """

    def __init__(self, terms: Terms) -> None:
        """Sort the terms."""
        self._parts = terms.parts
        starts = np.cumsum(terms.sizes) - terms.sizes
        sizes, features = terms.sizes, terms.features
        self._single = np.full(terms.parts, UNKNOWN, np.int64)
        self._single[terms.numbers[starts[sizes == 1]]] = features[sizes == 1]
        self._levels: list[_Level] = []
        runs, size, left, different = terms.numbers[starts], 1, sizes > 1, terms.parts
        while left.any():
            starts, sizes, features, runs = (of[left] for of in (starts, sizes, features, runs))
            size += 1
            runs = runs * terms.parts + terms.numbers[starts + size - 1]
            whole = sizes == size
            different *= terms.parts
            renumbers = different * terms.parts > _MOST
            if renumbers:
                keys, runs = np.unique(runs, return_inverse=True)
                own = np.full(len(keys), UNKNOWN, np.int64)
                own[runs[whole]] = features[whole]
                different = len(keys)
            else:
                order = np.argsort(runs[whole])
                keys, own = runs[whole][order], features[whole][order]
            self._levels.append(_Level(np.append(keys, _END), np.append(own, UNKNOWN), renumbers))
            left = ~whole

    def found(self, numbers: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Find the n-grams of texts.

        Args:
            numbers: of the parts of the texts, one text behind another, UNKNOWN between two.
            rows: the text of each.

        Returns:
            The feature of each n-gram, or UNKNOWN, and its text: int64, (n-grams,).
        """
        places = (numbers >= 0).nonzero()[0]
        runs = numbers[places]
        features, held = [self._single[runs]], [rows[places]]
        if self._levels:
            numbers = np.append(numbers, UNKNOWN)
        for level in self._levels:
            places = places + 1
            last = numbers[places]
            going = (last >= 0).nonzero()[0]
            places = places[going]
            runs = runs[going] * self._parts + last[going]
            at = level.keys.searchsorted(runs)
            same = level.keys[at] == runs
            if level.renumbers:
                places, at = places[same], at[same]
                runs = at
                features.append(level.features[at])
            else:
                features.append(np.where(same, level.features[at], UNKNOWN))
            held.append(rows[places])
        if len(features) == 1:
            return features[0], held[0]
        return np.concatenate(features), np.concatenate(held)
