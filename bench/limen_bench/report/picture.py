"""One picture of results for a README: how many times faster the baseline is than each engine, a
panel for each run.
"""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from limen_bench.statistics import ENOUGH_ROUNDS, Ratio
from limen_bench.summary import RunSummary

_SERIES = (
    ("one", "p50_ms", "one text at a time (p50)", "#1c7ed6", -0.17),
    ("bulk", "texts_per_s", "bulk (texts/s)", "#e8590c", 0.17),
)
_WIDTH, _ROW, _HEAD = 8.0, 0.34, 1.15
_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.hashsalt": "limen",
    "svg.fonttype": "none",
    # Names come from outside: a dollar sign must not start a formula.
    "text.parse_math": False,
}


def picture(summaries: Sequence[RunSummary]) -> bytes:
    """Draw the picture as SVG on white; engines without figures are left to the tables.

    Args:
        summaries: runs, at least one; a run without any ratio gives no panel.
    """
    panels = [(summary, rows) for summary in summaries if (rows := _rows(summary))]
    heights = [_HEAD + _ROW * len(rows) for _, rows in panels] or [_HEAD]
    # "default" first: a user's matplotlibrc may ask for TeX.
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        # Layout measures with matplotlib's own font; the browser has one for Korean names.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing")
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained", facecolor="white")
        if panels:
            grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
            for axes, (summary, rows) in zip(grid[:, 0], panels, strict=True):
                _panel(axes, summary, rows)
            base = _printable(panels[0][0].title(panels[0][0].row.baseline))
            figure.suptitle(f"How many times faster {base} is", fontweight="bold")
            figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper right")
            figure.supxlabel(_footer([summary for summary, _ in panels]), fontsize=7.5)
        stream = BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _footer(summaries: Sequence[RunSummary]) -> str:
    """Say when and on what the runs were; one line for each machine."""
    dates: dict[str, dict[str, None]] = {}
    for summary in summaries:
        machine = summary.row.machine
        cores = machine.get("cores", "unknown")
        place = f"{machine.get('cpu') or 'unknown CPU'}, cores used: {cores}"
        dates.setdefault(_printable(place), {})[_printable(summary.row.date[:10])] = None
    return "\n".join(f"{', '.join(sorted(days))}: {place}" for place, days in dates.items())


def _rows(summary: RunSummary) -> list[tuple[str, list[Ratio | None]]]:
    rows = []
    for engine in summary.engines:
        ratios = [summary.ratio(engine.engine, measure, name) for measure, name, *_ in _SERIES]
        if any(ratio is not None for ratio in ratios):
            rows.append((_printable(summary.title(engine.engine)), ratios))
    return rows


def _panel(axes: Axes, summary: RunSummary, rows: Sequence[tuple[str, list[Ratio | None]]]) -> None:
    for place, (_, _, label, colour, offset) in enumerate(_SERIES):
        found = [
            (row + offset, ratios[place])
            for row, (_, ratios) in enumerate(rows)
            if ratios[place] is not None
        ]
        points = [(height, ratio) for height, ratio in found if ratio is not None]
        if not points:
            continue
        axes.barh(
            [height for height, _ in points],
            [ratio.median - 1 for _, ratio in points],
            height=0.3,
            left=1,
            color=colour,
            label=label,
        )
        for height, ratio in points:
            end = ratio.median
            if ratio.rounds >= ENOUGH_ROUNDS:
                axes.plot([ratio.low, ratio.high], [height, height], color="#222222", linewidth=1)
                end = ratio.high
            written = f"{ratio.median:.2f}" if ratio.median < 10 else f"{ratio.median:.0f}"
            axes.text(max(end, 1.0) * 1.04, height, written, va="center", fontsize=8)
    _scale(axes, [title for title, _ in rows])
    axes.set_title(_printable(str(summary.row.model.get("name"))), loc="left", fontsize=10.5)


def _scale(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.7), high * 1.25)
    ticks = [tick for tick in (0.5, 1, 2, 3, 5, 10, 20, 50, 100) if tick < high * 1.25]
    axes.set_xticks(ticks, labels=[f"{tick:g}×" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(names)), labels=names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.axvline(1, color="#222222", linewidth=1)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _printable(name: str) -> str:
    """Take out what no XML may hold."""
    return "".join(letter for letter in name if letter.isprintable())
