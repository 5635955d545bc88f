"""Agreement against speed, as tables and as a picture."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from graph_agreement import PLAIN, TOKENS
from graph_cells import interval, markdown, ratio, times
from limen.evaluation.report.drawing import ACCENT, FAINT, INK, drawing_style
from limen_bench.statistics import spread
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

_PICTURED = "goemotions-minilm"
_SIZE = (8.0, 3.6)  # inches
_SLOWER = 1.2
_DARK, _LIGHT = "#222222", "#dddddd"
_WANTED = (
    ("cells alike", "(text, label) pairs alike", 99.85),
    ("texts alike", "label sets alike", 96),
)


def agreement_parts(name: str, measured: dict[str, Any]) -> list[str]:
    """Return heading, notes and tables of one checkpoint."""
    fitted = measured["metric"] == "macro_f1"
    parts = [f"### Agreement against speed: {name}", _note(measured, fitted=fitted)]
    parts.append(_graphs(measured["graphs"], fitted=fitted))
    if fitted:
        parts += ["![Agreement against speed](figures/graph-ladder.svg)", _sensitivity(measured)]
    return parts


def agreement_picture(graph_json: Path) -> bytes:
    """Draw agreement over milliseconds as SVG on white, a point for each graph, numbered as in the
    table.
    """
    measured = json.loads(graph_json.read_text(encoding="utf-8"))
    graphs = measured["checkpoints"][_PICTURED]["agreement"]["graphs"]
    speeds = [spread(one["ms"]).median for one in graphs.values()]
    limit = _SLOWER * speeds[[*graphs].index(PLAIN)]
    with drawing_style():
        figure = Figure(figsize=_SIZE, layout="constrained", facecolor="white")
        for axes, (key, label, wanted) in zip(figure.subplots(1, 2), _WANTED, strict=True):
            shares = [100 * one[key] for one in graphs.values()]
            _panel(axes, speeds, shares, wanted, limit)
            axes.set_ylabel(f"{label}, %")
        figure.supxlabel(
            f"ms of one text of {TOKENS} tokens; dashed: what was wanted, and plain int8 and 20 %",
            fontsize=10,
        )
        stream = BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    drawn = stream.getvalue().decode("utf-8")
    return drawn.replace(INK, _DARK).replace(FAINT, _LIGHT).encode("utf-8")


def _panel(
    axes: Axes, speeds: list[float], shares: list[float], wanted: float, limit: float
) -> None:
    for place, (speed, share) in enumerate(zip(speeds, shares, strict=True)):
        axes.plot(speed, share, "o", markersize=6, color=ACCENT)
        axes.annotate(
            str(place + 1),
            (speed, share),
            xytext=(-6, 4) if place % 2 else (6, 4),
            ha="right" if place % 2 else "left",
            textcoords="offset points",
        )
    dashes: dict[str, Any] = {
        "color": INK,
        "linewidth": 0.9,
        "linestyle": (0, (3, 3)),
        "alpha": 0.6,
    }
    axes.axhline(wanted, **dashes)
    axes.axvline(limit, **dashes)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8]))
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(0.08)


def _note(measured: dict[str, Any], *, fitted: bool) -> str:
    if fitted:
        how = (
            f"Thresholds fitted on every second text, judged on the {measured['texts']:,} "
            "others. Alike: decided as fp32, both by fp32's thresholds. Macro-F1 less fp32's: "
            "with thresholds of the graph's own and with fp32's, 95 % interval (paired "
            "bootstrap)"
        )
    else:
        how = (
            f"Argmax, {measured['texts']:,} texts. Accuracy less fp32's with its 95 % interval "
            "(paired bootstrap)"
        )
    return (
        f"{how}. Milliseconds: the session alone at {TOKENS} tokens, one thread; *slower*: than "
        "plain int8, paired by round; texts/s: the whole of limen, all cores."
    )


def _graphs(graphs: dict[str, Any], *, fitted: bool) -> str:
    plain = graphs[PLAIN]
    rows = []
    for place, (name, one) in enumerate(graphs.items()):
        metric, differences = one["metric"], one["metric less fp32"]
        judged = [f"{metric[0]:.4f}", interval(differences[0])]
        if fitted:
            judged.append(interval(differences[1]))
        rows.append(
            [
                f"{place + 1}. {name}",
                f"{one['bytes'] / 1e6:.1f}",
                f"{one['cells alike']:.3%}",
                f"{one['texts alike']:.2%}",
                f"{one['difference']:.2g}",
                *judged,
                times(one["ms"]),
                "" if one is plain else ratio(one["ms"], plain["ms"]),
                times(one["texts/s"], 0),
                "" if one is plain else ratio(plain["texts/s"], one["texts/s"]),
            ]
        )
    header = [
        "",
        "MB",
        "cells alike",
        "sets alike" if fitted else "texts alike",
        "logit difference",
    ]
    header += ["macro-F1", "own less fp32"] if fitted else ["accuracy", "less fp32"]
    header += ["the same thresholds"] if fitted else []
    return markdown([*header, "ms", "slower", "texts/s", "slower"], rows)


def _sensitivity(measured: dict[str, Any]) -> str:
    rows = [
        [f"`{matrix}`", f"{gain:.2e}", f"{cost:,}"]
        for matrix, gain, cost in measured["sensitivity"]
    ]
    note = (
        "The matrices that gain most for what they cost, each in float with all others in int8: "
        "by how much the mean difference of a score to fp32 falls, and multiply-adds of a token "
        "that then run in float (sentences of the project):"
    )
    return f"{note}\n\n{markdown(['matrix', 'gain', 'multiply-adds'], rows)}"
