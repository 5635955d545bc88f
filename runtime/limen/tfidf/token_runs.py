"""Tokens of many texts at once, by numpy instead of by a search and a dict for each word."""

import re
from collections.abc import Sequence

import numpy as np

from limen.arrays import IntArray
from limen.format.token_patterns import TokenPattern
from limen.format.vocabulary import Codes, Vocabulary, piece_hashes
from limen.tfidf.grams import NO_PART

STOP = -1
"""The number of a word that is left out."""
_CODE_POINTS = 0x110000
_OUTSIDE, _INSIDE = 1, 2


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

    def __init__(self, words: Sequence[str], stop: Sequence[str]) -> None:
        """Take the words that have the numbers from 1, and others, that have STOP."""
        known = Vocabulary.of([*words, *stop])
        hashes = piece_hashes(known.codes, known.starts, known.lengths)
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        self.usable = not (self._hashes[1:] == self._hashes[:-1]).any()
        numbers = np.arange(1, len(known) + 1)
        numbers[len(words) :] = STOP
        self._numbers, self._codes = numbers[order], known.codes
        self._starts, self._lengths = known.starts[order], known.lengths[order]

    def __call__(self, codes: Codes, starts: IntArray, lengths: IntArray) -> IntArray:
        """Return the number of each token, or NO_PART; arguments as `piece_hashes`."""
        found = np.full(len(starts), NO_PART, np.int64)
        if not len(self._hashes):
            return found
        hashes = piece_hashes(codes, starts, lengths)
        at = np.minimum(self._hashes.searchsorted(hashes), len(self._hashes) - 1)
        same = (self._hashes.take(at) == hashes) & (self._lengths.take(at) == lengths)
        tokens = same.nonzero()[0]
        at = at[tokens]
        numbers = self._numbers.take(at)
        unlike = self._unlike(codes, starts[tokens], at)
        if len(unlike):
            numbers[unlike] = NO_PART
        found[tokens] = numbers
        return found

    def _unlike(self, codes: Codes, starts: IntArray, at: IntArray) -> IntArray:
        """Return which tokens are others than the words found for them, of the same length."""
        lengths = self._lengths.take(at)
        begins = np.cumsum(lengths) - lengths
        inside = np.arange(int(lengths.sum()))
        own = codes.take(inside + np.repeat(starts - begins, lengths))
        other = self._codes.take(inside + np.repeat(self._starts.take(at) - begins, lengths))
        differ = (own != other).nonzero()[0]
        tokens: IntArray = np.searchsorted(begins, differ, side="right") - 1
        return tokens
