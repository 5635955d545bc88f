"""N-grams found by the numbers of their parts, words or characters, instead of by texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from limen.arrays import IntArray

UNKNOWN: Final = -1
"""In the place of a feature: the vocabulary does not have the n-gram."""
NO_PART: Final = 0
"""In the place of a part: no term has it, or no n-gram may reach over it."""

_FEW = 1 << 9
"""Parts up to which a search more costs less than a call of numpy more."""
_MOST = 1 << 62
"""What the numbers of runs stay below."""
_STEP = 6
"""Sizes of n-grams after which runs that begin no term are given up."""
_END = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a vocabulary.

    Attributes:
        numbers: int64: of the parts of all terms, one term behind another, each from 1 to `parts`.
        sizes: int64, (terms,): how many parts each has, at least 1.
        features: int64, (terms,): the feature of each.
        parts: how many different parts there are.
    """

    numbers: IntArray
    sizes: IntArray
    features: IntArray
    parts: int


@dataclass(frozen=True, eq=False)
class _Level:
    """The terms of so many parts; where `renumbers`, with all runs of so many that begin a longer
    one.

    Attributes:
        keys: int64, rising: the number of the run without its last part, times one more than all
            parts, plus the number of the last one. One more, above all of them, is the last.
        features: int64: for each key the term's feature; UNKNOWN where it only begins terms.
        renumbers: whether a run is from here on numbered by its place in `keys`, from 1, and 0
            where it is not there: numbers would grow too large, or runs that begin no term were
            followed for long enough.
    """

    keys: IntArray
    features: IntArray
    renumbers: bool


class Grams:
    """Finds the n-grams of a vocabulary in texts.

    The parts of an n-gram are the digits of a number, which is looked up in a sorted array, for all
    places of many texts at once: no text of an n-gram is made, and none is hashed. No term has the
    digit 0, so nothing with it is found.
    """

    def __init__(self, terms: Terms) -> None:
        """Sort the terms."""
        self._base = terms.parts + 1
        firsts = terms.numbers[np.cumsum(terms.sizes) - terms.sizes]
        alone = terms.sizes == 1
        self._single = np.full(self._base, UNKNOWN, np.int64)
        self._single[firsts[alone]] = terms.features[alone]
        self._levels = [*_levels(terms, firsts)]
        # A run of so many parts is below every one of more, so all can stand in one array, in which
        # the first key of the next size ends those of a size.
        self._all: tuple[IntArray, IntArray] | None = None
        if not any(level.renumbers for level in self._levels):
            known = (self._single >= 0).nonzero()[0]
            keys = [known, *(level.keys[:-1] for level in self._levels)]
            features = [self._single[known], *(level.features[:-1] for level in self._levels)]
            ends = np.cumsum([len(own) for own in keys]).tolist()
            self._all = (
                np.append(np.concatenate(keys), _END),
                np.append(np.concatenate(features), UNKNOWN),
            )
            self._levels = [
                _Level(self._all[0][begin : end + 1], self._all[1][begin : end + 1], False)
                for begin, end in pairwise(ends)
            ]

    def found(self, numbers: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Find the n-grams of texts.

        Args:
            numbers: of the parts of the texts, one text behind another, NO_PART between two.
            rows: the text of each.

        Returns:
            The feature of each n-gram that is known, and its text: int64, (n-grams,). Others may
            stand between them as UNKNOWN; how many depends on what else is looked up.
        """
        look = self._at_all_places if len(numbers) <= _FEW else self._at_known_places
        features, held = zip(*look(numbers, rows), strict=True)
        if len(features) == 1:
            return features[0], held[0]
        return np.concatenate(features), np.concatenate(held)

    def of_one(self, numbers: IntArray) -> IntArray:
        """Find the n-grams of one text, as `found`: the feature of each that is known, among which
        may be UNKNOWN.
        """
        if len(numbers) > _FEW or self._all is None:
            return self.found(numbers, np.zeros_like(numbers))[0]
        # What begins with a negative number stays negative.
        runs = numbers - (numbers == NO_PART)
        sizes = [runs]
        for size in range(2, len(self._levels) + 2):
            runs = runs[:-1] * self._base
            runs += numbers[size - 1 :]
            sizes.append(runs)
        together = np.concatenate(sizes)
        keys, features = self._all
        at = keys.searchsorted(together)
        known: IntArray = features.take(at[keys.take(at) == together])
        return known

    def _at_all_places(
        self, numbers: IntArray, rows: IntArray
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Look every run of parts up, whatever they are: the fewest calls of numpy."""
        runs = numbers
        yield self._single.take(runs), rows
        for size, level in enumerate(self._levels, 2):
            runs = runs[:-1] * self._base
            runs += numbers[size - 1 :]
            if len(level.keys) == 1:
                continue
            at = level.keys.searchsorted(runs)
            same = level.keys.take(at) == runs
            yield np.where(same, level.features.take(at), UNKNOWN), rows[: len(runs)]
            if level.renumbers:
                runs = np.where(same, at + 1, NO_PART)

    def _at_known_places(
        self, numbers: IntArray, rows: IntArray
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Look up what has no NO_PART: the fewest searches."""
        places = numbers.nonzero()[0]
        runs = numbers[places]
        yield self._single[runs], rows[places]
        numbers = np.append(numbers, NO_PART)
        for level in self._levels:
            places = places + 1
            last = numbers[places]
            going = last.nonzero()[0]
            places = places[going]
            runs = runs[going] * self._base + last[going]
            if len(level.keys) == 1:
                continue
            at = level.keys.searchsorted(runs)
            same = (level.keys[at] == runs).nonzero()[0]
            at = at[same]
            yield level.features[at], rows[places[same]]
            if level.renumbers:
                places, runs = places[same], at + 1


def _levels(terms: Terms, runs: IntArray) -> Iterator[_Level]:
    """Sort terms of 2 parts, of 3 and so on, as long as there are any.

    Args:
        terms: all terms.
        runs: the first part of each.
    """
    base = terms.parts + 1
    starts, sizes, features = np.cumsum(terms.sizes) - terms.sizes, terms.sizes, terms.features
    size, left, different = 1, sizes > 1, base
    while left.any():
        starts, sizes, features, runs = (of[left] for of in (starts, sizes, features, runs))
        size += 1
        runs = runs * base + terms.numbers[starts + size - 1]
        whole = sizes == size
        different *= base
        renumbers = size % _STEP == 0 or different * base > _MOST
        if renumbers:
            keys, places = np.unique(runs, return_inverse=True)
            own = np.full(len(keys), UNKNOWN, np.int64)
            own[places[whole]] = features[whole]
            runs, different = places + 1, len(keys) + 1
        else:
            order = np.argsort(runs[whole])
            keys, own = runs[whole][order], features[whole][order]
        yield _Level(np.append(keys, _END), np.append(own, UNKNOWN), renumbers)
        left = ~whole
