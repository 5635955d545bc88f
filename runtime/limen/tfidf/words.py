"""N-grams of words in a vocabulary."""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import repeat

import numpy as np

from limen.arrays import IntArray
from limen.format import Vectoriser
from limen.format.pieces import TOGETHER, Pieces, Windows, code_points, piece_hashes, windows
from limen.format.token_patterns import TOKEN_PATTERNS
from limen.format.vocabulary import Vocabulary, cut
from limen.tfidf.grams import NO_PART, Grams, Terms
from limen.tfidf.preparing import preparation
from limen.tfidf.token_runs import STOP, TokenRuns, WordNumbers

BETWEEN = "\x1e"
"""What stands between texts that are analysed together, the record separator: a space to every
token pattern, and without effect on lower case and accents of what is beside it."""

_BETWEEN_CODE = ord(BETWEEN)
_BORDER = -2
_SPACE = ord(" ")
_MANY = 1 << 11
"""Characters from which on numpy is faster, some 60 short texts."""


class Words:
    """N-grams of words in a vocabulary. Few texts are cut by one search over all of them, whose
    words are looked up in a dict; for many that is most of the work, and numpy does it.
    """

    def __init__(self, part: Vectoriser, vocabulary: Vocabulary) -> None:
        """Cut the terms into words."""
        pattern = TOKEN_PATTERNS[part.token_pattern]
        self._search = re.compile(f"{BETWEEN}|{pattern.expression}").findall
        self._prepare = preparation(part)
        self._stop = frozenset(part.stop_words)
        words, terms = _in_words(vocabulary, part.ngram_range)
        self._grams = Grams(terms)
        # A word that is left out is left out also where a term has it.
        self._numbers = dict(zip(words, range(1, len(words) + 1), strict=True))
        self._numbers |= dict.fromkeys(self._stop, STOP)
        self._numbers[BETWEEN] = _BORDER
        self._unknown = repeat(NO_PART)
        self._runs = TokenRuns(pattern)

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Look the n-grams of texts up, as `analysis.Lookup`."""
        together = BETWEEN.join(texts)
        if together.count(BETWEEN) != len(texts) - 1:
            # To the token patterns a separator inside a text is a space like any other.
            together = BETWEEN.join([text.replace(BETWEEN, " ") for text in texts])
        prepared = self._prepare(together)
        if len(prepared) >= _MANY and self._by_hash.usable:
            return self._grams.found(*self._of_many(prepared))
        tokens = self._search(prepared)
        numbers = np.fromiter(map(self._numbers.get, tokens, self._unknown), np.int64, len(tokens))
        if self._stop:
            numbers = numbers[numbers != STOP]
        if len(texts) == 1:
            found = self._grams.of_one(numbers)
            return found, np.zeros_like(found)
        borders = numbers == _BORDER
        numbers[borders] = NO_PART
        return self._grams.found(numbers, np.cumsum(borders))

    @cached_property
    def _by_hash(self) -> WordNumbers:
        return WordNumbers(self._numbers)

    def _of_many(self, prepared: str) -> tuple[IntArray, IntArray]:
        """Numbers of the words of texts, NO_PART between two texts, and the text of each."""
        codes = code_points(prepared)
        starts, lengths = self._runs(codes)
        numbers = self._by_hash(windows(codes), starts, lengths)
        if self._stop:
            kept = (numbers != STOP).nonzero()[0]
            numbers, starts = numbers[kept], starts[kept]
        if not len(starts):
            return numbers, starts
        ends = starts.searchsorted((codes == _BETWEEN_CODE).nonzero()[0])
        rows = np.repeat(np.arange(len(ends) + 1), np.diff(ends, prepend=0, append=len(starts)))
        # Every text before a word's own leaves a gap.
        places = np.arange(len(rows)) + rows
        apart = np.full(places[-1] + 1, NO_PART, np.int64)
        apart[places] = numbers
        of_each = np.zeros_like(apart)
        of_each[places] = rows
        return apart, of_each


def _in_words(vocabulary: Vocabulary, ngram_range: tuple[int, int]) -> tuple[list[str], Terms]:
    """Return the different words of the terms that an n-gram can be, and these terms.

    Words are told apart by a hash of 64 bits, since Python would take longer for them than for all
    the rest of opening a file; were it equal for two words, the words themselves are compared.
    """
    codes = vocabulary.codes
    spaces = (codes == _SPACE).nonzero()[0]
    begins, ends = vocabulary.starts, vocabulary.starts + vocabulary.lengths
    before = spaces.searchsorted(begins)
    sizes = spaces.searchsorted(ends) - before + 1
    usable = ((sizes >= ngram_range[0]) & (sizes <= ngram_range[1])).nonzero()[0]
    begins, ends, sizes = begins[usable], ends[usable], sizes[usable]
    # The spaces of usable terms: before[i], and as many behind it as the term has.
    within = np.cumsum(sizes - 1) - (sizes - 1)
    places = np.arange(int((sizes - 1).sum())) + np.repeat(before[usable] - within, sizes - 1)
    spaces = spaces[places]
    # Every word begins with a term or behind a space, and ends with one or before one; both rise
    # from word to word, so sorted they belong together, also where a word is empty.
    starts = np.sort(np.concatenate([begins, spaces + 1]))
    lengths = np.sort(np.concatenate([ends, spaces])) - starts
    firsts, numbers = _told_apart(vocabulary.text, windows(codes), starts, lengths)
    words = cut(vocabulary.text, starts[firsts], lengths[firsts])
    return words, Terms(numbers, sizes, usable, len(words))


def _told_apart(
    text: str, places: Windows, starts: IntArray, lengths: IntArray
) -> tuple[IntArray, IntArray]:
    """Number the different words among pieces of a text.

    Returns:
        One piece of each word, int64 (words,), and the number of each piece's word, from 1, int64
        (pieces,).
    """
    hashes = piece_hashes(places, starts, lengths)
    order = np.argsort(hashes)
    hashes = hashes[order]
    begins = np.ones(len(order), np.bool_)
    np.not_equal(hashes[1:], hashes[:-1], out=begins[1:])
    firsts = order[begins]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(begins)
    del hashes, order
    if not _are_equal(places, starts, lengths, firsts, numbers):
        pieces = cut(text, starts, lengths)
        place = {word: number for number, word in enumerate(dict.fromkeys(pieces), 1)}
        numbers = np.fromiter(map(place.__getitem__, pieces), np.int64, len(pieces))
        firsts = np.unique(numbers, return_index=True)[1]
    return firsts, numbers


def _are_equal(
    places: Windows, starts: IntArray, lengths: IntArray, firsts: IntArray, numbers: IntArray
) -> bool:
    """Whether each piece is the word whose number it has."""
    for begin in range(0, len(starts), TOGETHER):
        own = slice(begin, begin + TOGETHER)
        same = firsts[numbers[own] - 1]
        others = Pieces.of(places, starts[same], lengths[same])
        if len(Pieces.of(places, starts[own], lengths[own]).unlike(others)):
            return False
    return True
