"""The part of a page that says which labels are given where which are true."""

from limen.counted import counted
from limen.evaluation.report.confusion import Confusion, confusion, mistakes
from limen.evaluation.report.html_tables import HtmlTable, box, write
from limen.evaluation.report.names import named, safe, shortened
from limen.evaluation.report.shown import Shown
from limen.evaluation.report.table import by_support
from limen.evaluation.report.wording import figure

MOST_LABELS = 40
"""More columns than that cannot be read."""
_MOST_MISTAKES = 20
_SHADES = 10
_HEAD_COLUMNS = 18


def confusion_section(point: Shown) -> str:
    """Write the matrix of one operating point and its commonest mistakes."""
    judged = point.judged
    order = [
        label
        for label in by_support(point.quality.labels)
        if point.quality.labels[label].support or point.quality.labels[label].predicted
    ]
    if not order:
        return "<p>No label is true of any text or given to one.</p>\n"
    found = confusion(judged, order[:MOST_LABELS])
    whole = "" if len(order) <= MOST_LABELS else f" The {MOST_LABELS} most frequent labels."
    several = (
        ""
        if judged.exclusive and not judged.sets
        else " A text can be given several labels, so a row can sum to more than 100."
    )
    note = (
        f"At {named(judged.point)}: of the texts of which the row's label is true, the percentage "
        f"given the column's; on the diagonal that is recall. none: given no label.{several}{whole}"
    )
    return f"<p>{note}</p>\n{_matrix(found, judged.labels)}{_mistakes(point)}"


def _matrix(found: Confusion, labels: tuple[str, ...]) -> str:
    names = [labels[place] for place in found.places]
    extra = ["none"] if found.others is None else ["other labels", "none"]
    heads = "".join(
        f'<th scope="col"><span>{named(name, _HEAD_COLUMNS)}</span></th>' for name in names
    ) + "".join(f'<th scope="col"><span><i>{name}</i></span></th>' for name in extra)
    lines = []
    for row, name in enumerate(names):
        support = int(found.support[row])
        counts = [*found.together[row], *([] if found.others is None else [found.others[row]])]
        cells = "".join(
            _cell(int(count), support, place == row)
            for place, count in enumerate([*counts, found.none[row]])
        )
        lines.append(
            f'<tr><th scope="row">{named(name)}<small>{support:,}</small></th>{cells}</tr>\n'
        )
    inside = (
        f'<thead><tr><th scope="col">true <small>given →</small></th>{heads}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody>"
    )
    return box(inside, "Labels given by true label", "matrix")


def _cell(count: int, support: int, diagonal: bool) -> str:
    if count == 0:
        return "<td></td>"
    share = count / support
    percent = f"{100 * share:.0f}"
    shade = max(1, round(share * _SHADES))
    kind = f"h{shade} own" if diagonal else f"h{shade}"
    texts = counted(count, "text")
    return f'<td class="{kind}" title="{texts}">{"<1" if percent == "0" else percent}</td>'


def _mistakes(point: Shown) -> str:
    judged, labels = point.judged, point.quality.labels
    rows = [
        (
            named(judged.labels[one.missed]),
            named(judged.labels[one.given]),
            f"{one.texts:,}",
            figure(one.texts / labels[one.missed].support),
        )
        for one in mistakes(judged, _MOST_MISTAKES)
    ]
    header = ("true, not given", "given, not true", "texts", "of its true texts")
    if not rows:
        return "<p>No label was given in another's place.</p>\n"
    title = f"The commonest mistakes at {named(judged.point)}"
    region = safe(f"Mistakes at {shortened(judged.point, _HEAD_COLUMNS)}")
    return write(HtmlTable(title, region, header, rows, words=2, folded=len(labels) > _SHADES))
