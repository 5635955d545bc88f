"""Agreement against speed: one point for each rung that was timed."""

from collections.abc import Callable, Sequence

from limen.evaluation.report.drawing import ACCENT, INK, svg
from limen.format import Evidence, Rung
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

_SIZE = (5.0, 3.4)  # inches; 360 points wide
_ROOM = 0.12
_LEAST_SPAN = 0.05
"""Per cent; a narrower axis would make much of nothing."""
_Point = tuple[int, float, float, float, bool]
"""Number in the table, ms, per cent alike, its lower bound, whether it is the file's own."""


def pairs_picture(evidence: Evidence, own: int | None) -> str:
    """Draw the share of (text, label) pairs alike; call inside `drawing_style`."""
    points = _points(evidence, own, lambda rung: rung.cells_alike, _cells_low)
    return _picture(points, _least(evidence, "cells"), "(text, label) pairs alike", "ladder-pairs")


def texts_picture(evidence: Evidence, own: int | None) -> str:
    """Draw the share of texts with the same labels; call inside `drawing_style`."""
    points = _points(evidence, own, lambda rung: rung.texts_alike, _texts_low)
    return _picture(points, _least(evidence, "texts"), "texts with the same labels", "ladder-texts")


def timed(evidence: Evidence) -> bool:
    """Tell whether there is anything to draw: two rungs that were timed."""
    return sum(rung.p50_ms is not None and rung.p50_ms > 0 for rung in evidence.rungs) > 1


def _points(
    evidence: Evidence,
    own: int | None,
    share: Callable[[Rung], float],
    low: Callable[[Rung], float],
) -> list[_Point]:
    return [
        (place + 1, rung.p50_ms, 100 * share(rung), 100 * low(rung), place == own)
        for place, rung in enumerate(evidence.rungs)
        if rung.p50_ms is not None and rung.p50_ms > 0
    ]


def _picture(points: Sequence[_Point], least: float | None, what: str, prefix: str) -> str:
    figure = Figure(figsize=_SIZE)
    axes = figure.add_axes((0.17, 0.16, 0.8, 0.8))
    _scales(axes, points, least)
    axes.set_xlabel("p50 of one text, ms", fontsize=11)
    axes.set_ylabel(f"{what}, %", fontsize=11)
    axes.tick_params(labelsize=10)
    for number, speed, share, low, chosen in points:
        colour = ACCENT if chosen else INK
        axes.plot([speed, speed], [low, share], color=colour, linewidth=1.2, alpha=0.7)
        fill = ACCENT if chosen else "none"
        axes.plot(speed, share, "o", markersize=7, color=colour, markerfacecolor=fill)
        axes.annotate(
            str(number),
            (speed, share),
            # Neighbours in the table are often neighbours here.
            xytext=(-8, 2) if number % 2 else (8, 2),
            ha="right" if number % 2 else "left",
            textcoords="offset points",
            fontsize=11,
            fontweight="bold" if chosen else "normal",
        )
    if least is not None:
        axes.axhline(least, color=INK, linewidth=0.9, linestyle=(0, (3, 3)), alpha=0.6)
    return svg(figure, f"{what} over the milliseconds of one text", prefix)


def _scales(axes: Axes, points: Sequence[_Point], least: float | None) -> None:
    shares = [end for _, _, share, low, _ in points for end in (share, low)]
    lowest = min(shares if least is None else [*shares, least])
    highest = max(shares)
    span = max(highest - lowest, _LEAST_SPAN)
    axes.set_ylim(lowest - _ROOM * span, highest + _ROOM * span)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:g}"))
    speeds = [speed for _, speed, _, _, _ in points]
    axes.set_xscale("log")
    # A ratio: the axis is logarithmic.
    room = (max(speeds) / min(speeds)) ** _ROOM * 1.05
    axes.set_xlim(min(speeds) / room, max(speeds) * room)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda speed, _: f"{speed:g}"))


def _least(evidence: Evidence, unit: str) -> float | None:
    gate = evidence.gate
    return None if gate is None or gate.unit != unit else 100 * gate.min_agreement


def _cells_low(rung: Rung) -> float:
    return rung.cells_alike if rung.judgement is None else rung.judgement.cells_alike_low


def _texts_low(rung: Rung) -> float:
    return rung.texts_alike if rung.judgement is None else rung.judgement.texts_alike_low
