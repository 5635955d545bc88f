"""Plots with one point or bar for each engine or bin: ratios, quality against speed, lengths."""

from collections.abc import Sequence
from functools import partial

from matplotlib.axes import Axes

from limen_bench.report.drawing import End, Frame, Mark, Plot, draw, marks
from limen_bench.report.headline import quality_value
from limen_bench.statistics import ENOUGH_ROUNDS, Ratio
from limen_bench.summary import RunSummary

_SCORES = {"macro_f1": "macro-F1", "accuracy": "accuracy", "texts_alike": "texts alike, share"}


def ratios_one(summary: RunSummary) -> Plot | None:
    """How many times faster the baseline is, one text at a time."""
    return _ratios(summary, "one", "p50_ms", "one at a time (p50)")


def ratios_bulk(summary: RunSummary) -> Plot | None:
    """How many times faster the baseline is in bulk."""
    return _ratios(summary, "bulk", "texts_per_s", "bulk")


def quality_by_speed(summary: RunSummary) -> Plot | None:
    """Quality against latency; where nothing is labelled, agreement."""
    score = quality_value(summary)
    measure, value = ("quality", score) if score else ("agreement", "texts_alike")
    found = []
    for name, mark in marks(summary).items():
        one, judged = summary.point(name, "one"), summary.point(name, measure)
        speed = one.spread("p50_ms") if one else None
        height = judged.median(value) if judged else None
        if speed is not None and speed.low > 0 and height is not None:
            found.append((mark, (speed.median, speed.low, speed.high), height))
    if len(found) < 2:
        return None
    title = "Quality against latency" if score else "Agreement against latency"
    frame = Frame(title, "p50 of one text, ms", _SCORES[value], summary.row.run, x_log=True)
    note = "Upper left is better: same decisions in less time. Bars: quartiles of the rounds."
    svg = draw(frame, partial(_paint_scatter, found))
    return Plot(title, svg, tuple(mark for mark, _, _ in found), note)


def lengths(summary: RunSummary) -> Plot | None:
    """How many texts have how many tokens, or characters."""
    bins = [
        (float(first), float(last), float(count))
        for entry in summary.row.texts.get("histogram") or []
        if isinstance(entry, list) and len(entry) == 3
        for first, last, count in [entry]
        if all(isinstance(edge, int | float) for edge in entry)
    ]
    if not bins:
        return None
    frame = Frame("Lengths of the texts", summary.unit, "texts", summary.row.run)
    return Plot(frame.title, draw(frame, partial(_paint_bins, bins), height=2.6), ())


def _ratios(summary: RunSummary, measure: str, value: str, when: str) -> Plot | None:
    found = [
        (mark, ratio)
        for name, mark in marks(summary).items()
        if (ratio := summary.ratio(name, measure, value)) is not None
    ]
    if not found:
        return None
    base = summary.title(summary.row.baseline)
    frame = Frame(
        f"How many times faster {base} is, {when}",
        f"left of 1 {base} is slower, right of 1 faster",
        "",
        summary.row.run,
        x_log=True,
    )
    svg = draw(frame, partial(_paint_ratios, found), height=0.9 + 0.24 * len(found))
    enough = min(ratio.rounds for _, ratio in found) >= ENOUGH_ROUNDS
    what = "95 % interval" if enough else "range; too few rounds for an interval"
    note = f"Median of the ratios of the rounds, with its {what}."
    return Plot(frame.title, svg, tuple(mark for mark, _ in found), note)


def _paint_ratios(found: Sequence[tuple[Mark, Ratio]], axes: Axes) -> list[End]:
    axes.axvline(1, color=axes.xaxis.label.get_color(), linewidth=1.2)
    for row, (mark, ratio) in enumerate(found):
        axes.plot([ratio.low, ratio.high], [row, row], "-", color=mark.colour, linewidth=3)
        axes.plot([ratio.median], [row], "o", color=mark.colour, markersize=6)
    axes.set_yticks(range(len(found)), labels=[str(mark.number) for mark, _ in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.8), max(high, 1.25))
    return []


def _paint_scatter(
    found: Sequence[tuple[Mark, tuple[float, float, float], float]], axes: Axes
) -> list[End]:
    for mark, (speed, low, high), height in found:
        axes.plot([low, high], [height, height], "-", color=mark.colour, linewidth=2)
        axes.plot([speed], [height], "o", color=mark.colour, markersize=7 if mark.first else 5)
    axes.margins(y=0.1)
    return [End(mark, high, height) for mark, (_, _, high), height in found]


def _paint_bins(bins: Sequence[tuple[float, float, float]], axes: Axes) -> list[End]:
    names = [f"{first:g}–{last:g}" if first != last else f"{first:g}" for first, last, _ in bins]
    axes.bar(range(len(bins)), [count for _, _, count in bins], color="#1c7ed6")
    slanted = len(bins) > 6
    axes.set_xticks(
        range(len(bins)),
        labels=names,
        rotation=45 if slanted else 0,
        ha="right" if slanted else "center",
    )
    axes.grid(visible=False, axis="x")
    return []
