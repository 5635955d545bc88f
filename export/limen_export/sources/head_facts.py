"""What is said of a head beside its weights: by the user, by the file of the weights, and by what
lies beside it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from limen.errors import ExportError, InputError
from limen.format import Rule
from limen.format.rules import RULES

from limen_export.given_labels import LABEL_FILES, label_names, read_label_names
from limen_export.sources.head_wishes import ACTIVATIONS, POOLINGS, Activation, Pooling
from limen_export.sources.recognising import SourceWishes

FACTS_FILE = "head.json"


@dataclass(frozen=True)
class HeadFacts:
    """What is known of a head beside its weights; None where nothing says it."""

    labels: tuple[str, ...] | None
    thresholds: tuple[float, ...] | None
    pooling: Pooling | None
    activation: Activation | None
    rule: Rule | None


def head_facts(stored: Mapping[str, object], file: Path, wishes: SourceWishes) -> HeadFacts:
    """Put together what is said of a head; the user comes first, then the weights' file.

    Args:
        stored: what the weights' file says beside tensors.
        file: that file; `head.json` and a file of labels may lie beside it.
        wishes: the user's.

    Raises:
        ExportError: something said is none of what can be said.
    """
    said = {**json_map(file.parent / FACTS_FILE), **stored}
    head = wishes.head
    labels = wishes.labels or _stored_labels(said) or _labels_beside(file.parent)
    return HeadFacts(
        labels=labels,
        thresholds=_stored_thresholds(said.get("thresholds"), labels, file.name),
        pooling=head.pooling or cast("Pooling | None", _one_of(said, "pooling", POOLINGS, file)),
        activation=head.activation
        or cast("Activation | None", _one_of(said, "activation", ACTIVATIONS, file)),
        rule=wishes.rule or cast("Rule | None", _one_of(said, "rule", RULES, file)),
    )


def _one_of(said: dict[str, object], field: str, known: Sequence[str], file: Path) -> str | None:
    value = said.get(field)
    if value is not None and value not in known:
        raise ExportError(f"{file.name}: {field} {value!r}, expected one of {', '.join(known)}")
    return cast("str | None", value)


def _stored_labels(said: dict[str, object]) -> tuple[str, ...] | None:
    fields = ("labels", "classes", "label_names", "id2label", "label2id")
    return next((found for field in fields if (found := label_names(said.get(field)))), None)


def _labels_beside(folder: Path) -> tuple[str, ...] | None:
    file = next((folder / name for name in LABEL_FILES if (folder / name).is_file()), None)
    try:
        return None if file is None else read_label_names(file)
    except InputError as error:
        raise ExportError(str(error).replace(str(file), file.name if file else "")) from error


def config_labels(names: object) -> tuple[str, ...] | None:
    """The names in a backbone's config, unless they are transformers' own LABEL_0, LABEL_1."""
    found = label_names(names)
    generic = found is not None and all(
        label == f"LABEL_{index}" for index, label in enumerate(found)
    )
    return None if generic else found


def _stored_thresholds(
    value: object, labels: tuple[str, ...] | None, name: str
) -> tuple[float, ...] | None:
    if value is None:
        return None
    if isinstance(value, dict) and labels is not None and set(value) == set(labels):
        value = [value[label] for label in labels]
    found = value.tolist() if hasattr(value, "tolist") else value
    numbers = found if isinstance(found, list | tuple) else ()
    ordered = tuple(
        float(number)
        for number in numbers
        if isinstance(number, int | float) and not isinstance(number, bool)
    )
    if not numbers or len(ordered) != len(numbers):
        raise ExportError(f"{name}: its thresholds are no numbers, expected one for each label")
    return ordered


def required_pooling(pooling: Pooling | None, name: str) -> Pooling:
    """Return the pooling; ExportError where nothing says it."""
    if pooling is None:
        raise ExportError(
            f"{name}: nothing says how the backbone's rows become one; "
            f"pass --pooling, one of {', '.join(POOLINGS)}"
        )
    return pooling


def required_labels(labels: tuple[str, ...] | None, name: str) -> tuple[str, ...]:
    """Return the labels; ExportError where nothing names them."""
    if labels is None:
        raise ExportError(
            f'{name}: nothing names the labels; pass --classes "joy,anger" or --labels-file FILE, '
            "in the order of the outputs, or put labels.json beside the weights"
        )
    return labels


def json_map(file: Path) -> dict[str, object]:
    """Read a JSON object; empty where there is none."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
