"""Precision-recall curves, a small picture for each label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from limen.arrays import FloatArray, WideArray
from limen.evaluation.judged import Cells
from limen.evaluation.quality import LabelQuality
from limen.evaluation.report.drawing import ACCENT, FAINT, INK, svg, unit_axis
from limen.evaluation.report.names import harmless, shortened

MOST_LEVELS = 100
"""A step at each is two corners: 200 points in a picture."""
_SIZE = (2.1, 1.85)  # inches; 151 points wide
_SPOKEN_COLUMNS = 120


@dataclass(frozen=True)
class Mark:
    """What an operating point looks like in every picture.

    Attributes:
        name: of the operating point.
        shape: a marker of matplotlib.
        glyph: the same as a character, for the legend.
        colour: `#rrggbb`.
    """

    name: str
    shape: str
    glyph: str
    colour: str


_SHAPES = (
    *(("o", "●"), ("s", "■"), ("^", "▲"), ("D", "◆"), ("v", "▼")),
    *(("P", "✚"), ("X", "✖"), ("*", "★")),
)
_COLOURS = ("#d9480f", "#2f9e44", "#ae3ec9", "#0c8599", "#e03167", "#8d6e63", "#b58105")
"""Each at least 3:1 against white and against the dark page; 8 shapes and 7 colours give 56
different marks."""


def marks(names: Sequence[str]) -> tuple[Mark, ...]:
    """Give every operating point its mark."""
    return tuple(
        Mark(
            name,
            *_SHAPES[place % len(_SHAPES)],
            _COLOURS[place % len(_COLOURS)],
        )
        for place, name in enumerate(names)
    )


@dataclass(frozen=True, eq=False)
class Curve:
    """The best precision at each recall.

    Attributes:
        recall: float64, (levels,), rising, at most 100 levels.
        precision: float64, (levels,): of the highest threshold that reaches the recall.
    """

    recall: WideArray
    precision: WideArray


def curve(scores: FloatArray, truth: Cells) -> Curve:
    """Return the curve of one label that is true of some text, thinned evenly in recall.

    Args:
        scores: float32, (texts,).
        truth: bool, (texts,).
    """
    precision, recall, _ = precision_recall_curve(truth, scores)
    # The last pair, precision 1 at recall 0, is no threshold but scikit-learn's end of the curve.
    recall, precision = recall[-2::-1], precision[-2::-1]
    levels, first = np.unique(recall, return_index=True)
    kept = np.arange(len(levels))
    if len(levels) > MOST_LEVELS:
        kept = np.unique(np.searchsorted(levels, np.linspace(levels[0], 1.0, MOST_LEVELS)))
    return Curve(levels[kept], precision[first[kept]])


def curve_picture(
    scores: FloatArray,
    truth: Cells,
    labels: Sequence[LabelQuality],
    shown: Sequence[Mark],
    prefix: str,
) -> str:
    """Draw the curve of one label with the operating points on it; call inside `drawing_style`.

    Args:
        scores: float32, (texts,).
        truth: bool, (texts,), some of them true.
        labels: the label's figures at each operating point.
        shown: the mark of each operating point.
        prefix: of the picture's ids.
    """
    found = curve(scores, truth)
    figure = Figure(figsize=_SIZE)
    axes = figure.add_axes((0.2, 0.2, 0.78, 0.77))
    unit_axis(axes)
    axes.set_xlabel("recall", fontsize=8, labelpad=1)
    axes.set_ylabel("precision", fontsize=8, labelpad=1)
    axes.tick_params(labelsize=8, length=2, pad=2)
    axes.axhline(float(truth.mean()), color=INK, linewidth=0.8, linestyle=(0, (2, 2)), alpha=0.5)
    # Steps, as average precision sums them: it is the area below the line.
    axes.plot(
        np.concatenate([[0.0], found.recall]),
        np.concatenate([found.precision[:1], found.precision]),
        drawstyle="steps-pre",
        color=ACCENT,
        linewidth=1.3,
        clip_on=False,
    )
    for label, mark in zip(labels, shown, strict=True):
        if label.precision is not None and label.recall is not None:
            axes.plot(
                label.recall,
                label.precision,
                mark.shape,
                color=mark.colour,
                markersize=5.5,
                markeredgecolor=FAINT,
                markeredgewidth=0.5,
                clip_on=False,
            )
    name = shortened(harmless(labels[0].label), _SPOKEN_COLUMNS)
    return svg(figure, f"Precision over recall of {name}", prefix)
