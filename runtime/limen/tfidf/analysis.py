"""Texts to their features, one for every n-gram: what scikit-learn's `build_analyzer` makes, and
the lookup behind it (sklearn/feature_extraction/text.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from limen.arrays import IntArray
from limen.format import Vectoriser
from limen.format.tfidf_block import Analyzer
from limen.format.vocabulary import Vocabulary
from limen.tfidf.characters import Characters, InsideWords
from limen.tfidf.hashed import HashedGrams
from limen.tfidf.words import Words


class Lookup(Protocol):
    """Looks the n-grams of texts up."""

    def __call__(self, texts: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Return the features of all n-grams, and the text of each, from 0: int64, (n-grams,). One
        that is not known is UNKNOWN, or left out; a hashed feature i that counts -1 is ~i.
        """
        ...


def lookup(part: Vectoriser) -> Lookup:
    """Build the analyser of a vectoriser."""
    if part.vocabulary is None:
        return HashedGrams(part)
    kinds: Mapping[Analyzer, Callable[[Vectoriser, Vocabulary], Lookup]] = {
        "word": Words,
        "char": Characters,
        "char_wb": InsideWords,
    }
    return kinds[part.analyzer](part, part.vocabulary)
