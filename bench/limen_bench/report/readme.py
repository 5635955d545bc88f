"""The short table of a README: every engine, two figures for each run."""

from collections.abc import Sequence

from limen_bench.report import figures
from limen_bench.report.tables import Cell, Table
from limen_bench.summary import RunSummary

_CONTROL = "limen-again"
_FIGURES = (("one", "p50_ms", "p50 ms"), ("bulk", "texts_per_s", "texts/s"))


def readme_table(summaries: Sequence[RunSummary]) -> Table:
    """Make the table: a row for each engine of any run; an engine without figures in a run has its
    status there, and full reasons stand in the long tables.
    """
    engines = list(
        dict.fromkeys(engine.engine for summary in summaries for engine in summary.engines)
    )
    header = [""]
    for summary in summaries:
        name = str(summary.row.model.get("name", "")).removesuffix(".onnx")
        header += [f"{name}, {unit}" for _, _, unit in _FIGURES]
    rows = tuple(
        (
            Cell(_title(summaries, name)),
            *(cell for summary in summaries for cell in _cells(summary, name)),
        )
        for name in engines
    )
    note = (
        "Medians of the rounds; in brackets how many times faster limen is, with the 95 % interval "
        "over the rounds, bold where it leaves 1 out (the median of the ratios of each round, not "
        "the ratio of the medians). Below 1 limen is slower. The control is limen once more: what "
        "it differs by is noise."
    )
    return Table("", tuple(header), rows, note=note)


def _title(summaries: Sequence[RunSummary], name: str) -> str:
    """Take an engine's title from the first run that has the engine."""
    having = (
        summary for summary in summaries if any(engine.engine == name for engine in summary.engines)
    )
    return next(summary.title(name) for summary in having)


def _cells(summary: RunSummary, name: str) -> list[Cell]:
    cells = []
    for measure, value, _ in _FIGURES:
        point = summary.point(name, measure)
        median = point.median(value) if point is not None else None
        if median is None:
            status = next(
                (engine.status for engine in summary.engines if engine.engine == name), "absent"
            )
            cells.append(Cell(status))
            continue
        ratio = summary.ratio(name, measure, value)
        detail = "" if ratio is None else f"{ratio.median:.2f}: {figures.interval(ratio)}"
        # The control is limen itself: what it differs by is noise.
        bold = ratio is not None and ratio.differs and name != _CONTROL
        cells.append(Cell(figures.value(value, median), detail, "ahead" if bold else ""))
    return cells
