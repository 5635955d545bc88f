"""Splitting labelled texts into parts by a hash of the text.

Equal texts always fall into the same part, whatever the order of the data and whatever is added to
it, so that nothing is fitted on a text and judged on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import fsum, isfinite
from types import MappingProxyType
from typing import TypeAlias
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from limen.errors import InputError

KeyArray: TypeAlias = npt.NDArray[np.uint64]
PartArray: TypeAlias = npt.NDArray[np.int8]

_MOST = 127
"""What int8 can number."""
_TOLERANCE = 1e-9
_KEY_BITS = 64


def text_key(text: str) -> int:
    """Return the key of a text, in [0, 2^64): the first 8 bytes, big-endian, of the SHA-256 of its
    UTF-8, after Unicode's composed form (NFC) and without white space around it.
    """
    return _digest(normalize("NFC", text).strip())


def _digest(text: str) -> int:
    # A lone surrogate has no UTF-8. A key is still due: to refuse it is the reader's work.
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


@dataclass(frozen=True)
class Parts:
    """Named shares of the data, such as `Parts({"fit": 0.4, "select": 0.2, "certify": 0.4})`.

    Attributes:
        shares: from the name of a part to its share; the order numbers the parts from 0.
    """

    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        """Keep a copy that nobody can change.

        Raises:
            InputError: no part or more than 127, a share that is not above 0, or shares that do not
                sum to 1.
        """
        if not 1 <= len(self.shares) <= _MOST:
            raise InputError(f"{len(self.shares)} parts; expected 1 to {_MOST}")
        for name, share in self.shares.items():
            if not (isfinite(share) and share > 0):
                raise InputError(f"part {name!r} has share {share}; expected a number above 0")
        total = fsum(self.shares.values())
        if abs(total - 1) > _TOLERANCE:
            raise InputError(f"the shares of the parts sum to {total:.6g}; expected 1")
        object.__setattr__(self, "shares", MappingProxyType(dict(self.shares)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts, in the order of their numbers."""
        return tuple(self.shares)

    def number(self, name: str) -> int:
        """Return the number of a part.

        Raises:
            InputError: no such part.
        """
        if name not in self.shares:
            raise InputError(f"no part {name!r}; there are {', '.join(self.shares)}")
        return self.names.index(name)


def part_of(keys: KeyArray, parts: Parts, salt: str = "") -> PartArray:
    """Return the part that each key falls into: parts cut [0, 2^64) by their shares, and a key lies
    where its mix with the salt lies.

    Args:
        keys: uint64, (texts,), from `text_key`.
        parts: names and shares.
        salt: another one gives another, independent split.

    Returns:
        int8, (texts,): numbers of parts.
    """
    shares = list(parts.shares.values())
    # Exact: a product with a power of two only moves the exponent.
    ends = [int(fsum(shares[: count + 1]) * 2.0**_KEY_BITS) for count in range(len(shares) - 1)]
    bounds = np.array([min(end, 2**_KEY_BITS - 1) for end in ends], dtype=np.uint64)
    return np.searchsorted(bounds, mixed(keys, f"parts\0{salt}"), side="right").astype(np.int8)


def folds(keys: KeyArray, count: int, salt: str = "") -> PartArray:
    """Return the fold of each key, of `count` folds of like size; independent of `part_of` with the
    same salt, so that a part falls evenly into folds.

    Args:
        keys: uint64, (texts,), from `text_key`.
        count: number of folds, 2 to 127.
        salt: another one gives another, independent split.

    Returns:
        int8, (texts,), in [0, count).

    Raises:
        InputError: another number of folds.
    """
    if not 2 <= count <= _MOST:
        raise InputError(f"{count} folds; expected 2 to {_MOST}")
    half = np.uint64(_KEY_BITS // 2)
    spread = mixed(keys, f"folds\0{salt}")
    return (((spread >> half) * np.uint64(count)) >> half).astype(np.int8)


def mixed(keys: KeyArray, salt: str) -> KeyArray:
    """Mix keys with a salt: the finaliser of SplitMix64 on their exclusive or (Steele, Lea, Flood:
    Fast splittable pseudorandom number generators, 2014). It maps unlike keys to unlike values.

    Args:
        keys: uint64, any shape.
        salt: another one gives another, independent mix.
    """
    value = np.asarray(keys, dtype=np.uint64) ^ np.uint64(_digest(salt))
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
