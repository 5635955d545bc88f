"""Tokens of many texts at once, by numpy instead of by a search and a dict for each word."""

import re
from collections.abc import Mapping

import numpy as np

from limen.arrays import IntArray
from limen.format.token_patterns import TokenPattern
from limen.format.vocabulary import SPAN, Codes, Vocabulary, piece_hashes
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

    def __init__(self, numbers: Mapping[str, int]) -> None:
        """Take the number of each known word."""
        known = Vocabulary.of(numbers)
        self._codes = known.codes
        hashes = piece_hashes(self._codes, known.starts, known.lengths)
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        self.usable = not (self._hashes[1:] == self._hashes[:-1]).any()
        self._numbers = np.fromiter(numbers.values(), np.int64, len(numbers))[order]
        self._starts, self._lengths = known.starts[order], known.lengths[order]

    def __call__(self, codes: Codes, starts: IntArray, lengths: IntArray) -> IntArray:
        """Return the number of each token, or NO_PART; arguments as `piece_hashes`."""
        found = np.full(len(starts), NO_PART, np.int64)
        if not len(self._hashes):
            return found
        hashes = piece_hashes(codes, starts, lengths)
        at = np.minimum(self._hashes.searchsorted(hashes), len(self._hashes) - 1)
        tokens = (self._hashes.take(at) == hashes).nonzero()[0]
        at = at[tokens]
        found[tokens] = self._numbers.take(at)
        words = self._codes, self._starts.take(at), self._lengths.take(at)
        found[tokens[unlike(codes, starts[tokens], lengths[tokens], *words)]] = NO_PART
        return found


def unlike(
    codes: Codes,
    starts: IntArray,
    lengths: IntArray,
    others: Codes,
    other_starts: IntArray,
    other_lengths: IntArray,
) -> IntArray:
    """Compare pieces of two texts, one with one.

    Returns:
        int64: which are not equal, rising.
    """
    differ = [(lengths != other_lengths).nonzero()[0]]
    for place in (lengths > SPAN).nonzero()[0]:
        one = codes[starts[place] : starts[place] + lengths[place]]
        other = others[other_starts[place] : other_starts[place] + other_lengths[place]]
        if len(one) == len(other) and (one != other).any():
            differ.append(np.array([place]))
    same = ((lengths == other_lengths) & (lengths <= SPAN)).nonzero()[0]
    starts, lengths, other_starts = starts[same], lengths[same], other_starts[same]
    ends = np.cumsum(lengths)
    first = done = 0
    while first < len(same):
        last = max(first + 1, int(ends.searchsorted(done + SPAN, side="right")))
        own = slice(first, last)
        begins = ends[own] - lengths[own] - done
        inside = np.arange(int(ends[last - 1]) - done)
        one = codes.take(inside + np.repeat(starts[own] - begins, lengths[own]))
        other = others.take(inside + np.repeat(other_starts[own] - begins, lengths[own]))
        places = (one != other).nonzero()[0]
        differ.append(same[first + np.unique(begins.searchsorted(places, side="right") - 1)])
        first, done = last, int(ends[last - 1])
    return np.sort(np.concatenate(differ))
