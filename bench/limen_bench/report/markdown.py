"""The tables of a report as Markdown, to be pasted into a README."""

import re
from collections.abc import Iterable, Sequence

from limen_bench.report.sections import sections
from limen_bench.report.tables import Cell, Table
from limen_bench.summary import RunSummary

_ADDRESS = re.compile(r"(https?://[^\s|<>\[\]`]+)")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")


def markdown(summaries: Sequence[RunSummary]) -> str:
    """Write every table of every run; tables without data are left out."""
    blocks = []
    for summary in summaries:
        model, texts = summary.row.model.get("name"), summary.row.texts.get("name")
        blocks.append(f"## {_escaped(f'{model} on {texts}')}")
        for section in sections(summary):
            for table in section.tables:
                blocks += [f"### {_escaped(table.title)}", table_markdown(table)]
    return "\n\n".join(blocks) + "\n"


def table_markdown(table: Table) -> str:
    """Write one table and its note, without its title."""
    alike = ["---"] * table.words + ["--:"] * (len(table.header) - table.words)
    lines = [_line(map(_escaped, table.flat_header())), _line(alike)]
    for row in table.rows:
        cells = [_cell(cell) for cell in row]
        lines.append(_line(cells + [""] * (len(table.header) - len(cells))))
    note = f"\n\n{_escaped(table.note)}" if table.note else ""
    return "\n".join(lines) + note


def _cell(cell: Cell) -> str:
    text = _escaped(cell.text)
    if cell.tone:
        text = f"**{text}**"
    return f"{text} ({_escaped(cell.detail)})" if cell.detail else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Take the meaning from what Markdown or HTML would read as markup, and break no line."""
    pieces = _ADDRESS.split(" ".join(text.split()))
    # Every second piece is an address: escaped, it would no longer lead anywhere.
    return "".join(
        piece if index % 2 else _SPECIAL.sub(r"\\\1", piece) for index, piece in enumerate(pieces)
    )
