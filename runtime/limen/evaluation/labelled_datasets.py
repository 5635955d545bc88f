"""Labelled texts from Hugging Face `datasets`, which is imported only here and only when asked for.

A folder that `save_to_disk` wrote is mapped into memory, and a data set of the hub is streamed, so
neither needs to fit into memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from limen.errors import InputError, reason
from limen.evaluation.label_columns import label_flags
from limen.evaluation.label_names import LabelNames
from limen.evaluation.label_values import flag_of, places_of
from limen.evaluation.labelled_source import LabelledSource, LabelledText, text_of

HUB = "hf:"
_SAVED = ("state.json", "dataset_dict.json")
"""What save_to_disk leaves in the folder of a data set, and of several splits of one."""


class _Rows(Protocol):
    """What is used of datasets.Dataset and datasets.IterableDataset."""

    @property
    def features(self) -> Mapping[str, object] | None:
        """Types by column; None where a stream does not know them."""
        ...

    def __iter__(self) -> Iterator[Mapping[str, object]]:
        """Walk the records."""
        ...


def dataset_records(source: LabelledSource, names: LabelNames) -> Iterator[LabelledText]:
    """Read the records of a data set, in order; arguments and errors as in `read_labelled`.

    Classes (`ClassLabel`, alone or in a sequence) are read as their names, other values as in a
    .jsonl file. Columns that are named like labels are read as in a table.
    """
    path = str(source.path)
    rows = _opened(path)
    classes = _classes((rows.features or {}).get(source.label_column))
    flags: tuple[tuple[str, int], ...] = ()
    for number, record in enumerate(_walked(rows, path), 1):
        if number == 1:
            flags = label_flags(list(record), source, names)
        where = f"{path}, record {number}"
        text = text_of(record.get(source.text_column), source.text_column, where)
        if flags:
            places = {place for name, place in flags if flag_of(record.get(name), name, where)}
            yield LabelledText(text, tuple(sorted(places)), where)
        else:
            value = record.get(source.label_column)
            if classes is not None:
                value = _spoken(value, classes, where)
            yield LabelledText(text, places_of(value, names, where), where)


def _opened(path: str) -> _Rows:
    """Open what a path names, one split of it."""
    loaded = _from_hub(path) if path.startswith(HUB) else _from_folder(path)
    # Both kinds of several splits that datasets knows are a dict.
    if not isinstance(loaded, dict):
        return cast("_Rows", loaded)
    if len(loaded) == 1:
        return cast("_Rows", next(iter(loaded.values())))
    mark = ":" if path.startswith(HUB) else "/"
    choices = ", ".join(f"{path}{mark}{split}" for split in loaded)
    raise InputError(f"{path}: {len(loaded)} splits; give one of {choices or 'another data set'}")


def _from_hub(path: str) -> object:
    name, _, split = path.removeprefix(HUB).partition(":")
    if not name:
        raise InputError(f"{path}: no name; expected {HUB}NAME or {HUB}NAME:SPLIT")
    datasets = _library(path)
    try:
        loaded: object = datasets.load_dataset(name, split=split or None, streaming=True)
    except Exception as error:
        raise InputError(f"{path}: datasets cannot open it ({reason(error)})") from error
    return loaded


def _from_folder(path: str) -> object:
    if not any(Path(path, name).is_file() for name in _SAVED):
        raise InputError(
            f"{path}: a folder, but not one that save_to_disk of the library datasets wrote; give "
            "such a folder, or a .jsonl, .csv or .tsv file"
        )
    datasets = _library(path)
    try:
        loaded: object = datasets.load_from_disk(path)
    except Exception as error:
        raise InputError(f"{path}: datasets cannot open it ({reason(error)})") from error
    return loaded


def _library(path: str) -> ModuleType:
    try:
        return import_module("datasets")
    except ImportError as error:
        raise InputError(
            f"{path}: reading it needs the library datasets, not installed here; run: pip install "
            "datasets"
        ) from error


def _walked(rows: _Rows, path: str) -> Iterator[Mapping[str, object]]:
    count = 0
    try:
        for record in rows:
            yield record
            count += 1
    except Exception as error:
        # Without its own words: what the library could not convert may be a text.
        raise InputError(
            f"{path}: datasets cannot read on after record {count} ({type(error).__name__})"
        ) from error


def _classes(feature: object) -> tuple[str, ...] | None:
    """Return the class names of a column; None where values stand for themselves."""
    if isinstance(feature, list | tuple) and len(feature) == 1:
        inner: object = feature[0]
    else:
        inner = getattr(feature, "feature", feature)
    names = getattr(inner, "names", None)
    # Where only their number was given, classes are named "0", "1", ...: plain numbers.
    if not names or list(names) == [str(number) for number in range(len(names))]:
        return None
    return tuple(names)


def _spoken(value: object, classes: Sequence[str], where: str) -> object:
    """Put names in the place of class numbers."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_spoken(item, classes, where) for item in value]
    if isinstance(value, int) and 0 <= value < len(classes):
        return classes[value]
    found = value if isinstance(value, int) else f"of type {type(value).__name__}"
    raise InputError(
        f"{where}: class {found} where the data set has {len(classes)} classes, from 0; -1 stands "
        "for a label that is kept back: take another split"
    )
