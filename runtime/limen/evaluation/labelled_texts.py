"""Texts with their true labels, one record at a time, from files and data sets."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from limen.errors import InputError
from limen.evaluation.label_names import LabelNames
from limen.evaluation.label_values import places_of
from limen.evaluation.labelled_datasets import HUB, dataset_records
from limen.evaluation.labelled_source import LabelledSource, LabelledText, text_of
from limen.evaluation.labelled_tables import table_records
from limen.text_files import DIALECTS, json_lines, opened, read_texts

__all__ = ["LabelledSource", "LabelledText", "read_labelled", "read_labels", "read_records"]

_SEPARATOR = ","
_JSON_LINES = ".jsonl"


def read_labelled(source: LabelledSource, labels: Sequence[str]) -> Iterator[LabelledText]:
    """Read labelled texts; only one record is held in memory.

    - `.jsonl`: an object a line; its field for labels is read as `places_of` says. UTF-8, with or
      without a byte order mark, as all files.
    - `.csv`, `.tsv`: a header, and quoting in force in both. The label cell holds labels with the
      separator between them (see `LabelCells`); without a label column, columns named like labels
      hold 0 or 1 (also true, false, and nothing for 0), and every label needs one.
    - `hf:NAME`, `hf:NAME:SPLIT` or a folder that `save_to_disk` wrote: Hugging Face `datasets`.

    A label that stands twice in a record counts once, and a record may have none.

    Args:
        source: where the texts are.
        labels: the classifier's labels, in order.

    Returns:
        Records in the order of the data. Errors in the settings are raised at once, errors in the
        data when their record is reached.

    Raises:
        InputError: no such file, another kind of file, not UTF-8, no record at all, a record
            without text or labels or of wrong type, or a label that the classifier does not have.
            Messages name line or record and never quote a text.
    """
    return read_records(source, LabelNames(labels, source.label_names))


def read_records(source: LabelledSource, names: LabelNames) -> Iterator[LabelledText]:
    """Read labelled texts as `read_labelled` does, with names that may be learned on the way.

    Args:
        source: where the texts are; what its names in the data mean, `names` knows already.
        names: the labels, or `FoundNames`.

    Raises:
        InputError: as `read_labelled` says.
    """
    return _at_least_one(_reader(source.path)(source, names), source.path)


def _reader(path: Path | str) -> Callable[[LabelledSource, LabelNames], Iterator[LabelledText]]:
    if str(path).startswith(HUB):
        return dataset_records
    file = Path(path)
    suffix = file.suffix.lower()
    if file.is_dir():
        return dataset_records
    if suffix in DIALECTS:
        return table_records
    if suffix == _JSON_LINES:
        return _json_records
    found = "" if file.exists() else "no such file or folder; "
    raise InputError(
        f"{path}: {found}expected a file ending in {_JSON_LINES}, {', '.join(DIALECTS)}, a folder "
        f"that datasets.save_to_disk wrote, or {HUB}NAME"
    )


def _at_least_one(records: Iterator[LabelledText], path: Path | str) -> Iterator[LabelledText]:
    empty = True
    for record in records:
        empty = False
        yield record
    if empty:
        raise InputError(f"{path}: no record in it; expected labelled texts")


def _json_records(source: LabelledSource, names: LabelNames) -> Iterator[LabelledText]:
    path = Path(source.path)
    with opened(path) as lines:
        for number, record in json_lines(lines, path):
            where = f"{path}, line {number}"
            text = text_of(
                _field(record, source.text_column, where, "--column"), source.text_column, where
            )
            value = _field(record, source.label_column, where, "--labels")
            yield LabelledText(text, places_of(value, names, where), where)


def _field(record: object, column: str, where: str, option: str) -> object:
    if isinstance(record, dict) and column in record:
        return record[column]
    kind = "" if isinstance(record, dict) else f" in a {type(record).__name__}"
    raise InputError(
        f"{where}: no field {column!r}{kind}; expected an object that has it; correct it, or "
        f"give the name of the field ({option})"
    )


def read_labels(path: Path, column: str, labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Read the true labels of a file's texts, without the texts.

    Args:
        path: `.jsonl`: the field is a label, or a list of labels; `.csv`, `.tsv`: the cell holds
            labels separated by commas. A label is a name, or its place in `labels` as a whole
            number. Empty for a text without labels.
        column: name of the field or column.
        labels: the classifier's labels, in order.

    Returns:
        bool, (texts, labels), in the order of the file.

    Raises:
        InputError: another suffix, no such field, or a label that the classifier does not have; the
            message names the record.
    """
    names = LabelNames(labels)
    suffix = path.suffix.lower()
    if suffix == _JSON_LINES:
        rows = _json_rows(path, column)
    elif suffix in DIALECTS:
        rows = _table_rows(path, column)
    else:
        raise InputError(
            f"{path}: labels are read from files that end in {_JSON_LINES}, {', '.join(DIALECTS)}"
        )
    places = [
        [names.place(label, f"{path}, record {number}") for label in row]
        for number, row in enumerate(rows, 1)
    ]
    truth = np.zeros((len(places), len(labels)), dtype=np.bool_)
    for row_number, row in enumerate(places):
        truth[row_number, row] = True
    return truth


def _json_rows(path: Path, column: str) -> Iterator[list[object]]:
    with opened(path) as lines:
        for number, record in json_lines(lines, path):
            value = _field(record, column, f"{path}, line {number}", "--labels")
            yield value if isinstance(value, list) else [value]


def _table_rows(path: Path, column: str) -> Iterator[list[object]]:
    for cell in read_texts(path, column):
        yield [part.strip() for part in cell.split(_SEPARATOR) if part.strip()]
