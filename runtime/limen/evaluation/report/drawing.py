"""One matplotlib figure as an `svg` element that stands inside a page: it takes the page's colours
and font, needs nothing else, and is the same on every run.

No text from outside is drawn: names stand around a picture, as HTML.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

INK, FAINT = "#010203", "#040506"
"""Drawn with, to be replaced by the page's own colours for writing and for lines."""
ACCENT = "#1c7ed6"
"""At least 3:1 against the white and against the dark page."""
_STYLE: dict[str, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    # Ids are made from what is drawn and this; each picture then gets a prefix of its own.
    "svg.hashsalt": "limen",
}
_NOTHING = {"Date": None, "Creator": None, "Format": None, "Type": None}
_FOREIGN = re.compile(
    r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|font-family: [^;\"]*; ", re.DOTALL
)
_IDENTIFIER = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(href="|url\()#([\w-]+)')
_PATH = re.compile(r' d="[^"]*"')
_FRACTION = re.compile(r"(\.\d\d)\d+")


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw in the style of the page inside; matplotlib's settings come back afterwards."""
    # "default" first: a user's matplotlibrc may ask for TeX.
    style: list[str | Path | dict[str, Any]] = ["default", _STYLE]
    with matplotlib.style.context(style):
        yield


def svg(figure: Figure, title: str, prefix: str) -> str:
    """Return a figure as an `svg` element without anything foreign; call inside `drawing_style`.

    Args:
        figure: not made by pyplot.
        title: what a screen reader says in its place.
        prefix: of its ids; another one for every picture of a page.
    """
    stream = StringIO()
    figure.savefig(stream, format="svg", metadata=_NOTHING, transparent=True)
    found = stream.getvalue()
    found = _FOREIGN.sub("", found[found.index("<svg") :])
    box = re.search(r'viewBox="[^"]*"', found)
    body = found[found.index(">") + 1 :]
    # Inside HTML no namespace is declared, and the older xlink:href is called href.
    body = body.replace("xlink:href", "href")
    used = {name for _, name in _REFERENCE.findall(body)}
    body = _IDENTIFIER.sub(
        lambda one: f' id="{prefix}-{one.group(1)}"' if one.group(1) in used else "", body
    )
    body = _REFERENCE.sub(lambda one: f"{one.group(1)}#{prefix}-{one.group(2)}", body)
    # A hundredth of a point is not seen; six places are most of a long path.
    body = _PATH.sub(lambda one: _FRACTION.sub(r"\1", one.group()), body)
    body = body.replace(INK, "currentColor").replace(FAINT, "var(--line)")
    head = f'<svg {box.group() if box else ""} role="img" aria-label="{escape(title)}">'
    return re.sub(r"\n\s*", "\n", head + body).strip()


def unit_axis(axes: Axes, *, x: bool = True, y: bool = True) -> None:
    """Let axes show shares: 0 to 1, three ticks, and room for what lies on the edge."""
    for wanted, axis, limit in (
        (x, axes.xaxis, axes.set_xlim),
        (y, axes.yaxis, axes.set_ylim),
    ):
        if wanted:
            limit(-0.03, 1.03)
            axis.set_major_locator(FixedLocator([0.0, 0.5, 1.0]))
            axis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}"))
