"""The parts of a page that hold figures: the headline, all figures, those of each label."""

from collections.abc import Sequence
from itertools import chain

from limen.evaluation.quality import LabelQuality, Quality
from limen.evaluation.report.html_tables import HtmlTable, write
from limen.evaluation.report.names import named, safe
from limen.evaluation.report.shown import Shown
from limen.evaluation.report.table import by_support
from limen.evaluation.report.wording import (
    NEVER,
    NOTHING,
    Reason,
    headline,
    headline_row,
    label_cells,
    reasons,
    threshold,
    title,
)

_LABEL_HEADER = (
    *("label", "true", "given", "precision", "recall", "F1"),
    *("threshold", "ROC-AUC", "PR-AUC", "ECE"),
)
_LABEL_NOTE = (
    "true: texts of which the label is true; given: texts that were given it. F1 is 2 hits / (true "
    f"+ given). {NOTHING}: no value, for the reason at the end of the page; {NEVER}: the operating "
    "point never gives the label. Most frequent labels first."
)
_INTERVALS = (
    "Small print: 95 % bootstrap intervals; texts are drawn with replacement and the 2.5 and 97.5 "
    "per cent quantiles of the draws are the ends. Drawing adds noise, and noise makes a "
    "calibration error larger: its interval lies too high."
)
_LISTED = 20


def cards(quality: Quality) -> str:
    """Write the figures that have an interval, or would have one, large."""
    right = "accuracy" if quality.exclusive else "subset_accuracy"
    names = ["macro_f1", "micro_f1", right]
    if quality.exclusive and quality.sets:
        names = ["coverage", "labels_per_text", "macro_f1"]
    if quality.scores is not None:
        names += ["map_macro", "ece", "brier"]
    written = []
    for name in names:
        row = headline_row(quality, name)
        small = "".join(
            f"<dd><small>{safe(part)}</small></dd>" for part in (row.interval, row.note) if part
        )
        written.append(f"<div><dt>{safe(row.title)}</dt><dd>{safe(row.value)}</dd>{small}</div>\n")
    return f'<dl class="cards">\n{"".join(written)}</dl>\n'


def figures_section(points: Sequence[Shown]) -> str:
    """Write every figure of all labels, a column for each operating point."""
    qualities = [point.quality for point in points]
    rows = [{row.name: row for row in headline(quality)} for quality in qualities]
    names = dict.fromkeys(chain.from_iterable(rows))
    cells = []
    for name in names:
        owner = next(place for place, found in enumerate(rows) if name in found)
        own = [headline_row(quality, name) for quality in qualities]
        cells.append(
            (
                safe(title(qualities[owner], name)),
                *(_with_details(row.value, row.interval, row.note) for row in own),
            )
        )
    note = _INTERVALS if any(quality.intervals for quality in qualities) else ""
    heads = tuple(named(point.judged.point) for point in points)
    return write(HtmlTable("", "All figures", ("", *heads), cells, note=note))


def labels_section(points: Sequence[Shown]) -> str:
    """Write the figures of each label, at the first operating point openly."""
    tables = []
    for place, point in enumerate(points):
        quality = point.quality
        has_thresholds = point.judged.thresholds is not None
        tables.append(
            write(
                HtmlTable(
                    f"At {named(quality.point)}",
                    f"Labels at {quality.point}",
                    _LABEL_HEADER,
                    [
                        _label_row(quality.labels[label], has_thresholds=has_thresholds)
                        for label in by_support(quality.labels)
                    ],
                    note=_LABEL_NOTE if place == 0 else "",
                    folded=place > 0,
                )
            )
        )
    return "".join(tables)


def thresholds_section(points: Sequence[Shown]) -> str:
    """Write the thresholds of each label, a column for each operating point that has any."""
    with_any = [point for point in points if point.judged.thresholds is not None]
    without = [named(point.judged.point) for point in points if point.judged.thresholds is None]
    told = f"<p>Without thresholds: {', '.join(without)}.</p>\n" if without else ""
    if not with_any:
        return told
    rows = [
        (
            named(points[0].judged.labels[label]),
            *(
                threshold(point.quality.labels[label].threshold, has_thresholds=True)
                for point in with_any
            ),
        )
        for label in by_support(points[0].quality.labels)
    ]
    header = ("label", *(named(point.judged.point) for point in with_any))
    return told + write(HtmlTable("", "Thresholds", header, rows))


def undefined_section(points: Sequence[Shown]) -> str:
    """Write what has no value, and why; once where it is so at every operating point."""
    gathered: dict[Reason, list[str]] = {}
    for point in points:
        for found in reasons(point.quality.undefined):
            gathered.setdefault(found, []).append(named(point.judged.point))
    lines = []
    for found, where in gathered.items():
        listed = ", ".join(named(label) for label in found.labels[:_LISTED])
        if len(found.labels) > _LISTED:
            listed += f" and {len(found.labels) - _LISTED:,} more"
        whose = f" of {listed}" if listed else ""
        at = f" at {', '.join(where)}" if len(where) < len(points) else ""
        names = safe(", ".join(found.figures))
        lines.append(f"<li>{names}{whose}{at}: {safe(found.reason)}</li>\n")
    return f"<ul>\n{''.join(lines)}</ul>\n" if lines else "<p>Every figure has a value.</p>\n"


def _label_row(label: LabelQuality, *, has_thresholds: bool) -> tuple[str, ...]:
    return (named(label.label), *label_cells(label, has_thresholds=has_thresholds))


def _with_details(value: str, *details: str) -> str:
    small = "".join(f"<small>{safe(detail)}</small>" for detail in details if detail)
    return f"{safe(value)}{small}"
