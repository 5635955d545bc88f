"""Plots of figures along an axis: length, batch, threads, number of texts, load."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from matplotlib.axes import Axes

from limen_bench.report.drawing import End, Frame, Mark, Plot, draw, marks, tick
from limen_bench.summary import Point, RunSummary


@dataclass(frozen=True)
class _Line:
    """One engine's line: places on the axis, medians, quartiles."""

    mark: Mark
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def latency_by_length(summary: RunSummary) -> Plot | None:
    """p50 of one text against its tokens, or characters."""
    frame = Frame(
        "Latency against length", summary.unit, "p50, ms", summary.row.run, x_log=True, y_log=True
    )
    return _plot(frame, _lines(summary, "by_length", summary.unit, "p50_ms"))


def speed_by_count(summary: RunSummary) -> Plot | None:
    """Texts a second against the number of texts."""
    frame = Frame(
        "Bulk speed against the number of texts",
        "texts in the call",
        "texts/s",
        summary.row.run,
        x_log=True,
        y_log=True,
    )
    return _plot(frame, _lines(summary, "counts", "texts", "texts_per_s"))


def speed_by_threads(summary: RunSummary) -> Plot | None:
    """Texts a second against threads, each at its chosen batch."""
    frame = Frame("Bulk speed against threads", "threads", "texts/s", summary.row.run)
    return _plot(frame, _lines(summary, "threads", "threads", "texts_per_s"))


def sweep_by_batch(summary: RunSummary) -> Plot | None:
    """Best texts a second of the sweep at each batch size."""
    frame = Frame(
        "Throughput against batch size",
        "batch size",
        "texts/s",
        summary.row.run,
        x_log=True,
        y_log=True,
    )
    note = "At each batch size the fastest of all threads and orders that were tried."
    return _plot(frame, _best_lines(summary, "batch"), note)


def sweep_by_threads(summary: RunSummary) -> Plot | None:
    """Best texts a second of the sweep at each number of threads."""
    frame = Frame("Throughput against threads", "threads", "texts/s", summary.row.run, y_log=True)
    note = "At each number of threads the fastest of all batch sizes and orders that were tried."
    return _plot(frame, _best_lines(summary, "threads"), note)


def latency_by_load(summary: RunSummary) -> Plot | None:
    """p99 against the rate of requests, with the limit."""
    frame = Frame(
        "Latency under load",
        "requests a second",
        "p99, ms",
        summary.row.run,
        x_log=True,
        y_log=True,
    )
    limits = {
        limit
        for name in summary.names("load_limit")
        for point in summary.along(name, "load_limit")
        if (limit := point.median("limit_ms")) is not None
    }
    note = "Dashed: the limit on p99." if limits else ""
    return _plot(frame, _lines(summary, "load", "rate", "p99_ms"), note, sorted(limits))


def _lines(summary: RunSummary, measure: str, axis: str, value: str) -> list[_Line]:
    return [
        _line(mark, summary.along(name, measure), axis, value)
        for name, mark in marks(summary).items()
    ]


def _line(mark: Mark, points: Iterable[Point], axis: str, value: str) -> _Line:
    found = [
        (float(place), spread.median, spread.low, spread.high)
        for point in points
        # Logarithmic axes have no room for zero.
        if (place := point.at.get(axis)) is not None
        and place > 0
        and (spread := point.spread(value)) is not None
        and spread.low > 0
    ]
    columns = [tuple(column) for column in zip(*sorted(found), strict=True)] or [()] * 4
    return _Line(mark, *columns)


def _best_lines(summary: RunSummary, axis: str) -> list[_Line]:
    lines = []
    for name, mark in marks(summary).items():
        best: dict[float, Point] = {}
        for point in summary.along(name, "sweep"):
            place, speed = point.at.get(axis), point.median("texts_per_s")
            if place is None or speed is None:
                continue
            if place not in best or speed > (best[place].median("texts_per_s") or 0):
                best[place] = point
        lines.append(_line(mark, best.values(), axis, "texts_per_s"))
    return lines


def _plot(
    frame: Frame, lines: Iterable[_Line], note: str = "", limits: Iterable[float] = ()
) -> Plot | None:
    drawn = [line for line in lines if line.x]
    # A line of one place shows nothing that the table does not.
    if not any(len(line.x) > 1 for line in drawn):
        return None
    svg = draw(frame, partial(_paint, drawn, tuple(limits)))
    return Plot(frame.title, svg, tuple(line.mark for line in drawn), note)


def _paint(lines: list[_Line], limits: tuple[float, ...], axes: Axes) -> list[End]:
    for line in reversed(lines):  # the baseline last, on top
        width = 2.6 if line.mark.first else 1.4
        axes.plot(line.x, line.y, "-o", color=line.mark.colour, linewidth=width)
        if line.low != line.high:
            axes.fill_between(
                line.x, line.low, line.high, color=line.mark.colour, alpha=0.18, linewidth=0
            )
    for limit in limits:
        axes.axhline(limit, linestyle="--", color=axes.xaxis.label.get_color(), linewidth=1)
    _mark_places(axes, sorted({place for line in lines for place in line.x}))
    return [End(line.mark, line.x[-1], line.y[-1]) for line in lines]


def _mark_places(axes: Axes, places: list[float]) -> None:
    """Put ticks where something was measured, if they are few and far enough apart to be read."""
    log = axes.get_xscale() == "log"
    pairs = [*pairwise(places)]
    apart = all(right > 1.4 * left if log else right - left >= 1 for left, right in pairs)
    if apart and len(places) <= 8:
        axes.set_xticks(places, labels=[tick(place) for place in places])
        axes.minorticks_off()
