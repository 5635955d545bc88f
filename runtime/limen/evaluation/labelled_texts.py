"""Texts with their true labels, from .jsonl and .csv files."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limen.errors import InputError
from limen.text_files import read_texts

_SEPARATOR = ","


def read_labels(path: Path, column: str, labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Read the true labels of a file's texts.

    Args:
        path: `.jsonl`: the field is a label, or a list of labels; `.csv`: the cell holds labels
            separated by commas. A label is a name, or its place in `labels` as a whole number.
            Empty for a text without labels.
        column: name of the field or column.
        labels: the classifier's labels, in order.

    Returns:
        bool, (texts, labels), in the order of the file.

    Raises:
        InputError: another suffix, no such field, or a label that the classifier does not have; the
            message names the record.
    """
    if path.suffix.lower() == ".jsonl":
        rows = _json_rows(path, column)
    elif path.suffix.lower() == ".csv":
        cells = read_texts(path, column)
        rows = [[part.strip() for part in cell.split(_SEPARATOR) if part.strip()] for cell in cells]
    else:
        raise InputError(f"{path}: labels are read from .jsonl and .csv files")
    place = {label: index for index, label in enumerate(labels)}
    truth = np.zeros((len(rows), len(labels)), dtype=np.bool_)
    for number, row in enumerate(rows):
        for label in row:
            truth[number, _place(label, place, f"{path}, record {number + 1}")] = True
    return truth


def _json_rows(path: Path, column: str) -> list[list[object]]:
    rows: list[list[object]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON") from error
        if not isinstance(record, dict) or column not in record:
            raise InputError(f"{path}, line {number}: no field {column!r}; expected labels there")
        value = record[column]
        rows.append(value if isinstance(value, list) else [value])
    return rows


def _place(label: object, place: dict[str, int], where: str) -> int:
    if isinstance(label, str) and label in place:
        return place[label]
    number = int(label) if isinstance(label, str) and label.isdecimal() else label
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(place):
        return number
    raise InputError(f"{where}: label {label!r} is none of the classifier's {len(place)} labels")
