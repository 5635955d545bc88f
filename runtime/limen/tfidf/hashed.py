"""N-grams of words and characters whose features are hashes."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np

from limen.arrays import IntArray
from limen.format import Vectoriser
from limen.format.token_patterns import TOKEN_PATTERNS
from limen.tfidf.characters import SPACES
from limen.tfidf.hashing import HashedTerms
from limen.tfidf.kept import LONGEST, MOST_WORDS
from limen.tfidf.preparing import preparation

_OfText: TypeAlias = Callable[[str], Iterable[int]]


class HashedGrams:
    """N-grams of texts, each hashed by itself."""

    def __init__(self, part: Vectoriser) -> None:
        """Choose how texts are cut."""
        self._prepare = preparation(part)
        self._found = _words(part) if part.analyzer == "word" else _characters(part)

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Look the n-grams of texts up, as `analysis.Lookup`."""
        if len(texts) == 1:
            features = np.array([*self._found(self._prepare(texts[0]))], np.int64)
            return features, np.zeros(len(features), np.int64)
        lists = [[*self._found(self._prepare(text))] for text in texts]
        lengths = [len(one) for one in lists]
        features = np.fromiter(chain.from_iterable(lists), np.int64, sum(lengths))
        return features, np.repeat(np.arange(len(texts)), lengths)


def _words(part: Vectoriser) -> _OfText:
    words = re.compile(TOKEN_PATTERNS[part.token_pattern].expression).findall
    stop = frozenset(part.stop_words)
    get = _hashes(part)
    low, high = part.ngram_range

    def found(text: str) -> Iterable[int]:
        tokens = words(text)
        if stop:
            tokens = [token for token in tokens if token not in stop]
        for size in range(low, high + 1):
            grams = zip(*(tokens[skip:] for skip in range(size)), strict=False)
            yield from map(get, tokens if size == 1 else map(" ".join, grams))

    return found


def _characters(part: Vectoriser) -> _OfText:
    get = _hashes(part)
    low, high = part.ngram_range
    if part.analyzer == "char_wb":
        known = _WordFeatures(get, low, high).__getitem__
        return lambda text: chain.from_iterable(map(known, text.split()))

    def found(text: str) -> Iterable[int]:
        text = SPACES.sub(" ", text)
        cut, length = text.__getitem__, len(text)
        sizes = range(low, min(high, length) + 1)
        parts = (map(slice, range(length), range(size, length + 1)) for size in sizes)
        return map(get, map(cut, chain.from_iterable(parts)))

    return found


class _WordFeatures(dict[str, tuple[int, ...]]):
    """Word -> features of its character n-grams with a space on both sides, computed when first
    asked for, since words repeat. It forgets everything when it holds too much.
    """

    def __init__(self, get: Callable[[str], int], low: int, high: int) -> None:
        super().__init__()
        self._get = get
        self._sizes = range(low, high + 1)

    def __missing__(self, word: str) -> tuple[int, ...]:
        padded = f" {word} "
        grams: list[str] = []
        for size in self._sizes:
            if size >= len(padded):
                # A short word counts once, whatever sizes are left.
                grams.append(padded)
                break
            grams += [padded[start : start + size] for start in range(len(padded) - size + 1)]
        found = tuple(map(self._get, grams))
        if len(word) <= LONGEST:
            if len(self) >= MOST_WORDS:
                self.clear()
            self[word] = found
        return found


def _hashes(part: Vectoriser) -> Callable[[str], int]:
    return HashedTerms(part.features, alternate_sign=part.alternate_sign).__getitem__
