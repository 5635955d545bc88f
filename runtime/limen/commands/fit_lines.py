"""A fit shown to a person: one row for each operating point."""

from collections.abc import Collection

from limen.counted import counted
from limen.format import FitRecord

_AT = " at "
_LONGEST = 400
"""Characters of a notice; the file's JSON has it whole."""


def fit_lines(record: FitRecord, said: Collection[str] = ()) -> list[str]:
    """Return lines that say what a block was fitted on and how well it decides.

    Args:
        record: of the fit.
        said: notices that the person has read already; they are not said again.
    """
    parts = ", ".join(f"{name} {count:,}" for name, count in record.parts)
    lines = [f"{counted(record.texts, 'text')} ({record.texts_name}): {parts}", f"{record.judged}:"]
    points: dict[str, dict[str, float | None]] = {}
    alone: list[tuple[str, float | None]] = []
    for name, value in record.figures:
        figure, at, point = name.partition(_AT)
        if at:
            points.setdefault(point, {})[figure] = value
        else:
            alone.append((name, value))
    lines += _table(points)
    lines += [f"  {name}  {_shown(value)}" for name, value in alone]
    notices = [notice for notice in record.notices if notice not in said]
    return [*lines, *(f"note: {_short(notice)}" for notice in notices)]


def _table(points: dict[str, dict[str, float | None]]) -> list[str]:
    if not points:
        return []
    figures = list(dict.fromkeys(name for row in points.values() for name in row))
    rows = [["point", *figures]]
    rows += [
        [point, *(_shown(found.get(figure)) for figure in figures)]
        for point, found in points.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _short(notice: str) -> str:
    return notice if len(notice) <= _LONGEST else f"{notice[:_LONGEST]}..."
