"""What `limen bench` prints when it is done: the main table for a terminal, or one JSON object."""

import json
from collections.abc import Mapping
from typing import Any

from limen_bench.machine import describe_machine_lines
from limen_bench.report import figures
from limen_bench.report.headline import quality_value
from limen_bench.results import EngineRow
from limen_bench.statistics import ENOUGH_ROUNDS, Ratio
from limen_bench.summary import Point, RunSummary

_HEADER = ("", "p50 ms", "p99 ms", "ratio", "texts/s", "ratio", "cold ms", "peak MB", "alike")


def as_text(summary: RunSummary) -> str:
    """Write machine, texts, a row for each engine and how each was set up; Markdown and pages tell
    more.
    """
    score = quality_value(summary)
    header = (*_HEADER, score.replace("_f1", "-F1")) if score else _HEADER
    rows = [header, *(_row(summary, engine, score) for engine in summary.engines)]
    full = [row for row in rows if len(row) == len(header)]
    widths = [max(len(row[column]) for row in full) for column in range(len(header))]
    lines = [_line(row, widths) for row in rows]
    base = summary.title(summary.row.baseline)
    texts = summary.row.texts
    return "\n".join(
        [
            *describe_machine_lines(summary.row.machine),
            "",
            f"{summary.row.model['name']} on {texts['count']:,} texts of {texts['name']}",
            _histogram(texts, summary.unit),
            "",
            *lines,
            "",
            f"Medians of the rounds. Ratio: how many times {base} is faster, {_spread(summary)};",
            "below 1 it is slower. Alike: share of texts with the same labels"
            f"{_compared(summary)}.",
            *_set_up(summary),
        ]
    )


def as_json(summary: RunSummary) -> str:
    """Write medians, quartiles and ratios of every measure without an axis, by engine."""
    engines = {engine.engine: _engine(summary, engine) for engine in summary.engines}
    content = {
        "baseline": summary.row.baseline,
        "date": summary.row.date,
        "engines": engines,
        "machine": summary.row.machine,
        "model": summary.row.model,
        "run": summary.row.run,
        "texts": summary.row.texts,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _histogram(texts: Mapping[str, Any], unit: str) -> str:
    bins = [f"{count:,} of {first}-{last}" for first, last, count in texts["histogram"]]
    mean = texts[f"mean_{unit}"]
    return f"{unit} a text: {mean:g} on average; texts by length: {', '.join(bins)}"


def _spread(summary: RunSummary) -> str:
    """Say what stands in brackets behind the ratios; few rounds give no interval."""
    ratios = [
        ratio
        for engine in summary.engines
        for measure, value in (("one", "p50_ms"), ("bulk", "texts_per_s"))
        if (ratio := summary.ratio(engine.engine, measure, value))
    ]
    enough = [ratio.rounds >= ENOUGH_ROUNDS for ratio in ratios]
    few = f"the range of its rounds (fewer than {ENOUGH_ROUNDS} give no interval)"
    if enough and not any(enough):
        return f"with {few}"
    interval = "with its 95 % interval over the rounds"
    return interval if all(enough) else f"{interval}, or {few}"


def _set_up(summary: RunSummary) -> list[str]:
    """Write how each engine was opened, the best of its sweep if there was one, and with which
    versions.
    """
    lines = []
    for engine in summary.engines:
        one, bulk = engine.chosen.get("one"), engine.chosen.get("bulk")
        title = engine.title or engine.engine
        if one and bulk:
            batch = f", batches of {bulk['batch']}" if bulk["batch"] > 1 else ""
            order = " in order of length" if bulk["sorted"] else ""
            lines.append(
                f"  {title}: {one['threads']} threads for one text; "
                f"bulk {bulk['threads']} threads{batch}{order}"
            )
        elif engine.versions:
            lines.append(f"  {title}:")
        if engine.versions:
            versions = (f"{name} {version}" for name, version in engine.versions.items())
            lines.append(f"    {', '.join(versions)}")
    how = "the best of the sweep" if summary.row.settings.get("sweep") else "without a sweep"
    return ["", f"Set up ({how}):", *lines] if lines else []


def _row(summary: RunSummary, engine: EngineRow, score: str | None) -> tuple[str, ...]:
    name = engine.engine
    one, bulk = summary.point(name, "one"), summary.point(name, "bulk")
    title = engine.title or name
    if one is None and bulk is None:
        return title, f"{engine.status}: {engine.reason or 'no figures'}"
    cells = (
        title if engine.status == "measured" else f"{title} ({engine.status})",
        _median(one, "p50_ms"),
        _median(one, "p99_ms"),
        _ratio(summary.ratio(name, "one", "p50_ms")),
        _median(bulk, "texts_per_s"),
        _ratio(summary.ratio(name, "bulk", "texts_per_s")),
        _median(summary.point(name, "cold"), "total_ms"),
        _median(summary.point(name, "memory"), "peak_mb"),
        _median(summary.point(name, "agreement"), "texts_alike"),
    )
    return (*cells, _median(summary.point(name, "quality"), score)) if score else cells


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    if len(row) != len(widths):
        return f"{row[0]:<{widths[0]}}  {row[1]}"
    cells = [f"{row[0]:<{widths[0]}}"]
    cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "  ".join(cells).rstrip()


def _median(point: Point | None, value: str) -> str:
    found = point.median(value) if point is not None else None
    return figures.NOTHING if found is None else figures.value(value, found)


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio.median:.2f} ({figures.interval(ratio)})"


def _compared(summary: RunSummary) -> str:
    notes = [
        note
        for engine in summary.engines
        if (point := summary.point(engine.engine, "agreement"))
        for note in point.notes
    ]
    return f", {notes[0]}" if notes else ""


def _engine(summary: RunSummary, engine: EngineRow) -> dict[str, Any]:
    measures: dict[str, Any] = {}
    for name, measure in summary.points:
        point = summary.point(name, measure)
        if name != engine.engine or point is None:
            continue
        measures[measure] = {
            value: _figure(summary, name, measure, value) for value in point.figures
        }
    return {
        "chosen": engine.chosen,
        "measures": measures,
        "reason": engine.reason,
        "status": engine.status,
        "title": engine.title,
    }


def _figure(summary: RunSummary, name: str, measure: str, value: str) -> dict[str, Any]:
    point = summary.point(name, measure)
    spread = point.spread(value) if point is not None else None
    found: dict[str, Any] = {}
    if spread is not None:
        found = {
            "median": spread.median,
            "quartiles": [spread.low, spread.high],
            "rounds": spread.rounds,
        }
    compared = summary.ratio(name, measure, value) if measure in ("one", "bulk") else None
    if compared is not None:
        what = "interval" if compared.rounds >= ENOUGH_ROUNDS else "range"
        found["ratio"] = {"median": compared.median, what: [compared.low, compared.high]}
    return found
