"""A vocabulary as a file holds it: its terms, one behind the other, and their lengths."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from limen.arrays import IntArray

Codes = npt.NDArray[np.uint32]
_MULTIPLIER = 0x9E3779B97F4A7C15
_INVERSE = pow(_MULTIPLIER, -1, 1 << 64)
SPAN: Final = 1 << 15
"""Characters that are looked at together: more than a run of a bulk call has (run_sizes.py), unless
one text is longer."""


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
        hashes = np.sort(piece_hashes(self.codes, self.starts, self.lengths))
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


def code_points(text: str) -> Codes:
    """Return the code points of a text, surrogates among them: uint32, (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def cut(text: str, starts: IntArray, lengths: IntArray) -> list[str]:
    """Return pieces of a text."""
    return [*map(text.__getitem__, map(slice, starts.tolist(), (starts + lengths).tolist()))]


def piece_hashes(codes: Codes, starts: IntArray, lengths: IntArray) -> npt.NDArray[np.uint64]:
    """Return a number for each piece of a text, equal for equal pieces of any texts, and for others
    hardly ever: the polynomial of its code points in an odd number, modulo 2^64; for a long piece 8
    bytes of its BLAKE2b.

    Args:
        codes: uint32, (characters,).
        starts: int64, (pieces,): where each begins; they do not overlap, and rise.
        lengths: int64, (pieces,): 0 or more.

    Returns:
        uint64, (pieces,).
    """
    hashes = np.empty(len(starts), np.uint64)
    ends = starts + lengths
    first = 0
    while first < len(starts):
        begin = int(starts[first])
        # So little at once that it stays in the processor's cache, and takes no memory to speak of.
        last = int(ends.searchsorted(begin + SPAN, side="right"))
        if last > first:
            own = codes[begin : ends[last - 1]]
            hashes[first:last] = _hashed(own, starts[first:last] - begin, lengths[first:last])
        else:
            last = first + 1
            long = codes[begin : ends[first]].tobytes()
            hashes[first] = int.from_bytes(blake2b(long, digest_size=8).digest(), "little")
        first = last
    return hashes


def _hashed(codes: Codes, starts: IntArray, lengths: IntArray) -> npt.NDArray[np.uint64]:
    powers, inverses = _powers()
    # sums[i] is the polynomial of what stands before place i.
    sums = np.zeros(len(codes) + 1, np.uint64)
    # Without the 1 a code point 0 at the end of a piece would be lost.
    np.add(codes, np.uint64(1), out=sums[1:])
    sums[1:] *= powers[: len(codes)]
    np.add.accumulate(sums, out=sums)
    hashes: npt.NDArray[np.uint64] = sums.take(starts + lengths) - sums.take(starts)
    # As if each piece stood at the beginning.
    hashes *= inverses.take(starts)
    return hashes


@cache
def _powers() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The powers of the multiplier from 0 on, and those of its inverse: uint64, (SPAN + 1,)."""
    powers, inverses = (np.full(SPAN + 1, one, np.uint64) for one in (_MULTIPLIER, _INVERSE))
    for each in (powers, inverses):
        each[0] = 1
        np.multiply.accumulate(each, out=each)
    return powers, inverses
