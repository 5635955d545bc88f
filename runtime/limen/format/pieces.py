"""Pieces of texts, told apart by numpy: hashed and compared eight code points at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from limen.arrays import IntArray

Codes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.uint64]
"""Windows as four numbers each, (windows, 4)."""
Windows = npt.NDArray[np.void]
"""For every place of a text the eight code points from there on, and zeros behind its end: 32 bytes
each, (characters + 1,). All share the memory of the code points."""

TOGETHER: Final = 1 << 15
"""Pieces that are looked at together, so that what is made for them stays in the caches."""
_WIDTH = 8
_LONG = 64
"""Characters from which on a piece is taken by itself."""
_FIRST = np.tril(np.full((_WIDTH + 1, _WIDTH), 2**32 - 1, np.uint32), -1).view(np.uint64)
"""What leaves the first 0 to 8 code points of a window: (9, 4)."""
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)
"""Odd, of no pattern."""
_SHIFT, _HALF = np.uint64(31), np.uint64(32)


def code_points(text: str) -> Codes:
    """Return the code points of a text, surrogates among them: uint32, (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def windows(codes: Codes) -> Windows:
    """Return the windows of a text, of a copy of its code points."""
    held = np.zeros(len(codes) + _WIDTH, np.dtype("<u4"))
    held[:-_WIDTH] = codes
    return np.ndarray((len(codes) + 1,), "V32", held, 0, held.strides)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of a text.

    Attributes:
        text: the text's windows.
        starts: int64, (pieces,): where each begins.
        lengths: int64, (pieces,): its characters, 0 or more.
        heads: uint64, (pieces, 4): the first window of each, 0 behind its end.
    """

    text: Windows
    starts: IntArray
    lengths: IntArray
    heads: Numbers

    @classmethod
    def of(cls, text: Windows, starts: IntArray, lengths: IntArray) -> "Pieces":
        """Look at the pieces' first windows."""
        heads = _numbers(text, starts)
        heads &= _FIRST.take(np.minimum(lengths, _WIDTH), axis=0)
        return cls(text, starts, lengths, heads)

    def take(self, places: IntArray) -> "Pieces":
        """Return some of them, in any order, also more than once."""
        heads = self.heads.take(places, axis=0)
        return Pieces(self.text, self.starts.take(places), self.lengths.take(places), heads)

    def hashes(self) -> Hashes:
        """Return a number for each, equal for equal pieces of any texts, and for others hardly
        ever; for a long piece 8 bytes of a BLAKE2b. uint64, (pieces,).
        """
        hashes = _mixed(self.lengths.astype(np.uint64), self.heads)
        for pieces, places in _later(self.lengths):
            more = _numbers(self.text, self.starts[pieces] + places)
            hashes[pieces] = _mixed(hashes[pieces], more)
        for place in _long(self.lengths):
            length = int(self.lengths[place]).to_bytes(8, "little")
            digest = blake2b(self._bytes(place), digest_size=8, salt=length).digest()
            hashes[place] = int.from_bytes(digest, "little")
        return hashes

    def unlike(self, others: "Pieces") -> IntArray:
        """Compare with as many others, one with one: which are not equal, rising; int64."""
        differ = self.lengths != others.lengths
        differ |= (self.heads != others.heads).view(np.uint32)[:, 0] != 0
        # Where lengths differ, this compares what does not matter, but it is there.
        both = np.minimum(self.lengths, others.lengths)
        for pieces, places in _later(both):
            ours = _numbers(self.text, self.starts[pieces] + places)
            theirs = _numbers(others.text, others.starts[pieces] + places)
            differ[pieces] |= (ours != theirs).view(np.uint32)[:, 0] != 0
        for place in _long(both):
            differ[place] = differ[place] or self._bytes(place) != others._bytes(place)
        found: IntArray = differ.nonzero()[0]
        return found

    def _bytes(self, place: int) -> bytes:
        """The windows of a long piece: all of its code points, some twice."""
        start = int(self.starts[place])
        last = start + int(self.lengths[place]) - _WIDTH
        whole: bytes = self.text[start : last + 1 : _WIDTH].tobytes() + self.text[last].tobytes()
        return whole


def piece_hashes(text: Windows, starts: IntArray, lengths: IntArray) -> Hashes:
    """Hash pieces as `Pieces.hashes`, so few at once that it takes no memory to speak of."""
    hashes = np.empty(len(starts), np.uint64)
    for first in range(0, len(starts), TOGETHER):
        own = slice(first, first + TOGETHER)
        hashes[own] = Pieces.of(text, starts[own], lengths[own]).hashes()
    return hashes


def _mixed(hashes: Hashes, numbers: Numbers) -> Hashes:
    """Take the numbers of a window more into each hash.

    A sum of products with fixed odd numbers (Dietzfelbinger et al.: A reliable randomized algorithm
    for the closest-pair problem, 1997), which code points in the upper halves alone would reach
    only with their own low bits; so they are mixed into the lower halves before.
    """
    sums: Hashes = (numbers ^ (numbers >> _SHIFT)) @ _FACTORS
    sums += hashes
    sums ^= sums >> _HALF
    sums *= _FACTORS[0]
    sums ^= sums >> _HALF
    return sums


def _later(lengths: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Windows behind the first ones: which pieces have one more, and where it begins in each. The
    last of a piece ends with it. Long pieces have none.
    """
    offset = _WIDTH
    pieces = ((lengths > offset) & (lengths < _LONG)).nonzero()[0]
    while len(pieces):
        own = lengths[pieces]
        yield pieces, np.minimum(offset, own - _WIDTH)
        offset += _WIDTH
        pieces = pieces[own > offset]


def _numbers(text: Windows, places: IntArray) -> Numbers:
    # `take` would copy all windows first, since they overlap.
    return text[places].view(np.uint64).reshape(-1, _WIDTH // 2)


def _long(lengths: IntArray) -> list[int]:
    found: list[int] = (lengths >= _LONG).nonzero()[0].tolist()
    return found
