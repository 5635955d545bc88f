"""A judgement as one HTML page that needs nothing else: no script, no font, nothing to load."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from limen.evaluation.report.confusion_section import confusion_section
from limen.evaluation.report.drawing import drawing_style
from limen.evaluation.report.figure_sections import (
    cards,
    figures_section,
    labels_section,
    thresholds_section,
    undefined_section,
)
from limen.evaluation.report.names import named, safe
from limen.evaluation.report.picture_sections import calibration_section, curves_section
from limen.evaluation.report.shown import Shown, check_shown
from limen.evaluation.report.wording import described

_TITLE_COLUMNS = 200


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        key: its anchor, another one for each section.
        title: text.
        content: HTML.
    """

    key: str
    title: str
    content: str


def page(
    title: str,
    points: Sequence[Shown],
    facts: Sequence[tuple[str, str]] = (),
    first: Sequence[Section] = (),
) -> str:
    """Write the page; the same for the same input.

    While it draws it changes matplotlib's settings, and puts them back: two pages are not to be
    written by two threads at once.

    Args:
        title: of the page, such as the name of the classifier file.
        points: operating points on the same texts; the first is the one that headline, matrix and
            open tables show.
        facts: (name, value) pairs to stand below the title, such as the file's digest.
        first: sections to stand before those of the judgement.

    Raises:
        InputError: no point, or points that do not belong together.
    """
    check_shown(points)
    judged, quality = points[0].judged, points[0].quality
    parts = [(one.key, one.title, one.content) for one in first]
    parts += [
        ("figures", "All figures", figures_section(points)),
        ("labels", "Labels", labels_section(points)),
    ]
    if judged.scores is not None:
        with drawing_style():
            parts += [
                ("curves", "Precision and recall", curves_section(points, judged.scores)),
                ("calibration", "Calibration", calibration_section(points, judged.scores)),
            ]
    parts += [
        ("confusion", "Labels given where others are true", confusion_section(points[0])),
        ("thresholds", "Thresholds", thresholds_section(points)),
        ("undefined", "Figures without a value", undefined_section(points)),
    ]
    links = "".join(f'<li><a href="#{key}">{safe(name)}</a></li>' for key, name, _ in parts)
    body = "".join(
        f'<section id="{key}">\n<h2>{safe(name)}</h2>\n{content}</section>\n'
        for key, name, content in parts
    )
    told = "".join(
        f"<div><dt>{safe(name)}</dt><dd>{safe(value)}</dd></div>" for name, value in facts
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # An empty icon: a browser would otherwise ask the server for one.
        '<link rel="icon" href="data:,">\n'
        f"<title>{safe(title)}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{named(title, _TITLE_COLUMNS)}</h1>\n"
        f"<p>{described(quality)}; operating point {named(quality.point)}</p>\n"
        f"{f'<dl class=facts>{told}</dl>' if told else ''}\n{cards(quality)}"
        f"<nav><ul>{links}</ul></nav>\n</header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _style() -> str:
    name = "limen.evaluation.report"
    return files(name).joinpath("style.css").read_text(encoding="utf-8")
