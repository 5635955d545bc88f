"""Thresholds that the user gives: a JSON map by label, or a list in label order."""

import json
import math
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from limen.counted import counted
from limen.errors import InputError

_LARGE = 10**300
"""Above it an integer of JSON may not fit a float."""


def read_thresholds(path: Path) -> dict[str, float] | tuple[float, ...]:
    """Read a thresholds file.

    Args:
        path: JSON: `{"joy": 0.4, ...}` or `[0.4, ...]`.

    Raises:
        InputError: no such file, not JSON, a label twice, or neither a map nor a list of numbers.
    """
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_unique)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in items)
    if not items or not numbers:
        raise InputError(f'{path}: expected a JSON map such as {{"joy": 0.4}} or a list of numbers')
    if any(isinstance(item, int) and abs(item) > _LARGE for item in items):
        raise InputError(f"{path}: a threshold is outside [0, 1]")
    if isinstance(value, dict):
        return {label: float(threshold) for label, threshold in value.items()}
    return tuple(float(threshold) for threshold in value)


def _meant(given: str, labels: tuple[str, ...]) -> str:
    """What a misspelt label may stand for, for the message."""
    close = get_close_matches(given, labels, n=1)
    if close:
        return f"; {close[0]!r} is one"
    return f" ({', '.join(labels[:8])}{', ...' if len(labels) > 8 else ''})"


def in_label_order(
    given: dict[str, float] | tuple[float, ...], labels: tuple[str, ...]
) -> tuple[float, ...]:
    """Bring thresholds into label order.

    Raises:
        InputError: an unknown label, a label without threshold, another number of thresholds than
            labels, or a threshold that is NaN or outside [0, 1].
    """
    if isinstance(given, dict):
        unknown = [label for label in given if label not in labels]
        if unknown:
            raise InputError(
                f"thresholds name {unknown[0]!r}, which is none of the "
                f"{counted(len(labels), 'label')}"
                f"{_meant(unknown[0], labels)}"
            )
        missing = [label for label in labels if label not in given]
        if missing:
            raise InputError(
                f"thresholds for {counted(len(missing), 'label')} missing: {', '.join(missing[:5])}"
                f"{', ...' if len(missing) > 5 else ''}"
            )
        ordered = tuple(given[label] for label in labels)
    else:
        ordered = given
    if len(ordered) != len(labels):
        raise InputError(
            f"{counted(len(ordered), 'threshold')} for {counted(len(labels), 'label')}"
        )
    for label, threshold in zip(labels, ordered, strict=True):
        if math.isnan(threshold) or not 0.0 <= threshold <= 1.0:
            raise InputError(f"threshold {threshold} of label {label!r} is outside [0, 1]")
    return ordered


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a label stands twice")
    return value
