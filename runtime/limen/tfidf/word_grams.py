"""N-grams of words, found by numbers instead of joined texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat

import numpy as np
import numpy.typing as npt

from limen.arrays import IntArray

UNKNOWN = -1
"""In the place of a feature: the vocabulary does not have the n-gram."""


@dataclass(frozen=True, eq=False)
class _Level:
    """All runs of so many words with which a term begins, or that are one.

    Attributes:
        keys: int64, rising: number of the run without its last word, times all words, plus the
            number of the last word.
        features: int64, for each key the term's feature; UNKNOWN where there are longer terms alone.
    """

    keys: IntArray
    features: IntArray


class WordGrams:
    """Finds the n-grams of a vocabulary in a row of words.

    Every word has a number. A run of n words is found, for all places of a text at once, by the
    number of its first n - 1 words and that of the last one, in a sorted array: no text of an
    n-gram is made, and none is hashed.
    """

    def __init__(
        self, vocabulary: Mapping[str, int], ngram_range: tuple[int, int], border: str
    ) -> None:
        """Number the words.

        Args:
            vocabulary: term, words divided by one space, to feature.
            ngram_range: least and most words of a term that counts.
            border: a word that stands between texts.
        """
        low, high = ngram_range
        terms = [*vocabulary]
        sizes = np.fromiter((term.count(" ") + 1 for term in terms), np.int64, len(terms))
        features = np.fromiter(vocabulary.values(), np.int64, len(terms))
        usable = (sizes >= low) & (sizes <= high)
        words = " ".join(compress(terms, usable)).split(" ") if usable.any() else []
        self._numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        self._count = max(1, len(self._numbers))
        numbers = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
        sizes, features = sizes[usable], features[usable]
        starts = np.cumsum(sizes) - sizes
        self._single, self._levels = _levels(numbers, starts, sizes, features, self._count)
        # No word of a text is the border, and no number is used twice.
        self._numbers[border] = self._border = -2

    def found(self, tokens: Sequence[str], *, several: bool) -> tuple[IntArray, IntArray]:
        """Find the n-grams of texts.

        Args:
            tokens: their words, the border between them.
            several: whether there are borders.

        Returns:
            The feature of each n-gram, or UNKNOWN, and its text, from 0: int64, (n-grams,).
        """
        unknown = repeat(UNKNOWN)
        numbers = np.fromiter(map(self._numbers.get, tokens, unknown), np.int64, len(tokens))
        rows = np.cumsum(numbers == self._border) if several else np.zeros_like(numbers)
        known = numbers >= 0
        places, runs = known.nonzero()[0], numbers[known]
        features, held = [self._single[runs]], [rows[known]]
        for level in self._levels:
            # Runs that go on with a known word; over a border none does.
            further = places + 1
            inside = further < len(numbers)
            places, runs = further[inside], runs[inside]
            last = numbers[places]
            going = last >= 0
            places = places[going]
            keys = runs[going] * self._count + last[going]
            at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            same = level.keys[at] == keys
            places, runs = places[same], at[same]
            features.append(level.features[runs])
            held.append(rows[places])
        if len(features) == 1:
            return features[0], held[0]
        return np.concatenate(features), np.concatenate(held)


def _levels(
    numbers: IntArray, starts: IntArray, sizes: IntArray, features: IntArray, count: int
) -> tuple[IntArray, list[_Level]]:
    """Return the feature of each single word, and the levels of two words and more.

    Args:
        numbers: of all words of all terms, one term behind another.
        starts, sizes, features: of each term.
        count: how many words there are.
    """
    single = np.full(count, UNKNOWN, np.int64)
    single[numbers[starts[sizes == 1]]] = features[sizes == 1]
    levels = []
    more = sizes > 1
    starts, sizes, features = starts[more], sizes[more], features[more]
    runs = numbers[starts]
    size = 2
    while len(starts):
        keys, runs = np.unique(runs * count + numbers[starts + size - 1], return_inverse=True)
        own = np.full(len(keys), UNKNOWN, np.int64)
        whole: npt.NDArray[np.bool_] = sizes == size
        own[runs[whole]] = features[whole]
        levels.append(_Level(keys, own))
        starts, sizes, features, runs = (
            starts[~whole],
            sizes[~whole],
            features[~whole],
            runs[~whole],
        )
        size += 1
    return single, levels
