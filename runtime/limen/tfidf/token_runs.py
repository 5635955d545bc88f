"""Tokens of many texts at once, by numpy instead of by a search and a dict for each word."""

import re
from collections.abc import Mapping

import numpy as np

from limen.arrays import IntArray
from limen.format.pieces import TOGETHER, Codes, Hashes, Pieces, Windows, windows
from limen.format.token_patterns import TokenPattern
from limen.format.vocabulary import Vocabulary
from limen.tfidf.grams import NO_PART

STOP = -1
"""The number of a word that is left out."""
_CODE_POINTS = 0x110000
_OUTSIDE, _INSIDE = 1, 2
_SPARE_BITS = 1
"""So many more first bits of a hash are told apart than words need, that most have their own."""
_STEPS = 4


class TokenRuns:
    """Cuts code points into the tokens of a pattern: longest runs of code points of its kind."""

    def __init__(self, pattern: TokenPattern) -> None:
        """Ask the pattern's own expression for nothing yet."""
        self._is_inside = re.compile(pattern.kind).fullmatch
        self._least = pattern.least
        # 0 for a code point that was not met before.
        self._kinds = np.zeros(_CODE_POINTS, np.uint8)

    def __call__(self, codes: Codes) -> tuple[IntArray, IntArray]:
        """Return where each token begins, and its length: int64, (tokens,)."""
        kinds = self._kinds.take(codes)
        if not kinds.all():
            for code in {*codes[kinds == 0].tolist()}:
                self._kinds[code] = _INSIDE if self._is_inside(chr(code)) else _OUTSIDE
            kinds = self._kinds.take(codes)
        inside = np.zeros(len(codes) + 2, np.bool_)
        np.equal(kinds, _INSIDE, out=inside[1:-1])
        edges = (inside[1:] != inside[:-1]).nonzero()[0]
        starts = edges[::2]
        lengths = edges[1::2] - starts
        if self._least == 1:
            return starts, lengths
        enough = (lengths >= self._least).nonzero()[0]
        return starts[enough], lengths[enough]


class WordNumbers:
    """Numbers words by hashes of 64 bits, and compares the words, so that no two are mistaken.

    Attributes:
        usable: whether all known words have hashes of their own.
    """

    def __init__(self, numbers: Mapping[str, int]) -> None:
        """Take the number of each known word."""
        known = Vocabulary.of(numbers)
        words = Pieces.of(windows(known.codes), known.starts, known.lengths)
        hashes = words.hashes()
        order = np.argsort(hashes)
        self._words = words.take(order)
        # Behind the last stands the largest hash of all, so that every search ends at one.
        self._hashes = np.append(hashes[order], np.uint64(2**64 - 1))
        self.usable = not (self._hashes[1:] == self._hashes[:-1]).any()
        self._numbers = np.fromiter(numbers.values(), np.int64, len(numbers))[order]
        bits = len(numbers).bit_length() + _SPARE_BITS
        self._shift = np.uint64(64 - bits)
        counts = np.bincount((hashes >> self._shift).astype(np.int64), minlength=1 << bits)
        self._begins = np.cumsum(counts) - counts

    def __call__(self, text: Windows, starts: IntArray, lengths: IntArray) -> IntArray:
        """Return the number of each token of a text, or NO_PART; arguments as in `Pieces`."""
        found = np.empty(len(starts), np.int64)
        for first in range(0, len(starts), TOGETHER):
            own = slice(first, first + TOGETHER)
            found[own] = self._numbered(Pieces.of(text, starts[own], lengths[own]))
        return found

    def _numbered(self, tokens: Pieces) -> IntArray:
        hashes = tokens.hashes()
        at = self._places(hashes)
        alike = self._hashes.take(at) == hashes
        alike &= at < len(self._numbers)
        known = alike.nonzero()[0]
        at = at[known]
        found = np.full(len(hashes), NO_PART, np.int64)
        found[known] = self._numbers.take(at)
        found[known[tokens.take(known).unlike(self._words.take(at))]] = NO_PART
        return found

    def _places(self, hashes: Hashes) -> IntArray:
        """Return for each hash the place of the first known one that is not below it. Its first
        bits say where to begin; hardly ever do more than two known ones share them.
        """
        at: IntArray = self._begins.take((hashes >> self._shift).astype(np.int64))
        below = (self._hashes.take(at) < hashes).nonzero()[0]
        for _ in range(_STEPS):
            if not len(below):
                return at
            at[below] += 1
            below = below[self._hashes.take(at[below]) < hashes[below]]
        # Somebody chose words for the first bits of their hashes.
        at[below] = self._hashes.searchsorted(hashes[below])
        return at
