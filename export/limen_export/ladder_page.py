"""The precision ladder as one HTML page that needs nothing else: no script, nothing to load."""

from importlib.resources import files

from limen.agreement import percent, signed
from limen.commands.rung_lines import gate_in_words, is_own, rung_name
from limen.evaluation.report.drawing import drawing_style
from limen.evaluation.report.html_tables import HtmlTable, write
from limen.evaluation.report.names import named, safe
from limen.format import Evidence, Rung

from limen_export.ladder_picture import pairs_picture, texts_picture, timed
from limen_export.report import ExportReport

_NOTHING = "–"
_HEADER = (
    *("precision", "MB", "p50, ms", "texts/s", "logits within", "pairs alike", "same labels"),
    *("metric", "drop", "verdict"),
)
_TABLE_NOTE = (
    "Each rung beside the source, on the same texts. Logits within: the largest absolute "
    "difference. Small figures: lower 95 % bounds of the agreement, and the 95 % interval of the "
    "drop. The file is the marked rung."
)
_PICTURE_NOTE = (
    "Numbers as in the table; upper left is better. The line below a point reaches down to the "
    "lower 95 % bound; what the gate asks for is dashed. The file's own rung is filled."
)


def ladder_page(report: ExportReport) -> str:
    """Write the page of an export; the same for the same report.

    While it draws it changes matplotlib's settings, and puts them back: two pages are not to be
    written by two threads at once.
    """
    evidence, title = report.evidence, report.path.name
    own = _own(report)
    facts = (
        ("file", f"{report.size_bytes / 1e6:.1f} MB"),
        ("precision", report.precision),
        ("digest", report.digest),
        ("texts", f"{evidence.texts:,} ({evidence.texts_name})"),
    )
    told = "".join(f"<div><dt>{name}</dt><dd>{safe(value)}</dd></div>" for name, value in facts)
    sections = [_section("Rungs", _rungs(evidence, own))]
    if timed(evidence):
        sections.append(_section("Agreement against speed", _pictures(evidence, own)))
    sections.append(_section("Why", _reasons(report)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # An empty icon: a browser would otherwise ask the server for one.
        '<link rel="icon" href="data:,">\n'
        f"<title>{safe(title)}: precision ladder</title>\n<style>\n{_style()}</style>\n"
        f"</head>\n<body>\n<header>\n<h1>{named(title)}</h1>\n"
        f"<p>Precision ladder: what was tried, and which rung the file is.</p>\n"
        f"<dl class=facts>{told}</dl>\n</header>\n<main>\n{''.join(sections)}</main>\n"
        "</body>\n</html>\n"
    )


def _own(report: ExportReport) -> int | None:
    places = range(len(report.evidence.rungs))
    return next((n for n in places if is_own(report.evidence, n, report.precision)), None)


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{content}</section>\n"


def _rungs(evidence: Evidence, own: int | None) -> str:
    rows = [_row(place, rung, chosen=place == own) for place, rung in enumerate(evidence.rungs)]
    return write(HtmlTable("", "Rungs", _HEADER, rows, note=_TABLE_NOTE))


def _row(place: int, rung: Rung, *, chosen: bool) -> tuple[str, ...]:
    judged = rung.judgement
    quality = None if judged is None else judged.quality
    drop = metric = _NOTHING
    if quality is not None:
        metric = f"{quality.rung:.4f}<small>{safe(quality.metric)}</small>"
        ends = f"{signed(quality.drop_low)} to {signed(quality.drop_high)}"
        drop = f"{signed(quality.drop)}<small>{ends}</small>"
    return (
        f"{place + 1}. {safe(rung_name(rung))}{' ◀' if chosen else ''}",
        f"{rung.size_bytes / 1e6:.1f}",
        _NOTHING if rung.p50_ms is None else f"{rung.p50_ms:.2f}",
        _NOTHING if rung.texts_per_second is None else f"{rung.texts_per_second:,.0f}",
        f"{rung.max_logit_difference:.2g}",
        _share(rung.cells_alike, None if judged is None else judged.cells_alike_low),
        _share(rung.texts_alike, None if judged is None else judged.texts_alike_low),
        metric,
        drop,
        _NOTHING if judged is None else judged.verdict,
    )


def _share(share: float, low: float | None) -> str:
    bound = "" if low is None else f"<small>≥ {percent(low)}</small>"
    return f"{percent(share)}{bound}"


def _pictures(evidence: Evidence, own: int | None) -> str:
    with drawing_style():
        drawn = [texts_picture(evidence, own)]
        # Where one label is given, pairs say the same as texts.
        if evidence.gate is None or evidence.gate.unit == "cells":
            drawn.insert(0, pairs_picture(evidence, own))
    figures = "".join(f"<figure>{picture}</figure>\n" for picture in drawn)
    return f'<p>{_PICTURE_NOTE}</p>\n<div class="beside">{figures}</div>\n'


def _reasons(report: ExportReport) -> str:
    evidence = report.evidence
    lines = [f"{notice}." for notice in report.all_notices]
    if evidence.gate is not None:
        lines.append(f"A rung passes with {gate_in_words(evidence.gate)}.")
    if evidence.why:
        lines.append(f"{evidence.why}.")
    for rung in evidence.rungs:
        if rung.judgement is not None and rung.judgement.why not in evidence.why:
            lines.append(f"{rung_name(rung)}, {rung.judgement.verdict}: {rung.judgement.why}.")
        if rung.kept_in_float:
            lines.append(f"{rung_name(rung)} keeps: {', '.join(rung.kept_in_float)}.")
        if rung.detail:
            lines.append(f"{rung_name(rung)}: {rung.detail}.")
    items = "".join(f"<li>{safe(line)}</li>\n" for line in lines)
    return f"<ul>\n{items}</ul>\n" if items else "<p>No gate was asked.</p>\n"


def _style() -> str:
    name = "limen.evaluation.report"
    return files(name).joinpath("style.css").read_text(encoding="utf-8")
