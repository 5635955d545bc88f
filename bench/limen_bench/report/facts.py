"""Tables that say what was run, on what, and how each engine was set up."""

import json
from collections.abc import Mapping
from typing import Any

from limen_bench.report import figures
from limen_bench.report.tables import Cell, Table
from limen_bench.summary import RunSummary

_MACHINE = {
    "cpu": "CPU",
    "features": "instructions",
    "cores": "cores used",
    "cores_host": "cores of the host",
    "quota": "CPU quota, cores",
    "governor": "frequency governor",
    "load_1m": "load before the run",
    "load": "load before the run",
    "frequency_mhz": "frequency, MHz",
    "caches_bytes": "caches, bytes",
    "affinity": "CPUs allowed",
    "gpus": "GPUs",
    "os": "operating system",
    "memory_gb": "memory, GB",
    "python": "Python",
}
_MODEL = {
    "name": "model",
    "precision": "precision",
    "size_mb": "file, MB",
    "size_bytes": "file, bytes",
    "digest": "digest",
    "rule": "rule",
    "labels": "labels",
}
_TEXTS = {
    "name": "texts",
    "count": "number of texts",
    "distinct": "distinct texts",
    "labelled": "labelled",
    "unit": "lengths in",
    "mean_tokens": "tokens a text, mean",
    "mean_characters": "characters a text, mean",
}


def run_table(summary: RunSummary) -> Table:
    """List the date, the model and the texts."""
    row = summary.row
    facts = {"date": row.date, "baseline": summary.title(row.baseline)}
    facts |= _named(row.model, _MODEL) | _named(_without(row.texts, "histogram"), _TEXTS)
    return _table("Model and texts", facts)


def machine_table(summary: RunSummary) -> Table:
    """List what the run knows of the machine, and the versions of its libraries."""
    versions = ", ".join(f"{name} {version}" for name, version in summary.row.versions.items())
    machine = dict(summary.row.machine)
    if not machine.get("gpus"):
        machine.pop("gpus", None)
    facts = _named(machine, _MACHINE) | {"libraries": versions or figures.NOTHING}
    return _table("Machine and versions", facts, folded=True)


def settings_table(summary: RunSummary) -> Table | None:
    """List what the run was asked for."""
    settings = _named(summary.row.settings, {})
    return _table("Settings of the run", settings, folded=True) if settings else None


def set_up_table(summary: RunSummary) -> Table | None:
    """List how each engine was set up, and what the sweep chose for it."""
    rows = []
    for engine in summary.engines:
        one, bulk = engine.chosen.get("one"), engine.chosen.get("bulk")
        versions = ", ".join(f"{name} {version}" for name, version in engine.versions.items())
        rows.append(
            (
                Cell(engine.title or engine.engine, engine.precision),
                Cell(_chosen(one)),
                Cell(_chosen(bulk)),
                Cell(engine.set_up or figures.NOTHING),
                Cell(versions or figures.NOTHING),
            )
        )
    if not rows:
        return None
    header = ("engine", "one at a time", "bulk", "set up as documented", "versions")
    note = (
        "Threads, batch and order are those the sweep below found fastest for each engine."
        if summary.names("sweep")
        else "Without a sweep: threads, batch and order are the same for all, not each one's best."
    )
    return Table("Set-up of each engine", header, tuple(rows), words=5, note=note)


def remarks_table(summary: RunSummary) -> Table | None:
    """List the remarks of the measurements; each says why a figure is missing or what it means."""
    seen: dict[tuple[str, str, str], list[str]] = {}
    for (name, measure), points in summary.points.items():
        if measure in ("agreement", "load_limit"):  # said below and in their own tables
            continue
        for point in points:
            for note in point.notes:
                place = ", ".join(f"{axis} {_plain(at)}" for axis, at in point.at.items())
                seen.setdefault((summary.title(name), measure, note), []).append(place)
    rows = tuple(
        (Cell(title), Cell(measure, "; ".join(filter(None, places))), Cell(note))
        for (title, measure, note), places in seen.items()
    )
    return Table("Remarks", ("engine", "measure", "remark"), rows, words=3) if rows else None


def _table(title: str, facts: Mapping[str, str], folded: bool = False) -> Table:
    rows = tuple((Cell(name), Cell(value)) for name, value in facts.items())
    return Table(title, ("what", "value"), rows, words=2, folded=folded)


def _named(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Put the known names first, in their order; others keep their own."""
    known = {names[name]: _plain(values[name]) for name in names if name in values}
    return known | {name: _plain(values[name]) for name in values if name not in names}


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def _chosen(settings: object) -> str:
    if not isinstance(settings, Mapping) or not settings:
        return figures.NOTHING
    return ", ".join(
        ("by length" if value else "as given") if name == "sorted" else f"{name} {_plain(value)}"
        for name, value in settings.items()
    )


def _plain(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return figures.whole(value)
    if isinstance(value, list) and all(isinstance(inner, str | int | float) for inner in value):
        return ", ".join(str(inner) for inner in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items()) or "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
