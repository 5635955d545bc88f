"""One plot as SVG that stands inside a page: it takes the page's colours and fonts.

Plots are drawn narrow, at the width of a phone, so that their writing keeps its size there; wider
screens scale them up. Engines are told apart by a number beside the line, not by colour alone.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from limen_bench.report import figures
from limen_bench.report.inline_svg import FAINT, INK, inline
from limen_bench.summary import RunSummary

_SIZE = (5.0, 3.5)  # inches; 360 points wide
_STYLE: dict[str, Any] = {
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "svg.fonttype": "none",
    # Engine names come from outside: a dollar sign must not start a formula.
    "text.parse_math": False,
}
_COLOURS = (
    *("#d9480f", "#1c7ed6", "#2f9e44", "#ae3ec9", "#0c8599", "#e03167", "#8d6e63", "#b58105"),
    *("#5c7cfa", "#5c940d", "#868e96", "#f06595", "#087f5b", "#9c36b5"),
)
"""Each at least 3:1 against white and against the dark page."""


@dataclass(frozen=True)
class Mark:
    """What an engine looks like in every plot of its run.

    Attributes:
        number: its place in the main table, from 1.
        title: what the legend calls it.
        colour: `#rrggbb`.
        first: whether it is the baseline, which is drawn stronger.
    """

    number: int
    title: str
    colour: str
    first: bool


@dataclass(frozen=True)
class End:
    """Where a line or point ends, and whose it is."""

    mark: Mark
    x: float
    y: float


@dataclass(frozen=True)
class Frame:
    """The axes of a plot.

    Attributes:
        title: of the plot.
        x, y: what the axes show, with the unit.
        run: the run it belongs to; keeps its ids apart from those of other runs' plots.
        x_log, y_log: whether the axis is logarithmic.
    """

    title: str
    x: str
    y: str
    run: str
    x_log: bool = False
    y_log: bool = False


@dataclass(frozen=True)
class Plot:
    """A plot for the page.

    Attributes:
        title: its caption.
        svg: the drawing, one `svg` element.
        legend: the engines in it.
        note: how to read it.
    """

    title: str
    svg: str
    legend: tuple[Mark, ...]
    note: str = ""


def marks(summary: RunSummary) -> dict[str, Mark]:
    """Give every engine of a run its number and colour."""
    return {
        engine.engine: Mark(
            index + 1,
            engine.title or engine.engine,
            _COLOURS[index % len(_COLOURS)],
            engine.engine == summary.row.baseline,
        )
        for index, engine in enumerate(summary.engines)
    }


def draw(frame: Frame, paint: Callable[[Axes], Sequence[End]], height: float = _SIZE[1]) -> str:
    """Return a plot as an `svg` element without anything foreign.

    Args:
        frame: the axes.
        paint: draws on them, and returns where an engine's number is to be written.
        height: in inches.
    """
    with _style(f"{frame.title} {frame.run}"):
        figure = Figure(figsize=(_SIZE[0], height), layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel(frame.x)
        axes.set_ylabel(frame.y)
        if frame.x_log:
            axes.set_xscale("log")
        if frame.y_log:
            axes.set_yscale("log")
        ends = paint(axes)
        if ends:
            axes.margins(x=0.09)
        for axis, log in ((axes.xaxis, frame.x_log), (axes.yaxis, frame.y_log)):
            _write_ticks(axis, log)
        _number(figure, axes, ends)
        stream = StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(stream, format="svg", metadata=nothing, transparent=True)
    return inline(stream.getvalue(), frame.title)


def _number(figure: Figure, axes: Axes, ends: Sequence[End]) -> None:
    """Write each engine's number beside its end, moved apart where two would overlap."""
    # Places are known only after the layout, and must not move afterwards.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    scale = 72 / figure.dpi
    heights = [float(axes.transData.transform((end.x, end.y))[1]) * scale for end in ends]
    for end, height, place in zip(ends, heights, _apart(heights, 9.5), strict=True):
        axes.annotate(
            str(end.mark.number),
            (end.x, end.y),
            xytext=(6, place - height),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=end.mark.colour,
            fontweight="bold" if end.mark.first else "normal",
        )


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    order = sorted(range(len(heights)), key=heights.__getitem__)
    places = list(heights)
    for _ in range(50):
        moved = False
        for below, above in pairwise(order):
            lacking = gap - (places[above] - places[below])
            if lacking > 0.1:
                places[below] -= lacking / 2
                places[above] += lacking / 2
                moved = True
        if not moved:
            break
    return places


@contextmanager
def _style(salt: str) -> Iterator[None]:
    # "default" first: a user's matplotlibrc may ask for TeX. The salt makes ids repeatable and
    # different from those of the page's other plots.
    style: list[str | Path | dict[str, Any]] = ["default", {**_STYLE, "svg.hashsalt": salt}]
    with matplotlib.style.context(style), warnings.catch_warnings():
        # Layout measures with matplotlib's own font; the browser has one for Korean names.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")
        yield


def _write_ticks(axis: Axis, log: bool) -> None:
    if isinstance(axis.get_major_locator(), FixedLocator):
        return  # written by whoever placed them
    low, high = sorted(axis.get_view_interval())
    if log and low > 0:
        # Few decades need more than their powers of ten.
        steps = (1, 2, 5) if high / low < 300 else (1,)
        axis.set_major_locator(LogLocator(subs=steps, numticks=12))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda place, _: tick(place)))


def tick(place: float) -> str:
    """Write a place of an axis, short enough for a phone."""
    if abs(place) >= 10_000:
        return f"{place / 1000:,g}k"
    return f"{place:,.6g}" if abs(place) < 1e12 else figures.number(place)
