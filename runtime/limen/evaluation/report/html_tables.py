"""Tables of a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from limen.evaluation.report.names import safe


@dataclass(frozen=True)
class HtmlTable:
    """A table whose cells are HTML already.

    Attributes:
        title: its heading: HTML.
        region: what a screen reader calls it: text.
        header: HTML of each column's head.
        rows: HTML of each cell; the first cell of a row is its head.
        words: how many leading columns hold words, not figures.
        note: how to read it: HTML.
        folded: whether it is shown only when asked for.
    """

    title: str
    region: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1
    note: str = ""
    folded: bool = False


def write(table: HtmlTable) -> str:
    """Write a table in a box that scrolls by itself."""
    heads = "".join(
        f'<th scope="col"{_kind(place, table.words)}>{cell}</th>'
        for place, cell in enumerate(table.header)
    )
    rows = "".join(_row(row, table.words) for row in table.rows)
    note = f"<p>{table.note}</p>\n" if table.note else ""
    inside = f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>"
    body = f"{box(inside, table.region)}{note}"
    if table.folded:
        return f"<details><summary>{table.title}</summary>\n{body}</details>\n"
    return f"<h3>{table.title}</h3>\n{body}" if table.title else body


def box(inside: str, region: str, kind: str = "figures") -> str:
    """Put the inside of a table into a box that scrolls, and can be reached by keyboard.

    Args:
        inside: HTML of the table.
        region: what a screen reader calls the box: text.
        kind: class of the table.
    """
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{safe(region)}">'
        f'<table class="{kind}">\n{inside}</table></div>\n'
    )


def _row(row: tuple[str, ...], words: int) -> str:
    head, *others = row
    cells = "".join(f"<td{_kind(place, words)}>{cell}</td>" for place, cell in enumerate(others, 1))
    return f'<tr><th scope="row">{head}</th>{cells}</tr>\n'


def _kind(place: int, words: int) -> str:
    return ' class="word"' if place < words else ""
