"""What matplotlib writes as a file, made fit to stand inside a page."""

import re
from html import escape

INK, FAINT = "#010203", "#040506"
"""Drawn with, to be replaced by the page's own colours for writing and for lines."""

_FOREIGN = re.compile(
    r"<metadata>.*?</metadata>|<style.*?</style>|font-family: [^;\"]*; ", re.DOTALL
)
_IDENTIFIER = re.compile(r' id="([^"]*)"')


def inline(svg: str, title: str) -> str:
    """Return the `svg` element alone: no prolog, no metadata, no styles for the whole page, no size
    of its own, and the page's font and colours.

    Args:
        svg: the file.
        title: what a screen reader says in its place.
    """
    svg = svg[svg.index("<svg") :]
    svg = _FOREIGN.sub("", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg {box.group() if box else ""} role="img" aria-label="{escape(title)}">'
    svg = head + svg[svg.index(">") + 1 :]
    # Inside HTML no namespace is declared, and the older xlink:href is called href.
    svg = svg.replace("xlink:href", "href")
    # Groups are called figure_1, axes_1 in every drawing; a page must not have an id twice.
    used = {*re.findall(r"#([\w-]+)", svg)}
    svg = _IDENTIFIER.sub(lambda found: found.group() if found.group(1) in used else "", svg)
    svg = svg.replace(INK, "currentColor").replace(FAINT, "var(--line)")
    return re.sub(r"\n\s*", "\n", svg).strip()
