"""A vocabulary as a file holds it: its terms, one behind the other, and their lengths."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np

from limen.arrays import IntArray
from limen.format.pieces import Codes, code_points, piece_hashes, windows


class Vocabulary(Mapping[str, int]):
    """Term -> its feature, from 0, in this order.

    A vocabulary of 200,000 terms takes Python a tenth of a second to cut apart and hash. So the
    terms stay where they are, for numpy to look through; the dict is built when it is first asked
    for.

    Attributes:
        text: the terms, one behind the other.
        lengths: int64, (terms,): how many characters each has.
    """

    def __init__(self, text: str, lengths: IntArray) -> None:
        """Take what fits together: `lengths`, 0 or more each, add up to that of `text`."""
        self.text = text
        self.lengths = lengths

    @classmethod
    def of(cls, terms: Iterable[str]) -> "Vocabulary":
        """Put terms together."""
        each = [*terms]
        return cls("".join(each), np.fromiter(map(len, each), np.int64, len(each)))

    @cached_property
    def starts(self) -> IntArray:
        """Where each term begins: int64, (terms,)."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def codes(self) -> Codes:
        """The code points of `text`, uint32 (characters,), made anew: they would fill 4 bytes for
        each as long as the vocabulary lives.
        """
        return code_points(self.text)

    def terms(self) -> list[str]:
        """Cut the terms apart."""
        return cut(self.text, self.starts, self.lengths)

    def has_a_term_twice(self) -> bool:
        """Whether two terms are equal."""
        hashes = np.sort(piece_hashes(windows(self.codes), self.starts, self.lengths))
        return bool((hashes[1:] == hashes[:-1]).any()) and len(self._features) < len(self)

    @cached_property
    def _features(self) -> dict[str, int]:
        return {term: feature for feature, term in enumerate(self.terms())}

    def __getitem__(self, term: str) -> int:
        """Return the feature of a term."""
        return self._features[term]

    def __iter__(self) -> Iterator[str]:
        """Go through the terms."""
        return iter(self.terms())

    def __len__(self) -> int:
        """Return how many terms there are."""
        return len(self.lengths)


def cut(text: str, starts: IntArray, lengths: IntArray) -> list[str]:
    """Return pieces of a text."""
    return [*map(text.__getitem__, map(slice, starts.tolist(), (starts + lengths).tolist()))]
