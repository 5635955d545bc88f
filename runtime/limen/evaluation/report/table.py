"""A judgement as text for a terminal."""

from collections.abc import Iterator, Sequence

from limen.evaluation.quality import LabelQuality, Quality
from limen.evaluation.report.names import columns, padded, shortened
from limen.evaluation.report.wording import (
    NOTHING,
    described,
    headline,
    label_cells,
    reasons,
)

_NAME_COLUMNS = 32
_LISTED = 8
_HEADER = (
    *("label", "true", "given", "precision", "recall", "F1"),
    *("threshold", "ROC-AUC", "PR-AUC", "ECE"),
)


def table(quality: Quality) -> str:
    """Write the figures of all labels with their intervals, those of each label, the most frequent
    first, and what has no value and why.

    Label names of more than 32 columns are cut.
    """
    lines = [
        f"{shortened(quality.point, _NAME_COLUMNS)}: {described(quality)}",
        "",
        *_headline(quality),
        "",
        *_labels(quality),
    ]
    if quality.undefined:
        lines += ["", f"No value ({NOTHING}):", *_undefined(quality)]
    return "\n".join(lines)


def by_support(labels: Sequence[LabelQuality]) -> list[int]:
    """Return the places of the labels, the one with the most true texts first."""
    return sorted(range(len(labels)), key=lambda place: (-labels[place].support, place))


def _headline(quality: Quality) -> list[str]:
    rows = headline(quality)
    interval = any(row.interval for row in rows)
    head = ("", "", "95 % interval" if interval else "", "")
    return _aligned([head, *((row.title, row.value, row.interval, row.note) for row in rows)], {1})


def _labels(quality: Quality) -> list[str]:
    # A point without thresholds says so in every row; every label that is never given, too.
    has_thresholds = ("threshold", None) not in {
        (one.figure, one.label) for one in quality.undefined
    }
    rows: list[tuple[str, ...]] = [_HEADER]
    for place in by_support(quality.labels):
        label = quality.labels[place]
        cells = label_cells(label, has_thresholds=has_thresholds)
        rows.append((shortened(label.label, _NAME_COLUMNS), *cells))
    return _aligned(rows, set(range(1, len(_HEADER))))


def _aligned(rows: Sequence[Sequence[str]], right: set[int]) -> list[str]:
    widths = [max(columns(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            padded(cell, width, right=place in right)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            if width
        ]
        lines.append("  ".join(cells).rstrip())
    return [line for line in lines if line]


def _undefined(quality: Quality) -> Iterator[str]:
    for found in reasons(quality.undefined):
        names = ", ".join(found.figures)
        listed = [shortened(label, _NAME_COLUMNS) for label in found.labels[:_LISTED]]
        if len(found.labels) > _LISTED:
            listed.append(f"{len(found.labels) - _LISTED:,} more")
        whose = f" of {', '.join(listed)}" if listed else ""
        yield f"  {names}{whose}: {found.reason}"
