"""Names of labels that the user gives, in the order of the outputs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from limen.errors import InputError

LABEL_FILES = (
    *("labels.json", "label_names.json", "classes.json", "id2label.json", "label2id.json"),
    *("labels.txt", "classes.txt"),
)
"""Names under which labels are looked for beside weights."""


def read_label_names(path: Path) -> tuple[str, ...]:
    """Read a labels file.

    Args:
        path: JSON: `["joy", ...]`, `{"0": "joy", ...}` or `{"joy": 0, ...}`; any other suffix: one
            name a line.

    Raises:
        InputError: it cannot be read, or is none of these.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
        value = json.loads(content) if path.suffix.lower() == ".json" else content.splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8; convert it first") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    names = label_names(value)
    if names is None:
        raise InputError(
            f'{path}: expected names of labels: ["joy", ...], {{"0": "joy", ...}} or '
            '{"joy": 0, ...}'
        )
    return names


def label_names(value: object) -> tuple[str, ...] | None:
    """Understand a list of names, a map from number to name, or one from name to number; None where
    it is none of these.
    """
    if isinstance(value, Mapping):
        return _of_map(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
        names = [name.strip() for name in value if isinstance(name, str)]
        return tuple(names) if len(names) == len(value) and all(names) else None
    return None


def _of_map(value: Mapping[object, object]) -> tuple[str, ...] | None:
    pairs = [*value.items()]
    if all(isinstance(key, str) and type(number) is int for key, number in pairs):
        pairs = [(number, name) for name, number in pairs]
    try:
        numbered = {int(str(number)): name for number, name in pairs}
    except ValueError:
        return None
    names = [numbered.get(number) for number in range(len(pairs))]
    return label_names(names) if len(numbered) == len(pairs) else None
