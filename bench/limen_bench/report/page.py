"""Results as one HTML page that needs nothing else: no script, no font, no address to load from."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TypeAlias

from limen_bench.report import line_plots, point_plots
from limen_bench.report.drawing import Plot, marks
from limen_bench.report.sections import Section, sections
from limen_bench.report.tables import Cell, Table
from limen_bench.summary import RunSummary

_Painter: TypeAlias = Callable[[RunSummary], Plot | None]
_PLOTS: Mapping[str, tuple[_Painter, ...]] = {
    "run": (point_plots.lengths,),
    "main": (point_plots.ratios_one, point_plots.ratios_bulk, point_plots.quality_by_speed),
    "length": (line_plots.latency_by_length,),
    "sweep": (line_plots.sweep_by_batch, line_plots.sweep_by_threads),
    "counts": (line_plots.speed_by_count, line_plots.speed_by_threads),
    "load": (line_plots.latency_by_load,),
}
"""Key of a section to its plots."""
_TABLES_FIRST = {"run", "main"}

_ADDRESS = re.compile(r"(https?://[^\s<>\"'`]+[^\s<>\"'`.,;:)\]])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INTRODUCTION = (
    "What limen bench measured. Each engine ran in a process of its own; a round is one process "
    "of each engine, in turns, and rounds are the sample behind every interval. How each engine "
    "was set up, and by whose documentation, stands further down. Engines that are missing or "
    "failed stay in the table with the reason."
)


def page(summaries: Sequence[RunSummary]) -> str:
    """Write the page: a section for each run."""
    runs = [_run(summary, index) for index, summary in enumerate(summaries)]
    links = "".join(
        f'<li><a href="#run-{index}">{_text(_name(summary))}</a></li>'
        for index, summary in enumerate(summaries)
    )
    style = files("limen_bench.report").joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # An empty icon: a browser would otherwise ask the server for one.
        '<link rel="icon" href="data:,">\n'
        f"<title>limen bench</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header><h1>limen bench</h1>\n<p>{_text(_INTRODUCTION)}</p>\n"
        f"<nav><ul>{links}</ul></nav></header>\n<main>\n{''.join(runs)}</main>\n</body>\n</html>\n"
    )


def _name(summary: RunSummary) -> str:
    return f"{summary.row.model.get('name')} on {summary.row.texts.get('name')}"


def _run(summary: RunSummary, index: int) -> str:
    machine = summary.row.machine
    facts = [summary.row.date, machine.get("cpu"), f"{machine.get('cores', '?')} cores"]
    parts = [_section(section, summary) for section in sections(summary)]
    return (
        f'<article id="run-{index}">\n<h2>{_text(_name(summary))}</h2>\n'
        f'<p class="facts">{_text(" · ".join(str(fact) for fact in facts if fact))}</p>\n'
        f"{''.join(parts)}</article>\n"
    )


def _section(section: Section, summary: RunSummary) -> str:
    drawn = [plot for paint in _PLOTS.get(section.key, ()) if (plot := paint(summary)) is not None]
    if not section.tables and not drawn:
        return ""
    numbers = {mark.title: mark.number for mark in marks(summary).values()}
    tables = "".join(_table(table, numbers) for table in section.tables)
    plots = "".join(_plot(plot) for plot in drawn)
    shown = f'{_legend(drawn)}<div class="plots">{plots}</div>\n' if plots else ""
    told = f'<div class="tables">{tables}</div>\n' if tables else ""
    # Where the table is the point it comes first; elsewhere it holds the figures of the plot.
    parts = told + shown if section.key in _TABLES_FIRST else shown + told
    return f'<section class="{section.key}">\n<h3>{_text(section.title)}</h3>\n{parts}</section>\n'


def _table(table: Table, numbers: Mapping[str, int]) -> str:
    groups = "".join(
        f'<th scope="colgroup" colspan="{columns}" class="{"group" if title else ""}">'
        f"{_text(title)}</th>"
        for title, columns in table.groups
    )
    above = f"<tr>{groups}</tr>\n" if groups else ""
    heads = "".join(
        f'<th scope="col" class="{"word" if place < table.words else "figure"}">{_text(name)}</th>'
        for place, name in enumerate(table.header)
    )
    rows = "".join(_row(row, table, numbers) for row in table.rows)
    title = _text(table.title)
    note = f"<p>{_text(table.note)}</p>\n" if table.note else ""
    # The box scrolls by itself, so it must be reachable by keyboard.
    body = (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table>\n'
        f"<thead>{above}<tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n{note}"
    )
    if table.folded:
        return f"<details><summary>{title}</summary>\n{body}</details>\n"
    return f'<div class="table"><h4>{title}</h4>\n{body}</div>\n'


def _row(row: Sequence[Cell], table: Table, numbers: Mapping[str, int]) -> str:
    first, *others = row
    number = numbers.get(first.text) if table.header[0] == "engine" else None
    label = f'<span class="number">{number}</span> ' if number else ""
    kind = ' class="numbered"' if number else ""
    cells = [f'<th scope="row"{kind}>{label}{_cell(first)}</th>']
    for place, cell in enumerate(others, 1):
        missing = len(table.header) - len(row) if place == len(row) - 1 else 0
        span = f' colspan="{missing + 1}"' if missing else ""
        kind = "word" if place < table.words or missing else "figure"
        cells.append(
            f'<td class="{" ".join(filter(None, (kind, cell.tone)))}"{span}>{_cell(cell)}</td>'
        )
    return f"<tr>{''.join(cells)}</tr>\n"


def _cell(cell: Cell) -> str:
    detail = f"<small>{_text(cell.detail)}</small>" if cell.detail else ""
    return f"{_linked(cell.text)}{detail}"


def _legend(plots: Sequence[Plot]) -> str:
    shown = sorted({mark for plot in plots for mark in plot.legend}, key=lambda mark: mark.number)
    items = "".join(
        f'<li><span class="swatch" style="background: {mark.colour}"></span>'
        f"{mark.number} {_text(mark.title)}</li>"
        for mark in shown
    )
    return f'<ul class="legend">{items}</ul>\n' if items else ""


def _plot(plot: Plot) -> str:
    note = f"<p>{_text(plot.note)}</p>\n" if plot.note else ""
    svg = _CONTROL.sub("", plot.svg)
    return f"<figure>\n<figcaption>{_text(plot.title)}</figcaption>\n{svg}\n{note}</figure>\n"


def _linked(text: str) -> str:
    pieces = _ADDRESS.split(text)
    return "".join(
        f'<a href="{_text(piece)}" rel="noreferrer">{_text(piece)}</a>'
        if index % 2
        else _text(piece)
        for index, piece in enumerate(pieces)
    )


def _text(text: str) -> str:
    """Escape what came from outside; control characters are no part of HTML."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)
