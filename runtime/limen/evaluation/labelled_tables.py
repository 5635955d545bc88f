"""Labelled texts from .csv and .tsv files, one record at a time."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.label_columns import label_flags
from limen.evaluation.label_names import LabelNames
from limen.evaluation.label_values import LabelCells, flag_of
from limen.evaluation.labelled_source import LabelledSource, LabelledText, text_of
from limen.text_files import DIALECTS, LONGEST_CELL, opened


def table_records(source: LabelledSource, names: LabelNames) -> Iterator[LabelledText]:
    """Read the records of a table with a header, in order; arguments and errors as in
    `read_labelled`.
    """
    path = Path(source.path)
    with opened(path) as lines:
        rows = _rows(lines, path, quoted=source.quoted)
        _, header = next(rows, (0, []))
        if not header:
            return
        table = _Table(source, names, header)
        for line, row in rows:
            yield table.record(row, f"{path}, line {line}")


@dataclass(frozen=True)
class _Flag:
    column: int
    name: str
    place: int


class _Table:
    """Turns rows into labelled texts."""

    def __init__(self, source: LabelledSource, names: LabelNames, header: list[str]) -> None:
        columns = [name.strip() for name in header]
        flags = label_flags(columns, source, names)
        self._source = source
        self._width = len(columns)
        self._text = columns.index(source.text_column)
        self._flags = [_Flag(columns.index(name), name, place) for name, place in flags]
        self._label = 0 if flags else columns.index(source.label_column)
        self._cells = LabelCells(names, source.separator)

    def record(self, row: list[str], where: str) -> LabelledText:
        """Read one row; `where` names file and line."""
        if len(row) != self._width:
            raise InputError(
                f"{where}: {counted(len(row), 'column')} where the header has {self._width}; put "
                "cells that hold the delimiter in quotes"
            )
        text = text_of(row[self._text], self._source.text_column, where)
        if not self._flags:
            return LabelledText(text, self._cells.places(row[self._label], where), where)
        places = {flag.place for flag in self._flags if flag_of(row[flag.column], flag.name, where)}
        return LabelledText(text, tuple(sorted(places)), where)


def _rows(lines: TextIO, path: Path, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with the number of the line that each begins on; empty lines are left out."""
    # Strict: a quote that is never closed would otherwise swallow the records behind it in silence.
    reader = csv.reader(
        lines,
        dialect=DIALECTS[path.suffix.lower()],
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        line = reader.line_num + 1
        # A text may be longer than csv's 128 KiB. The limit is the process's: it is put back before
        # the caller goes on, who may read another table meanwhile.
        usual = csv.field_size_limit(LONGEST_CELL)
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: not {path.suffix.lower()[1:].upper()} ({error}); a cell "
                "that holds a quote stands in quotes, with each quote in it doubled, or no cell "
                "does (--unquoted)"
            ) from error
        finally:
            csv.field_size_limit(usual)
        if row is None:
            return
        if row:
            yield line, row
