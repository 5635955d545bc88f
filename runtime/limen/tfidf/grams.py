"""N-grams found by the numbers of their parts, words or characters, instead of by texts."""

from dataclasses import dataclass

import numpy as np

from limen.arrays import IntArray

UNKNOWN = -1
"""In the place of a feature: the vocabulary does not have the n-gram."""


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
    """All runs of so many parts with which a term begins, or that are one.

    Attributes:
        keys: int64, rising: place of the run without its last part, times all parts, plus the
            number of the last one.
        features: int64: for each key the term's feature; UNKNOWN where it only begins terms.
    """

    keys: IntArray
    features: IntArray


class Grams:
    """Finds the n-grams of a vocabulary in texts.

    A run of n parts is found, for all places of many texts at once, by the place of its first
    n - 1 parts and the number of the last one, in a sorted array: no text of an n-gram is made, and
    none is hashed.
    """

    def __init__(self, terms: Terms) -> None:
        """Sort the terms."""
        self._parts = terms.parts
        starts = np.cumsum(terms.sizes) - terms.sizes
        sizes, features = terms.sizes, terms.features
        self._single = np.full(terms.parts, UNKNOWN, np.int64)
        self._single[terms.numbers[starts[sizes == 1]]] = features[sizes == 1]
        self._levels: list[_Level] = []
        runs, size, left = terms.numbers[starts], 1, sizes > 1
        while left.any():
            starts, sizes, features, runs = (of[left] for of in (starts, sizes, features, runs))
            size += 1
            last = terms.numbers[starts + size - 1]
            keys, runs = np.unique(runs * terms.parts + last, return_inverse=True)
            whole = sizes == size
            own = np.full(len(keys), UNKNOWN, np.int64)
            own[runs[whole]] = features[whole]
            self._levels.append(_Level(keys, own))
            left = ~whole

    def found(self, numbers: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Find the n-grams of texts.

        Args:
            numbers: of the parts of the texts, one text behind another; below 0 for a part of no
                term.
            rows: the text of each.

        Returns:
            The feature of each n-gram that begins as a term does, or UNKNOWN, and its text: int64,
            (n-grams,).
        """
        places = (numbers >= 0).nonzero()[0]
        runs = numbers[places]
        features, held = [self._single[runs]], [rows[places]]
        for level in self._levels:
            further = places + 1
            inside = further < len(numbers)
            places, runs = further[inside], runs[inside]
            last = numbers[places]
            going = (last >= 0) & (rows[places] == held[-1][inside])
            places = places[going]
            keys = runs[going] * self._parts + last[going]
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            same = level.keys[at] == keys
            places, runs = places[same], at[same]
            features.append(level.features[runs])
            held.append(rows[places])
        if len(features) == 1:
            return features[0], held[0]
        return np.concatenate(features), np.concatenate(held)
