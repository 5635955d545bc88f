"""N-grams of characters in a vocabulary, over whole texts and inside words."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from limen.arrays import IntArray
from limen.format import Vectoriser
from limen.format.pieces import code_points
from limen.format.vocabulary import Vocabulary, cut
from limen.tfidf import kept as kept_sizes
from limen.tfidf.grams import NO_PART, UNKNOWN, Grams, Terms
from limen.tfidf.preparing import preparation

SPACES: Final = re.compile(r"\s\s+")
_BETWEEN = "\ud800"
"""Stands between texts or words that are looked up together. No text holds a lone surrogate."""
_PADDED = 3
"""Characters that every word has, spaces on both sides included."""
_KEEPS_EVERY = 4
_SHORT = 1 << 9
"""Characters of a text up to which its words are looked up as often as they stand there: to find
out which are different would cost more."""


class Characters:
    """N-grams of characters of texts, in a vocabulary."""

    def __init__(self, part: Vectoriser, vocabulary: Vocabulary) -> None:
        """Number the characters of the terms."""
        self._prepare = preparation(part)
        self._found = _CharacterGrams(vocabulary, *part.ngram_range)

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Look the n-grams of texts up, as `analysis.Lookup`."""
        return self._found([SPACES.sub(" ", self._prepare(text)) for text in texts])


class InsideWords:
    """N-grams of characters inside the words of texts, with a space on both sides, in a vocabulary.

    Since words repeat, their features are kept, and forgotten all at once when they are too many.
    Telling the n-grams of one word from those of the next costs a third of looking them up, so of
    short texts that come one at a time only one in four with words that are not kept pays it.
    """

    def __init__(self, part: Vectoriser, vocabulary: Vocabulary) -> None:
        """Number the characters of the terms."""
        self._prepare = preparation(part)
        self._found = _CharacterGrams(vocabulary, *part.ngram_range)
        self._least = part.ngram_range[0]
        # A word that is shorter than every n-gram counts whole.
        short = (vocabulary.lengths < self._least).nonzero()[0]
        terms = cut(vocabulary.text, vocabulary.starts[short], vocabulary.lengths[short])
        self._short = dict(zip(terms, short.tolist(), strict=True))
        self._kept: dict[str, IntArray] = {}
        self._with_new = 0

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Look the n-grams of texts up, as `analysis.Lookup`."""
        prepared = [*map(self._prepare, texts)]
        words = [text.split() for text in prepared]
        if len(words) == 1 and len(prepared[0]) <= _SHORT:
            found = self._of_one(words[0])
            if found is not None:
                return found, np.zeros(len(found), np.int64)
        each = [*chain.from_iterable(words)]
        # Another thread may forget, or add, at any time; what is here was here, or is added here.
        kept = self._kept
        new = {word for word in each if word not in kept}
        if len(kept) + len(new) > kept_sizes.MOST_WORDS:
            kept, new = {}, {*each}
        found_now = dict(self._looked_up([*new])) if new else {}
        features = [kept[word] if word in kept else found_now[word] for word in each]
        for word, own in found_now.items():
            if len(word) <= kept_sizes.LONGEST and len(own) <= kept_sizes.MOST_FEATURES:
                # A part of an array would keep the whole of it.
                kept[word] = own.copy()
        self._kept = kept if len(kept) <= kept_sizes.MOST_WORDS else {}
        if not each:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rows = np.repeat(np.arange(len(texts)), [len(own) for own in words])
        return np.concatenate(features), np.repeat(rows, [len(own) for own in features])

    def _of_one(self, words: Sequence[str]) -> IntArray | None:
        """The n-grams of a text, whose words are not told apart; None where it is time to."""
        kept = [*map(self._kept.get, words)]
        features = [own for own in kept if own is not None]
        if len(features) < len(words):
            self._with_new += 1
            if self._with_new % _KEEPS_EVERY == 0:
                return None
            new = [word for word, own in zip(words, kept, strict=True) if own is None]
            if self._least > _PADDED and min(map(len, new)) + 2 < self._least:
                short = [word for word in new if len(word) + 2 < self._least]
                whole = [self._short.get(f" {word} ", UNKNOWN) for word in short]
                features.append(np.array(whole, np.int64))
                new = [word for word in new if len(word) + 2 >= self._least]
            features.append(self._found.of_one(_BETWEEN.join([f" {word} " for word in new])))
        return np.concatenate(features) if features else np.empty(0, np.int64)

    def _looked_up(self, words: Sequence[str]) -> Iterator[tuple[str, IntArray]]:
        padded = [f" {word} " for word in words]
        features, rows = self._found(padded)
        known = (features >= 0).nonzero()[0]
        order = known[np.argsort(rows[known], kind="stable")]
        features = features[order]
        ends = np.cumsum(np.bincount(rows[order], minlength=len(words))).tolist()
        for word, whole, start, end in zip(words, padded, [0, *ends], ends, strict=False):
            if len(whole) < self._least:
                yield word, np.array([self._short.get(whole, UNKNOWN)], np.int64)
            else:
                yield word, features[start:end]


class _CharacterGrams:
    """Finds n-grams of a vocabulary by the numbers of their characters."""

    def __init__(self, vocabulary: Vocabulary, low: int, high: int) -> None:
        sizes = vocabulary.lengths
        usable = (sizes >= low) & (sizes <= high)
        codes = vocabulary.codes[np.repeat(usable, sizes)]
        # Code point -> number; what is behind the last is no part of any.
        self._numbers = np.full(int(codes.max(initial=0)) + 2, NO_PART, np.int64)
        self._numbers[codes] = 1
        known = self._numbers.nonzero()[0]
        self._numbers[known] = np.arange(1, len(known) + 1)
        terms = Terms(self._numbers[codes], sizes[usable], usable.nonzero()[0], len(known))
        self._grams = Grams(terms)

    def of_one(self, text: str) -> IntArray:
        """The features of the n-grams of a text, nothing reaching over _BETWEEN."""
        numbers = self._numbers.take(code_points(text), mode="clip")
        return self._grams.of_one(numbers)

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        if len(texts) == 1:
            found = self.of_one(texts[0])
            return found, np.zeros(len(found), np.int64)
        numbers = self._numbers.take(code_points(_BETWEEN.join(texts)), mode="clip")
        rows = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
        return self._grams.found(numbers, rows[: len(numbers)])
