"""Reading texts from .txt, .jsonl, .csv and .tsv files, one record at a time."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from limen.counted import counted
from limen.errors import InputError

LONGEST_CELL = 2**31 - 1
"""What csv.field_size_limit takes on every platform; csv itself stops at 128 KiB."""
DIALECTS = {".csv": "excel", ".tsv": "excel-tab"}
"""By suffix; quoting is in force in both: a cell in quotes may hold line ends and separators, and
quotes are doubled in it."""
_SUFFIXES = (".txt", ".jsonl", *DIALECTS)


def read_texts(path: Path, column: str = "text") -> Iterator[str]:
    """Read the texts of a file.

    Args:
        path: `.txt`: one text a line; `.jsonl`: one JSON object (its field `column`) or string a
            line; `.csv`, `.tsv`: a header with a column of that name. UTF-8, with or without a byte
            order mark.
        column: name of the field or column.

    Yields:
        Texts in the order of the file; empty lines of a .txt file are empty texts.

    Raises:
        InputError: no such file, another suffix, not UTF-8, or a record without that field; the
            message names the line.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path}: expected a file ending in {', '.join(_SUFFIXES)}")
    with opened(path) as lines:
        if path.suffix.lower() in DIALECTS:
            yield from _table_texts(lines, path, column)
        elif path.suffix.lower() == ".jsonl":
            yield from _json_texts(lines, path, column)
        else:
            yield from plain_texts(lines)


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file, with or without a byte order mark; line ends are given as they stand.

    Raises:
        InputError: it cannot be read, or what is read of it inside the block is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 near byte {_place(path):,}; convert it first"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _place(path: Path) -> int:
    """Find the byte; the reader of lines knows only the place in its own buffer."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def plain_texts(lines: Iterable[str]) -> Iterator[str]:
    """Take the line ends off; a carriage return before the line feed goes too."""
    for line in lines:
        yield line.removesuffix("\n").removesuffix("\r")


def json_lines(lines: Iterable[str], path: Path) -> Iterator[tuple[int, object]]:
    """Parse JSON lines; empty lines are left out.

    Yields:
        Number of the line, from 1, and its value.

    Raises:
        InputError: a line is not JSON; `path` stands in the message.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON") from error
        yield number, record


def _json_texts(lines: Iterable[str], path: Path, column: str) -> Iterator[str]:
    for number, record in json_lines(lines, path):
        text = record.get(column) if isinstance(record, dict) else record
        if not isinstance(text, str):
            raise InputError(
                f"{path}, line {number}: no text under {column!r}; name the field with --column"
            )
        yield text


def _table_texts(lines: Iterable[str], path: Path, column: str) -> Iterator[str]:
    suffix = path.suffix.lower()
    reader = csv.DictReader(lines, dialect=DIALECTS[suffix])
    # A text may be longer than csv's 128 KiB. The limit is the process's: it is put back.
    usual = csv.field_size_limit(LONGEST_CELL)
    try:
        columns = list(reader.fieldnames or ())
        if column not in columns:
            # Without a header its first row is a text, which is not shown.
            raise InputError(
                f"{path}: no column {column!r} among its {counted(len(columns), 'column')}; name "
                "the column with --column, and begin the file with a row of names"
            )
        for record in reader:
            text = record[column]
            if text is None:
                raise InputError(f"{path}, line {reader.reader.line_num}: too few columns")
            yield text
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.reader.line_num}: not {suffix[1:].upper()} ({error})"
        ) from error
    finally:
        csv.field_size_limit(usual)
