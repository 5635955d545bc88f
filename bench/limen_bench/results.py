"""Results as JSON lines: one row a line, written as soon as it is measured, so that an interrupted
run keeps what it has. The fields are specified in results.schema.json, beside this module.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from limen.errors import InputError, OutputError

from limen_bench.appending import kept

SCHEMA = 1
Value: TypeAlias = float | int | None
Status: TypeAlias = Literal["measured", "missing", "failed", "timed out", "interrupted"]


@dataclass(frozen=True)
class RunRow:
    """What was run, on what: the first row of a run; every other row names it by `run`.

    Attributes:
        run: identifier, unique.
        date: ISO 8601, UTC.
        baseline: the engine that ratios are to.
        machine: CPU, cores, quota, governor, load, operating system.
        versions: library to version, of the harness's own Python.
        model: name, precision, size_mb, digest, rule, labels (a count).
        texts: name, count, distinct, labelled, `unit` of lengths (`tokens`, or `characters`), and
            `histogram`: list of [from, to, texts] in that unit.
        settings: what the run was asked for.
    """

    run: str
    date: str
    baseline: str
    machine: dict[str, Any]
    versions: dict[str, str]
    model: dict[str, Any]
    texts: dict[str, Any]
    settings: dict[str, Any]
    schema: int = SCHEMA
    type: Literal["run"] = "run"


@dataclass(frozen=True)
class EngineRow:
    """How one engine fared.

    Attributes:
        engine: its name.
        title: what tables call it.
        precision: of its weights.
        device: where it computed.
        status: `measured`, or why there are no (or no more) figures.
        reason: one line where the status is not `measured`.
        chosen: best of the sweep: for `one` its threads, for `bulk` threads, batch and whether the
            texts were sorted by length.
        set_up: the documentation that was followed.
        versions: library to version, in the engine's own Python.
    """

    run: str
    engine: str
    title: str
    precision: str
    status: Status
    reason: str | None = None
    chosen: dict[str, Any] = field(default_factory=dict)
    set_up: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"
    type: Literal["engine"] = "engine"


@dataclass(frozen=True)
class MeasurementRow:
    """Figures of one engine in one round.

    Attributes:
        measure: `cold`, `memory`, `one`, `bulk`, `counts`, `threads`, `load`, ...
        at: where on the measure's axis, such as {"texts": 1000}; empty for a single point.
        round: counted from 0; None for what is measured once.
        values: name (with its unit) to number.
        note: a remark in words, such as why a point was left out.
    """

    run: str
    engine: str
    measure: str
    values: dict[str, Value]
    at: dict[str, Value] = field(default_factory=dict)
    round: int | None = None
    note: str | None = None
    type: Literal["measurement"] = "measurement"


Row: TypeAlias = RunRow | EngineRow | MeasurementRow
_ROWS: dict[str, type[RunRow] | type[EngineRow] | type[MeasurementRow]] = {
    "run": RunRow,
    "engine": EngineRow,
    "measurement": MeasurementRow,
}


class ResultsFile:
    """Appends rows to a file; each is flushed, so that Ctrl-C loses none."""

    def __init__(self, path: Path) -> None:
        """Open the file for appending; a last line that an interruption cut off is taken away.

        Raises:
            OutputError: it cannot be written, or it exists and holds something else.
        """
        self._path = path
        self._failed = False
        try:
            before = kept(path, lambda values: _row(values, "line 1"))
            self._lines = path.open("a", encoding="utf-8")
            self._lines.truncate(before.size)
            self._lines.write("\n" if before.unfinished else "")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error

    def write(self, row: Row) -> None:
        """Append one row.

        Raises:
            OutputError: the disk is full, or the file is gone.
        """
        line = json.dumps(asdict(row), ensure_ascii=False, sort_keys=True, allow_nan=False)
        try:
            self._lines.write(line + "\n")
            self._lines.flush()
        except OSError as error:
            self._failed = True
            raise OutputError(f"{self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file.

        Raises:
            OutputError: the disk is full, and no `write` has said so.
        """
        try:
            self._lines.close()
        except OSError as error:
            # A failed write's rest is written again here; its own error is already on its way.
            if not self._failed:
                raise OutputError(f"{self._path}: {error.strerror or error}") from error


def read_results(paths: Iterable[Path]) -> list[Row]:
    """Read the rows of result files, in order.

    Raises:
        InputError: a file cannot be read, or a line is not a row of this schema; the message names
            the line. A last line that was cut off by an interruption is passed over.
    """
    return [row for path in paths for row in _rows(path)]


def _rows(path: Path) -> Iterator[Row]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: empty; expected results that `limen bench` wrote")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            # Decoded line by line: an interruption may cut the last one inside a character.
            values = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            if number == len(lines) > 1:
                return
            raise InputError(f"{path}, line {number}: not JSON") from error
        yield _row(values, f"{path}, line {number}")


def _row(values: object, place: str) -> Row:
    if not isinstance(values, Mapping) or str(values.get("type")) not in _ROWS:
        raise InputError(f"{place}: not a row of results that `limen bench` wrote")
    if values.get("schema", SCHEMA) != SCHEMA:
        raise InputError(
            f"{place}: schema {str(values['schema'])[:40]}, this limen reads {SCHEMA}; "
            "upgrade limen"
        )
    kind = _ROWS[str(values["type"])]
    known = {known.name: known.type for known in fields(kind)}
    for name in values.keys() & known.keys():
        if not _FITS.get(known[name], _anything)(values[name]):
            raise InputError(f"{place}: field {name!r} is not what results hold there")
    try:
        return kind(**{name: value for name, value in values.items() if name in known})
    except TypeError as error:
        raise InputError(f"{place}: a field is missing ({error})") from error


def _anything(_: object) -> bool:
    return True


def _text(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode("utf-8") is not None
    except UnicodeEncodeError:  # a lone surrogate, which no page could hold
        return False


def _number(value: object) -> bool:
    # The bound keeps out NaN, 1e999 (infinity to json) and integers that no float holds.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _plain(value: object, levels: int = 8) -> bool:
    """Whether a foreign tree is shallow and holds only what can be printed."""
    if isinstance(value, Mapping):
        return levels > 0 and all(
            _text(key) and _plain(inner, levels - 1) for key, inner in value.items()
        )
    if isinstance(value, list):
        return levels > 0 and all(_plain(inner, levels - 1) for inner in value)
    return value is None or isinstance(value, bool) or _text(value) or _number(value)


def _number_or_none(value: object) -> bool:
    return value is None or _number(value)


def _map(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, dict)
        and all(_text(name) and fits(inner) for name, inner in value.items())
    )


_LARGEST = 1e300
_FITS: dict[object, Callable[[object], bool]] = {
    str: _text,
    str | None: lambda value: value is None or _text(value),
    int | None: lambda value: value is None or (isinstance(value, int) and _number(value)),
    Status: lambda value: value in get_args(Status),
    dict[str, str]: _map(_text),
    dict[str, Value]: _map(_number_or_none),
    dict[str, Any]: _map(_plain),
}
"""What a field of each type may hold when it comes from a file."""
