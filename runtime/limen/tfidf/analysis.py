"""Texts to their features, one for every n-gram: what scikit-learn's `build_analyzer` makes, and
the lookup behind it (sklearn/feature_extraction/text.py).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, compress, repeat
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from limen.arrays import IntArray
from limen.format import Vectoriser
from limen.format.token_patterns import TOKEN_PATTERNS
from limen.tfidf.grams import UNKNOWN, Grams, Terms
from limen.tfidf.hashing import HashedTerms

BETWEEN = "\x1e"
"""What stands between texts that are analysed together, the record separator: a space to every
token pattern, and without effect on lower case and accents of what is beside it."""

_BORDER = -2
_SPACES = re.compile(r"\s\s+")
_MOST_WORDS = 1 << 16
_FEW_GRAMS = 1 << 10


class Lookup(Protocol):
    """Looks the n-grams of texts up."""

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Return the features of all n-grams, and the text of each, from 0: int64, (n-grams,). A
        feature that is not known is UNKNOWN; a hashed feature i that counts -1 is ~i.
        """
        ...


_OfText: TypeAlias = Callable[[str], Iterable[int]]
_Prepare: TypeAlias = Callable[[str], str]


def lookup(part: Vectoriser) -> Lookup:
    """Build the analyser of a vectoriser."""
    if part.vocabulary is not None and part.analyzer != "char_wb":
        kind = _Words if part.analyzer == "word" else _Characters
        return kind(part, part.vocabulary)
    prepare = _preparation(part)
    found = _hashed_words(part) if part.analyzer == "word" else _by_characters(part)
    return _one_by_one(lambda text: found(prepare(text)))


def _preparation(part: Vectoriser) -> _Prepare:
    strip = {"none": None, "ascii": _only_ascii, "unicode": _without_marks}[part.strip_accents]
    if strip is None:
        return str.lower if part.lowercase else str
    return (lambda text: strip(text.lower())) if part.lowercase else strip


def _only_ascii(text: str) -> str:
    """NFKD, and what is not ASCII dropped."""
    decomposed = unicodedata.normalize("NFKD", text)
    return decomposed.encode("ascii", "ignore").decode("ascii")


def _without_marks(text: str) -> str:
    """NFKD, and code points with a combining class dropped."""
    if text.isascii():
        return text
    combining = unicodedata.combining
    return "".join([one for one in unicodedata.normalize("NFKD", text) if not combining(one)])


def _one_by_one(found: _OfText) -> Lookup:
    def each(texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        if len(texts) == 1:
            features = np.array([*found(texts[0])], np.int64)
            return features, np.zeros(len(features), np.int64)
        lists = [[*found(text)] for text in texts]
        lengths = [len(one) for one in lists]
        features = np.fromiter(chain.from_iterable(lists), np.int64, sum(lengths))
        return features, np.repeat(np.arange(len(texts)), lengths)

    return each


class _Words:
    """N-grams of words in a vocabulary. Many texts are cut into words by one search over all of
    them, which is half of the work.
    """

    def __init__(self, part: Vectoriser, vocabulary: Mapping[str, int]) -> None:
        expression = TOKEN_PATTERNS[part.token_pattern].expression
        self._words = re.compile(f"{BETWEEN}|{expression}").findall
        self._prepare = _preparation(part)
        self._stop = frozenset(part.stop_words)
        sizes = np.fromiter((term.count(" ") + 1 for term in vocabulary), np.int64, len(vocabulary))
        usable = _within(sizes, part.ngram_range)
        words = " ".join(compress(vocabulary, usable)).split(" ") if usable.any() else []
        numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        self._grams = Grams(
            Terms(
                np.fromiter(map(numbers.__getitem__, words), np.int64, len(words)),
                sizes[usable],
                usable.nonzero()[0],
                max(1, len(numbers)),
            )
        )
        numbers[BETWEEN] = _BORDER
        self._numbers = numbers.get
        self._unknown = repeat(UNKNOWN)

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
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


class _Characters:
    """N-grams of characters in a vocabulary. Those of a short text alone are looked up one by one:
    the arithmetic for many costs it twice as much.
    """

    def __init__(self, part: Vectoriser, vocabulary: Mapping[str, int]) -> None:
        self._prepare = _preparation(part)
        self._get = vocabulary.get
        self._sizes = range(part.ngram_range[0], part.ngram_range[1] + 1)
        sizes = np.fromiter(map(len, vocabulary), np.int64, len(vocabulary))
        usable = _within(sizes, part.ngram_range)
        codes = _codes("".join(compress(vocabulary, usable)))
        self._known, numbers = np.unique(codes, return_inverse=True)
        parts = max(1, len(self._known))
        self._grams = Grams(Terms(numbers, sizes[usable], usable.nonzero()[0], parts))

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        prepared = [_SPACES.sub(" ", self._prepare(text)) for text in texts]
        if len(prepared) == 1 and len(prepared[0]) * len(self._sizes) <= _FEW_GRAMS:
            return self._one_by_one(prepared[0])
        codes = _codes("".join(prepared))
        rows = np.repeat(np.arange(len(texts)), [len(text) for text in prepared])
        if not len(self._known):
            return rows[:0], rows[:0]
        at = np.minimum(np.searchsorted(self._known, codes), len(self._known) - 1)
        return self._grams.found(np.where(self._known[at] == codes, at, UNKNOWN), rows)

    def _one_by_one(self, text: str) -> tuple[IntArray, IntArray]:
        grams = [
            text[start : start + size]
            for size in self._sizes
            for start in range(len(text) - size + 1)
        ]
        features = np.array([*map(self._get, grams, repeat(UNKNOWN))], np.int64)
        return features, np.zeros(len(features), np.int64)


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.dtype("<u4"))


def _within(sizes: IntArray, ngram_range: tuple[int, int]) -> npt.NDArray[np.bool_]:
    within: npt.NDArray[np.bool_] = (sizes >= ngram_range[0]) & (sizes <= ngram_range[1])
    return within


def _hashed_words(part: Vectoriser) -> _OfText:
    words = re.compile(TOKEN_PATTERNS[part.token_pattern].expression).findall
    stop = frozenset(part.stop_words)
    get = _terms(part)
    low, high = part.ngram_range

    def found(text: str) -> Iterable[int]:
        tokens = words(text)
        if stop:
            tokens = [token for token in tokens if token not in stop]
        for size in range(low, high + 1):
            grams = zip(*(tokens[skip:] for skip in range(size)), strict=False)
            yield from map(get, tokens if size == 1 else map(" ".join, grams))

    return found


def _by_characters(part: Vectoriser) -> _OfText:
    get = _terms(part)
    low, high = part.ngram_range
    if part.analyzer == "char_wb":
        known = _WordFeatures(get, low, high).__getitem__
        return lambda text: chain.from_iterable(map(known, text.split()))

    def found(text: str) -> Iterable[int]:
        text = _SPACES.sub(" ", text)
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
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = found
        return found


class _Terms(dict[str, int]):
    """A vocabulary that gives UNKNOWN for other terms, and keeps nothing of them."""

    def __missing__(self, term: str) -> int:
        return UNKNOWN


def _terms(part: Vectoriser) -> Callable[[str], int]:
    if part.vocabulary is None:
        return HashedTerms(part.features, alternate_sign=part.alternate_sign).__getitem__
    return _Terms(part.vocabulary).__getitem__
