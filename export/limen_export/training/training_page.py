"""A training as one HTML page that needs nothing else: beside the baseline, how it learned, and all
figures on test.
"""

from collections.abc import Sequence

from limen.evaluation.report.drawing import ACCENT, INK, drawing_style, svg
from limen.evaluation.report.html_tables import HtmlTable, write
from limen.evaluation.report.names import safe
from limen.evaluation.report.page import Section, page
from limen.evaluation.report.wording import TITLES, figure
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from limen_export.training.judging import headline_metrics
from limen_export.training.report import TrainingReport, report_rows
from limen_export.training.trainer_watch import CurvePoint

_SIZE = (6.4, 3.0)  # inches
_TABLE_NOTE = (
    "On the test texts, which nothing was fitted on. Small figures: 95 % intervals (bootstrap over "
    "the texts)."
)
_CURVE_NOTE = (
    "Loss of each part of an epoch while training (line), and after each epoch on dev (rings); "
    "below, the figure on dev by which the epoch was chosen. The filled point is the one taken."
)


def training_page(report: TrainingReport) -> str:
    """Write the page of a training; the same for the same report.

    While it draws it changes matplotlib's settings, and puts them back: two pages are not to be
    written by two threads at once.
    """
    train, dev, test = report.sizes
    facts = [
        ("texts", f"{report.data_name}: {train:,} train, {dev:,} dev, {test:,} test"),
        ("task", report.task),
        ("trained in", f"{report.trained.seconds:,.0f} s"),
        ("calibration", report.trained.judgement.calibration),
    ]
    sections = [Section("baseline", "Beside the baseline", _beside(report))]
    if report.trained.fitted.curve:
        with drawing_style():
            sections.append(Section("learning", "How it learned", _learning(report)))
    if report.parts is not None:
        scales = () if report.parts.scales is None else report.parts.scales.lines()
        lines = (*report.parts.imbalance.lines(), *scales)
        sections.append(Section("parts", "Binary parts", _list(lines)))
    if report.notices:
        sections.append(Section("notices", "Notices", _list(report.notices)))
    return page(
        f"{report.settings.name}: {report.data_name}",
        report.trained.judgement.points,
        facts,
        sections,
    )


def _beside(report: TrainingReport) -> str:
    metrics = headline_metrics(report.trained.judgement.plain.judged)
    header = ("classifier", "decided by", *(TITLES[metric] for metric in metrics), "trained in")
    rows = [
        (
            safe(row.name),
            safe(row.decided),
            *map(_with_interval, row.cells),
            f"{row.seconds:,.0f} s",
        )
        for row in report_rows(report)
    ]
    differences = [
        (
            safe(what),
            *(f"{one.value:+.3f}<small>{one.low:+.3f} to {one.high:+.3f}</small>" for one in found),
        )
        for what, found in (
            ("fitted on dev, less nothing fitted", report.tuned_less_plain),
            ("less the baseline, both fitted on dev", report.less_baseline),
        )
        if found
    ]
    table = write(HtmlTable("", "On test", header, rows, words=2, note=_TABLE_NOTE))
    worth = ("difference", *(TITLES[metric] for metric in metrics))
    return (
        f"<p>{safe(report.verdict)}.</p>\n{table}"
        f"{write(HtmlTable('', 'Differences', worth, differences))}"
    )


def _with_interval(cell: str) -> str:
    value, _, interval = cell.partition(" (")
    return f"{safe(value)}<small>{safe(interval.rstrip(')'))}</small>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{safe(line.strip())}</li>\n" for line in lines) + "</ul>\n"


def _learning(report: TrainingReport) -> str:
    curve = report.trained.fitted.curve
    name = "map_macro" if report.task == "multilabel" else "macro_f1"
    picture = learning_picture(curve, TITLES[name])
    best = _best(curve)
    told = ""
    if best is not None:
        reached = f"{TITLES[name]} {figure(best.dev_figure)} on dev"
        told = f"<p>Taken: epoch {best.epoch:g}, {reached}.</p>\n"
    return f'<p>{_CURVE_NOTE}</p>\n<div class="beside"><figure>{picture}</figure></div>\n{told}'


def learning_picture(curve: Sequence[CurvePoint], figure_name: str) -> str:
    """Draw losses and the figure on dev over epochs; call inside `drawing_style`."""
    drawn = Figure(figsize=_SIZE)
    losses = drawn.add_axes((0.12, 0.58, 0.86, 0.38))
    figures = drawn.add_axes((0.12, 0.16, 0.86, 0.34), sharex=losses)
    steps = [point for point in curve if point.loss is not None]
    epochs = [point for point in curve if point.dev_loss is not None]
    losses.plot([one.epoch for one in steps], [one.loss or 0.0 for one in steps], color=INK, lw=1.2)
    losses.plot(
        [one.epoch for one in epochs],
        [one.dev_loss or 0.0 for one in epochs],
        "o",
        color=ACCENT,
        markerfacecolor="none",
    )
    losses.set_ylabel("loss", fontsize=10)
    losses.tick_params(labelbottom=False, labelsize=9)
    found = [(one.epoch, one.dev_figure) for one in epochs if one.dev_figure is not None]
    figures.plot([x for x, _ in found], [y for _, y in found], "o-", color=ACCENT, mfc="none", lw=1)
    best = _best(curve)
    if best is not None and best.dev_figure is not None:
        figures.plot(best.epoch, best.dev_figure, "o", color=ACCENT)
    figures.set_xlabel("epoch", fontsize=10)
    figures.set_ylabel(f"{figure_name}, dev", fontsize=10)
    figures.tick_params(labelsize=9)
    figures.xaxis.set_major_locator(MaxNLocator(integer=True))
    return svg(drawn, f"loss and {figure_name} over epochs", "learning")


def _best(curve: Sequence[CurvePoint]) -> CurvePoint | None:
    judged = [point for point in curve if point.dev_figure is not None]
    # Of equals the first, as Trainer does.
    return max(judged, key=lambda point: point.dev_figure or 0.0, default=None)
