"""Tables, before they become HTML or Markdown, and the two shapes that most measures take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from limen_bench.report import figures
from limen_bench.statistics import Ratio
from limen_bench.summary import Point, RunSummary

Tone: TypeAlias = Literal["", "ahead", "behind"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says.
        detail: small print, such as the spread.
        tone: for a ratio whose interval leaves 1 out: whether the baseline is ahead or behind.
    """

    text: str
    detail: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: its heading.
        header: what each column holds, with its unit.
        rows: a row that is shorter than the header lets its last cell span the rest.
        groups: titles above the header, each with the number of columns below it; "" for none.
        words: how many leading columns hold words, not figures.
        note: how to read it.
        folded: whether it is long, and of interest to few.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()
    words: int = 1
    note: str = ""
    folded: bool = False

    def flat_header(self) -> tuple[str, ...]:
        """Return the header with the titles of the groups inside, for one line."""
        above = [title for title, columns in self.groups for _ in range(columns)]
        return tuple(
            f"{title}: {name}" if title else name
            for title, name in zip(above or [""] * len(self.header), self.header, strict=True)
        )


@dataclass(frozen=True)
class Column:
    """One value of a measure as a column.

    Attributes:
        value: name in the results.
        header: what it is called, with its unit.
    """

    value: str
    header: str


@dataclass(frozen=True)
class Axis:
    """A value along one axis of a measure.

    Attributes:
        measure, value: the figure.
        name: of the axis in `at`.
        unit: what the axis counts; stands above the places.
    """

    measure: str
    value: str
    name: str
    unit: str


ROUNDS_NOTE = "Median of the rounds; below it the first and third quartile."


def figure_cell(point: Point | None, name: str) -> Cell:
    """Write the median of a value over its rounds, and its quartiles."""
    spread = point.spread(name) if point is not None else None
    if spread is None:
        return Cell(figures.NOTHING)
    return Cell(figures.value(name, spread.median), figures.quartiles(name, spread))


def ratio_cell(ratio: Ratio | None) -> Cell:
    """Write a ratio and its interval, marked where that leaves 1 out."""
    if ratio is None:
        return Cell(figures.NOTHING)
    tone: Tone = ""
    if ratio.differs:
        tone = "ahead" if ratio.median > 1 else "behind"
    return Cell(f"{ratio.median:.2f}", figures.interval(ratio), tone)


def engine_table(
    summary: RunSummary, measure: str, title: str, columns: Sequence[Column], note: str = ""
) -> Table | None:
    """Make a table of a measure without axis: a row for each engine, a column for each value.

    Values that no engine has get no column; without any figure there is no table.
    """
    points = {name: summary.point(name, measure) for name in summary.names(measure)}
    kept = [
        column
        for column in columns
        if any(point is not None and point.figures.get(column.value) for point in points.values())
    ]
    if not kept:
        return None
    rows = tuple(
        (
            Cell(summary.title(name)),
            *(figure_cell(point, column.value) for column in kept),
        )
        for name, point in points.items()
        if point is not None
    )
    remarks = {point.notes for point in points.values() if point is not None}
    if len(remarks) == 1:  # said of all; what is said of one engine stands among the remarks
        note = " ".join(filter(None, [note, *map(_sentence, remarks.pop())]))
    return Table(title, ("engine", *(column.header for column in kept)), rows, note=note)


def axis_table(summary: RunSummary, axis: Axis, title: str, note: str = "") -> Table | None:
    """Make a table of a value along an axis: a row for each engine, a column for each place."""
    names = summary.names(axis.measure)
    places = sorted(
        {
            place
            for name in names
            for point in summary.along(name, axis.measure)
            if (place := point.at.get(axis.name)) is not None
        }
    )
    if not places:
        return None
    rows = tuple(
        (
            Cell(summary.title(name)),
            *(
                _along(summary.point(name, axis.measure, {axis.name: place}), axis.value)
                for place in places
            ),
        )
        for name in names
    )
    header = ("engine", *(figures.whole(place) for place in places))
    groups = (("", 1), (axis.unit, len(places)))
    return Table(title, header, rows, groups, note=note)


def _along(point: Point | None, name: str) -> Cell:
    cell = figure_cell(point, name)
    if point is not None and point.notes and cell.text == figures.NOTHING:
        return Cell(cell.text, "see remarks")
    return cell


def _sentence(remark: str) -> str:
    text = remark[:1].upper() + remark[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
