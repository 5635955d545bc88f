"""N-grams of words in a vocabulary."""

import re
from collections.abc import Sequence
from itertools import repeat

import numpy as np

from limen.arrays import IntArray
from limen.format import Vectoriser
from limen.format.token_patterns import TOKEN_PATTERNS
from limen.format.vocabulary import Vocabulary, cut, piece_hashes
from limen.tfidf.grams import UNKNOWN, Grams, Terms
from limen.tfidf.preparing import preparation

BETWEEN = "\x1e"
"""What stands between texts that are analysed together, the record separator: a space to every
token pattern, and without effect on lower case and accents of what is beside it."""

_BORDER = -2
_SPACE = ord(" ")


class Words:
    """N-grams of words in a vocabulary. Many texts are cut into words by one search over all of
    them, which is half of the work.
    """

    def __init__(self, part: Vectoriser, vocabulary: Vocabulary) -> None:
        """Cut the terms into words."""
        expression = TOKEN_PATTERNS[part.token_pattern].expression
        self._words = re.compile(f"{BETWEEN}|{expression}").findall
        self._prepare = preparation(part)
        self._stop = frozenset(part.stop_words)
        words, terms = _in_words(vocabulary, part.ngram_range)
        self._grams = Grams(terms)
        numbers = dict(zip(words, range(len(words)), strict=True))
        numbers[BETWEEN] = _BORDER
        self._numbers = numbers.get
        self._unknown = repeat(UNKNOWN)

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Look the n-grams of texts up, as `analysis.Lookup`."""
        together = BETWEEN.join(texts)
        if together.count(BETWEEN) != len(texts) - 1:
            # To the token patterns a separator inside a text is a space like any other.
            together = BETWEEN.join([text.replace(BETWEEN, " ") for text in texts])
        tokens = self._words(self._prepare(together))
        if self._stop:
            tokens = [token for token in tokens if token not in self._stop]
        numbers = np.fromiter(map(self._numbers, tokens, self._unknown), np.int64, len(tokens))
        rows = np.cumsum(numbers == _BORDER) if len(texts) > 1 else np.zeros_like(numbers)
        return self._grams.found(numbers, rows)


def _in_words(vocabulary: Vocabulary, ngram_range: tuple[int, int]) -> tuple[list[str], Terms]:
    """Return the different words of the terms that an n-gram can be, and these terms.

    Words are told apart by a hash of 64 bits, since Python would take longer for them than for all
    the rest of opening a file; were it equal for two words, the words themselves are compared.
    """
    spaces = (vocabulary.codes == _SPACE).nonzero()[0]
    begins, ends = vocabulary.starts, vocabulary.starts + vocabulary.lengths
    sizes = np.searchsorted(spaces, ends) - np.searchsorted(spaces, begins) + 1
    usable = (sizes >= ngram_range[0]) & (sizes <= ngram_range[1])
    # Every word begins with a term or behind a space, and ends with one or before one.
    starts = np.sort(np.concatenate([begins, spaces + 1]))
    lengths = np.sort(np.concatenate([ends, spaces])) - starts
    kept = np.repeat(usable, sizes)
    starts, lengths = starts[kept], lengths[kept]
    firsts, numbers = _told_apart(vocabulary, starts, lengths)
    words = cut(vocabulary.text, starts[firsts], lengths[firsts])
    terms = Terms(numbers, sizes[usable], usable.nonzero()[0], max(1, len(words)))
    return words, terms


def _told_apart(
    vocabulary: Vocabulary, starts: IntArray, lengths: IntArray
) -> tuple[IntArray, IntArray]:
    """Number the different words among pieces of the terms.

    Returns:
        One piece of each word, int64 (words,), and the word of each piece, int64 (pieces,).
    """
    hashes = piece_hashes(vocabulary.codes, starts, lengths)
    order = np.argsort(hashes)
    begins = np.ones(len(order), np.bool_)
    np.not_equal(hashes[order[1:]], hashes[order[:-1]], out=begins[1:])
    firsts = order[begins]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(begins) - 1
    if not _are_equal(vocabulary, starts, lengths, firsts[numbers]):
        pieces = cut(vocabulary.text, starts, lengths)
        place = {word: number for number, word in enumerate(dict.fromkeys(pieces))}
        numbers = np.fromiter(map(place.__getitem__, pieces), np.int64, len(pieces))
        firsts = np.unique(numbers, return_index=True)[1]
    return firsts, numbers


def _are_equal(
    vocabulary: Vocabulary, starts: IntArray, lengths: IntArray, others: IntArray
) -> bool:
    """Whether each piece is the same as another one."""
    if not np.array_equal(lengths, lengths[others]):
        return False
    begins = np.cumsum(lengths) - lengths
    inside = np.arange(int(lengths.sum())) - np.repeat(begins, lengths)
    own, other = (np.repeat(of, lengths) + inside for of in (starts, starts[others]))
    return np.array_equal(vocabulary.codes[own], vocabulary.codes[other])
