"""Strict JSON for the `limen.*` properties: sorted keys, no NaN, no duplicate keys, bounded depth.

`Node` reads one object field by field and remembers where it is, so that every error names its
place.
"""

import json
import math
import re
from typing import NoReturn, TypeAlias

from limen.errors import FormatError
from limen.format import limits

_SHOWN_CHARACTERS = 80
# UTF-8 holds no surrogate itself; only an escape can bring one in.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


def dump(value: Json) -> str:
    """Write the one form in which limen stores a value: sorted keys, no spaces, no NaN, characters
    as they are.

    Raises:
        ValueError: the value holds NaN or an infinity.
    """
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def parse(text: str, place: str) -> "Node":
    """Read a property that must hold one JSON object.

    Raises:
        FormatError: not JSON, NaN or infinities, a duplicate key, nesting over the cap, or not an
            object.
    """
    try:
        value: Json = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise FormatError(f"{place}: JSON nested deeper than {limits.MAX_JSON_DEPTH}") from error
    except ValueError as error:
        if isinstance(error, FormatError):
            raise FormatError(f"{place}: {error}") from error
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "a number too long"
        raise FormatError(f"{place}: not JSON ({reason})") from error
    if _SURROGATE.search(text) and _holds_surrogate(value):
        raise FormatError(f"{place}: a lone surrogate, which is not valid Unicode")
    if _depth(value) > limits.MAX_JSON_DEPTH:
        raise FormatError(f"{place}: JSON nested deeper than {limits.MAX_JSON_DEPTH}")
    if not isinstance(value, dict):
        raise FormatError(f"{place}: a JSON object expected")
    return Node(value, place)


class Node:
    """One JSON object with typed access; every failure is a FormatError that names the place."""

    def __init__(self, value: dict[str, Json], place: str) -> None:
        """Wrap an object read from `place`."""
        self._value = value
        self._place = place

    def keys(self) -> tuple[str, ...]:
        """Names of the fields present."""
        return tuple(self._value)

    def string(self, key: str, allowed: tuple[str, ...] = ()) -> str:
        """Read a string; with `allowed`, one of these."""
        value = self._get(key)
        if not isinstance(value, str):
            self._fail(key, "a string")
        if allowed and value not in allowed:
            self._fail(key, f"one of {', '.join(allowed)}", found=value)
        return value

    def optional_string(self, key: str) -> str | None:
        """Read a string or null."""
        return None if self._get(key) is None else self.string(key)

    def boolean(self, key: str) -> bool:
        """Read true or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            self._fail(key, "true or false")
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        """Read an integer in [low, high]."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            self._fail(key, "an integer")
        if not low <= value <= high:
            self._fail(key, f"{low} to {high}", found=str(value))
        return value

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """Read a finite number in [low, high]."""
        return self._number(self._get(key), key, low, high)

    def optional_number(self, key: str) -> float | None:
        """Read a finite number or null."""
        return None if self._get(key) is None else self.number(key)

    def strings(self, key: str, most: int) -> tuple[str, ...]:
        """Read a list of at most `most` strings."""
        items = self._list(key, most)
        if not all(isinstance(item, str) for item in items):
            self._fail(key, "a list of strings")
        return tuple(str(item) for item in items)

    def numbers(
        self, key: str, most: int, low: float = -math.inf, high: float = math.inf
    ) -> tuple[float, ...]:
        """Read a list of at most `most` finite numbers in [low, high]."""
        return tuple(self._number(item, key, low, high) for item in self._list(key, most))

    def optional_numbers(
        self, key: str, most: int, low: float = -math.inf, high: float = math.inf
    ) -> tuple[float | None, ...]:
        """Read a list of at most `most` items, each null or a finite number in [low, high]."""
        return tuple(
            None if item is None else self._number(item, key, low, high)
            for item in self._list(key, most)
        )

    def number_rows(self, key: str, most: int, width: int) -> tuple[tuple[float, ...], ...]:
        """Read a list of at most `most` lists, each of at most `width` finite numbers."""
        rows = []
        for item in self._list(key, most):
            if not isinstance(item, list) or len(item) > width:
                self._fail(key, f"a list of lists of at most {width:,} numbers")
            rows.append(tuple(self._number(part, key, -math.inf, math.inf) for part in item))
        return tuple(rows)

    def node(self, key: str) -> "Node":
        """Read an object."""
        value = self._get(key)
        if not isinstance(value, dict):
            self._fail(key, "an object")
        return Node(value, f"{self._place}.{key}")

    def nodes(self, key: str, most: int) -> tuple["Node", ...]:
        """Read a list of at most `most` objects."""
        nodes = []
        for index, item in enumerate(self._list(key, most)):
            if not isinstance(item, dict):
                self._fail(key, "a list of objects")
            nodes.append(Node(item, f"{self._place}.{key}[{index}]"))
        return tuple(nodes)

    def is_null(self, key: str) -> bool:
        """Tell whether a field that must be present is null."""
        return self._get(key) is None

    def fail(self, message: str) -> NoReturn:
        """Raise a FormatError about this object."""
        raise FormatError(f"{self._place}: {message}")

    def _get(self, key: str) -> Json:
        if key not in self._value:
            raise FormatError(f"{self._place}: field {key!r} is missing")
        return self._value[key]

    def _list(self, key: str, most: int) -> list[Json]:
        value = self._get(key)
        if not isinstance(value, list):
            self._fail(key, "a list")
        if len(value) > most:
            self._fail(key, f"at most {most:,} items", found=f"{len(value):,}")
        return value

    def _number(self, value: Json, key: str, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fail(key, "a number")
        if isinstance(value, int) and abs(value) > 2**53:
            self._fail(key, "a number of at most 2^53")
        if not math.isfinite(value) or not low <= value <= high:
            self._fail(key, f"a finite number from {low} to {high}", found=str(value))
        return float(value)

    def _fail(self, key: str, expected: str, found: str = "") -> NoReturn:
        raise FormatError(
            f"{self._place}: {key}: {expected} expected"
            + (f", found {found[:_SHOWN_CHARACTERS]}" if found else "")
        )


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise FormatError("a key stands twice in one object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise FormatError(f"{name} is not a JSON number")


def _holds_surrogate(value: Json) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeEncodeError, RecursionError):
        return True
    return False


def _depth(value: Json) -> int:
    deepest = 0
    stack = [(value, 1)]
    while stack:
        item, level = stack.pop()
        deepest = max(deepest, level)
        children = (
            item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        )
        stack.extend((child, level + 1) for child in children)
    return deepest
