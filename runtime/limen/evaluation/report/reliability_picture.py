"""The reliability diagram: what scores say beside what comes true, and how many say it."""

import numpy as np
from matplotlib.figure import Figure

from limen.evaluation.calibration_error import BINS, Reliability
from limen.evaluation.report.drawing import ACCENT, INK, svg, unit_axis

_SIZE = (5.0, 4.6)  # inches; 360 points wide


def reliability_picture(found: Reliability, prefix: str) -> str:
    """Draw a reliability diagram; call inside `drawing_style`."""
    figure = Figure(figsize=_SIZE)
    upper = figure.add_axes((0.12, 0.4, 0.86, 0.58))
    lower = figure.add_axes((0.12, 0.11, 0.86, 0.25))
    unit_axis(upper)
    unit_axis(lower, y=False)
    upper.set_ylabel("share that is true", fontsize=11)
    upper.tick_params(labelsize=11, labelbottom=False)
    upper.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (3, 3)), alpha=0.6)
    kept = np.flatnonzero(found.counts)
    scores, shares = found.scores[kept], found.shares[kept]
    upper.vlines(scores, scores, shares, color="#d9480f", linewidth=2.0, alpha=0.7, clip_on=False)
    upper.plot(scores, shares, "o-", color=ACCENT, markersize=4.5, linewidth=1.4, clip_on=False)
    places = (kept + 0.5) / BINS
    lower.bar(places, found.counts[kept], width=0.8 / BINS, color=ACCENT, alpha=0.65)
    # Most scores of a multi-label classifier are near 0: only a logarithm shows the others.
    lower.set_yscale("log")
    lower.set_ylim(0.7, float(found.counts.max()) ** 1.5 * 4)
    lower.grid(visible=False)
    lower.tick_params(labelsize=11, left=False, labelleft=False, which="both")
    lower.set_xlabel("score", fontsize=11, labelpad=2)
    lower.set_ylabel("scores", fontsize=11)
    for place, count in zip(places, found.counts[kept], strict=True):
        lower.annotate(
            brief(int(count)),
            (float(place), float(count)),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
        )
    return svg(figure, "Reliability diagram: share that is true over score", prefix)


def brief(count: int) -> str:
    """Write a count in at most four characters."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        # Half a unit of the last digit below: 999.6 thousand is a million.
        if count >= size * 0.9995:
            found = count / size
            return f"{found:.1f}{unit}" if found < 9.95 else f"{found:.0f}{unit}"
    return str(count)
