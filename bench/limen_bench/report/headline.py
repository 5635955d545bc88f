"""The main table: a row for every engine, those without figures with the reason."""

from limen_bench.report import figures
from limen_bench.report.tables import Cell, Table, figure_cell, ratio_cell
from limen_bench.results import EngineRow
from limen_bench.statistics import ENOUGH_ROUNDS
from limen_bench.summary import RunSummary

_LATENCIES = {"p50_ms": "p50 ms", "p90_ms": "p90 ms", "p99_ms": "p99 ms", "max_ms": "max ms"}
_SCORES = {"macro_f1": "macro-F1", "accuracy": "accuracy"}
_SECOND = {"micro_f1": "micro-F1", "macro_f1": "macro-F1"}


def headline(summary: RunSummary) -> Table | None:
    """Make the main table; None where the run has no engine."""
    if not summary.engines:
        return None
    score = quality_value(summary)
    base = summary.title(summary.row.baseline)
    ratio = f"times {base} is faster (below 1: slower)"
    header = ("engine", *_LATENCIES.values(), ratio, "texts/s", ratio)
    header += ("cold start, ms", "peak memory, MB", "file, MB", "texts alike")
    header += (_SCORES[score],) if score else ()
    groups = (
        *(("", 1), ("one text at a time", 5), ("in bulk", 2), ("cost", 3)),
        ("decisions", 2 if score else 1),
    )
    rows = tuple(_row(summary, engine, score) for engine in summary.engines)
    return Table("All engines", header, rows, groups, note=_note(summary, base))


def quality_value(summary: RunSummary) -> str | None:
    """Name the score that the run's rule is judged by; None where nothing is labelled."""
    points = [summary.point(engine.engine, "quality") for engine in summary.engines]
    found = {name for point in points if point for name in point.figures}
    # Multi-label rows have micro_f1 and are judged by macro-F1, multi-class ones by accuracy.
    order = ("macro_f1", "accuracy") if "micro_f1" in found else ("accuracy", "macro_f1")
    return next((name for name in order if name in found), None)


def _row(summary: RunSummary, engine: EngineRow, score: str | None) -> tuple[Cell, ...]:
    name = engine.engine
    title = Cell(engine.title or name, engine.precision)
    one, bulk = summary.point(name, "one"), summary.point(name, "bulk")
    broken = "" if engine.status == "measured" else f"{engine.status}: {engine.reason or '?'}"
    if one is None and bulk is None:
        return title, Cell(broken or "measured, but without figures")
    if broken:
        detail = "; ".join(part for part in (engine.precision, broken) if part)
        title = Cell(title.text, detail)
    cells = (
        title,
        *(figure_cell(one, value) for value in _LATENCIES),
        _ratio(summary, name, "one", "p50_ms"),
        figure_cell(bulk, "texts_per_s"),
        _ratio(summary, name, "bulk", "texts_per_s"),
        figure_cell(summary.point(name, "cold"), "total_ms"),
        figure_cell(summary.point(name, "memory"), "peak_mb"),
        _size(summary, name),
        _agreement(summary, name),
    )
    return (*cells, _quality(summary, name, score)) if score else cells


def _ratio(summary: RunSummary, name: str, measure: str, value: str) -> Cell:
    if name == summary.row.baseline:
        return Cell("baseline")
    return ratio_cell(summary.ratio(name, measure, value))


def _size(summary: RunSummary, name: str) -> Cell:
    point = summary.point(name, "size")
    file = point.median("file_mb") if point else None
    install = point.median("install_mb") if point else None
    if file is None and install is None:
        return Cell(figures.NOTHING)
    written = "unknown" if install is None else figures.number(install)
    return Cell(figures.NOTHING if file is None else figures.number(file), f"+ {written}")


def _agreement(summary: RunSummary, name: str) -> Cell:
    point = summary.point(name, "agreement")
    texts = point.median("texts_alike") if point else None
    cells = point.median("cells_alike") if point else None
    if texts is None:
        return Cell(figures.NOTHING)
    return Cell(figures.share(texts), "" if cells is None else f"{figures.share(cells)} of cells")


def _quality(summary: RunSummary, name: str, score: str) -> Cell:
    point = summary.point(name, "quality")
    if point is None or point.median(score) is None:
        return Cell(figures.NOTHING)
    others = [
        f"{title} {figures.value(value, figure)}"
        for value, title in _SECOND.items()
        if value != score and (figure := point.median(value)) is not None
    ]
    return Cell(figure_cell(point, score).text, ", ".join(others))


def _note(summary: RunSummary, base: str) -> str:
    rounds = {
        spread.rounds
        for engine in summary.engines
        if (point := summary.point(engine.engine, "one") or summary.point(engine.engine, "bulk"))
        for value in ("p50_ms", "texts_per_s")
        if (spread := point.spread(value))
    }
    counted = " or ".join(str(count) for count in sorted(rounds)) or "no"
    text = (
        f"Median of {counted} rounds, below it the first and third quartile. "
        f"The ratio tells how many times {base} is faster than the engine of that row: "
        f"above 1 {base} is faster, below 1 it is slower. Below it the 95 % interval "
        "(rounds paired, bootstrap), bold where it leaves 1 out; fewer than "
        f"{ENOUGH_ROUNDS} rounds give only their range. "
        "File: the model, + what its libraries weigh as wheels. "
        "Alike: share of texts with the same labels; cells are (text, label) pairs."
    )
    compared = [
        note
        for engine in summary.engines
        if (point := summary.point(engine.engine, "agreement"))
        for note in point.notes
    ]
    kept = "; ".join(dict.fromkeys(compared))
    text += f" Alike was {kept}." if kept else ""
    if not any(summary.point(summary.row.baseline, measure) for measure in ("one", "bulk")):
        text += f" {base} has no figures in this run, so there are no ratios."
    return text
