"""The parts of a page that hold pictures."""

from collections.abc import Sequence

import numpy as np

from limen.arrays import FloatArray
from limen.evaluation.calibration_error import BINS, Reliability, reliability
from limen.evaluation.judged import Cells
from limen.evaluation.report.curves import Mark, curve_picture, marks
from limen.evaluation.report.html_tables import HtmlTable, write
from limen.evaluation.report.names import named
from limen.evaluation.report.reliability_picture import reliability_picture
from limen.evaluation.report.shown import Shown
from limen.evaluation.report.table import by_support
from limen.evaluation.report.wording import figure

_OPEN_CURVES = 12
_LISTED = 20
_CURVE_COLUMNS = 24
_CURVE_NOTE = (
    "Precision over recall of each label's scores, most frequent labels first; the dashed line is "
    "the share of texts of which the label is true, which is the precision of guessing."
)
_OFF_CURVE = (
    " One label is given to a text, so a point can lie beside the curve: the curve asks about the "
    "label alone, a decision also needs it to be the best."
)


def curves_section(points: Sequence[Shown], scores: FloatArray) -> str:
    """Write a precision-recall curve for each label that is true of some text; call inside
    `drawing_style`.
    """
    judged, labels = points[0].judged, points[0].quality.labels
    shown = marks([point.judged.point for point in points])
    order = by_support(labels)
    drawn = [label for label in order if labels[label].support]
    pictures = [_curve(points, label, scores, shown) for label in drawn]
    note = _CURVE_NOTE + (_OFF_CURVE if judged.exclusive else "")
    parts = [
        f"<p>{note}</p>\n",
        _legend(shown),
        f'<div class="curves">\n{"".join(pictures[:_OPEN_CURVES])}</div>\n',
    ]
    if len(pictures) > _OPEN_CURVES:
        parts.append(
            f"<details><summary>{len(pictures) - _OPEN_CURVES:,} more labels</summary>\n"
            f'<div class="curves">\n{"".join(pictures[_OPEN_CURVES:])}</div></details>\n'
        )
    missing = [named(labels[label].label) for label in order if not labels[label].support]
    if missing:
        more = f" and {len(missing) - _LISTED:,} more" if len(missing) > _LISTED else ""
        listed = ", ".join(missing[:_LISTED])
        parts.append(f"<p>No curve, since true of no text: {listed}{more}.</p>\n")
    return "".join(parts)


def _curve(points: Sequence[Shown], label: int, scores: FloatArray, shown: tuple[Mark, ...]) -> str:
    truth: Cells = points[0].judged.truth[:, label]
    rows = [point.quality.labels[label] for point in points]
    svg = curve_picture(scores[:, label], truth, rows, shown, f"pr{label}")
    return (
        f"<figure><figcaption>{named(rows[0].label, _CURVE_COLUMNS)}"
        f"<small>{rows[0].support:,} true, PR-AUC {figure(rows[0].pr_auc)}</small></figcaption>\n"
        f"{svg}\n</figure>\n"
    )


def _legend(shown: tuple[Mark, ...]) -> str:
    items = "".join(
        f'<li><span style="color: {mark.colour}">{mark.glyph}</span> {named(mark.name)}</li>'
        for mark in shown
    )
    return f'<ul class="legend">{items}</ul>\n'


def calibration_section(points: Sequence[Shown], scores: FloatArray) -> str:
    """Write the reliability diagram and its numbers; call inside `drawing_style`."""
    judged = points[0].judged
    found = reliability(scores, judged.truth, exclusive=judged.exclusive)
    what = (
        "The best score of each text, beside the share of texts of which that label is true"
        if judged.exclusive
        else "Every score of every label, beside the share of them whose label is true of its text"
    )
    note = (
        f"{what}, in {BINS} bins of equal width. On the dashed line scores are probabilities; "
        f"below it they promise too much. The bars count the scores in each bin, on a logarithmic "
        f"scale. The calibration error is the mean distance from the line, each score counting "
        f"once: {figure(found.error, 4)}."
    )
    return (
        f'<p>{note}</p>\n<div class="beside"><figure>{reliability_picture(found, "reliability")}'
        f"</figure>\n<div>{write(_bins(found))}</div></div>\n"
    )


def _bins(found: Reliability) -> HtmlTable:
    rows = []
    for place in np.flatnonzero(found.counts):
        rows.append(
            (
                f"{place / BINS:.3f} to {(place + 1) / BINS:.3f}",
                f"{found.counts[place]:,}",
                figure(float(found.scores[place])),
                figure(float(found.shares[place])),
            )
        )
    header = ("bin", "scores", "mean score", "share true")
    return HtmlTable("The bins as numbers", "Bins", header, rows)
