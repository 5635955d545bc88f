"""What is measured once for each engine, after the rounds: counts, threads, load, fixed lengths,
sizes, neighbours, and the share of the physical limit.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from limen.errors import LimenError

from limen_bench.co_running import NumericJob
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.engines.table import engine_kind
from limen_bench.measuring import Measuring, Request, SampleFiles, Setup, tasks
from limen_bench.multiply_adds import MultiplyAdds, multiply_adds
from limen_bench.rounds import MACHINE
from limen_bench.sizes import measure_size
from limen_bench.sweep import Chosen
from limen_bench.tasks.task import Found

_LOADS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0, 1.15)
"""Rates of load where none are stated, as shares of what the engine can take."""

_NO_PRODUCTS = (
    "does not apply: the graph adds up the rows of the features that a text holds, without a "
    "matrix product"
)
_OFF_CPU = "does not apply: the limit is that of the int8 products of the CPU"
_MOST_FEATURES = 512
"""Of a made-up text; a comment of 100 words has about 200 of them with pairs of words."""

Single: TypeAlias = Callable[[Measuring, EngineKind, Chosen, SampleFiles], None]


def run_single_measures(
    measuring: Measuring, chosen: Mapping[str, Chosen], files: SampleFiles
) -> None:
    """Measure what the settings ask for, engine by engine."""
    for measure, single in SINGLES.items():
        if measure not in measuring.settings.measures:
            continue
        for kind in measuring.standing:
            if kind.control:
                continue
            measuring.told.step(f"{kind.name}: {measure}")
            single(measuring, kind, chosen[kind.name], files)


def counts(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """Bulk calls of 1 to 100,000 texts."""
    options = {"seconds": measuring.settings.patience.count, "sorted": chosen.bulk.sorted}
    wanted = tasks(("warm_up", {"seconds": 1.0}), ("counts", options))
    measuring.do(Request(kind, chosen.bulk, wanted, files.every))


def threads(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """Bulk calls with 1 to all cores; for engines with batches the sweep has tried that already."""
    if kind.batches != (1,):
        return
    best = chosen.bulk
    cores = measuring.cores
    for count in sorted({*range(1, min(cores, 4) + 1), *range(4, cores + 1, 4), cores}):
        options = {
            "seconds": measuring.settings.patience.timed,
            "batch": best.batch,
            "sorted": best.sorted,
            "measure": "threads",
            "at": {"threads": count},
        }
        setup = Setup(count, best.batch, best.sorted)
        measuring.do(Request(kind, setup, tasks(("bulk", options)), files.measured))
        if kind.name in measuring.dropped:
            return


def load(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """Open-loop load, with the number of request threads that takes most: one, or, for an engine
    that may be called from several threads at once, one a core.
    """
    settings, cores = measuring.settings, measuring.cores
    ways = [(1, chosen.one)]
    if kind.concurrent:
        ways.append((cores, Setup(1) if kind.needs_source else chosen.one))
    seconds = settings.patience.rate
    capacities: dict[int, float] = {}
    for servers, setup in ways:
        wanted = tasks(
            ("warm_up", {"seconds": settings.patience.warm_up}),
            ("capacity", {"servers": servers, "seconds": seconds / 2}),
        )
        for message in measuring.do(Request(kind, setup, wanted, files.measured)):
            if message.get("measure") == "capacity":
                capacities[servers] = message["values"]["capacity_per_s"]
    if kind.name in measuring.dropped:
        return
    servers, setup = max(ways, key=lambda way: capacities[way[0]])
    shares = [float(f"{capacities[servers] * share:.2g}") for share in _LOADS]
    options = {
        "seconds": seconds,
        "servers": servers,
        "rates": shares if settings.rates is None else list(settings.rates),
        "limit_ms": settings.limit_ms,
    }
    wanted = tasks(("warm_up", {"seconds": settings.patience.warm_up}), ("open_loop", options))
    measuring.do(Request(kind, setup, wanted, files.measured))


def stages(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """Where the time of a call goes; in a process of its own, since some load a second model."""
    seconds = measuring.settings.patience.timed
    wanted = tasks(
        ("warm_up", {"seconds": measuring.settings.patience.warm_up}),
        ("stages", {"seconds": seconds}),
    )
    measuring.do(Request(kind, chosen.one, wanted, files.measured))


def co_running(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """What engine and a numeric job on one core cost each other."""
    seconds = measuring.settings.patience.timed
    bulk = {"seconds": seconds, "batch": chosen.bulk.batch, "sorted": chosen.bulk.sorted}
    wanted = tasks(
        ("bulk", {**bulk, "measure": "beside_warm_up", "seconds": seconds / 3}),
        ("idle", {"seconds": seconds}),
        ("bulk", {**bulk, "measure": "beside_job"}),
    )
    try:
        rates = _beside_job(measuring, Request(kind, chosen.bulk, wanted, files.measured), seconds)
    except LimenError as error:
        measuring.found(kind.name, Found("co_running", {}, note=str(error)))
        return
    undisturbed = _median_of(measuring, kind.name, "bulk", "texts_per_s")
    if kind.name in measuring.dropped or len(rates) < 4:
        return
    values = {
        "job_alone_per_s": round(rates["alone"], 2),
        "job_beside_idle_share": round(rates["idle"] / rates["alone"], 4),
        "job_beside_busy_share": round(rates["busy"] / rates["alone"], 4),
        "engine_beside_job_share": (
            None if undisturbed is None else round(rates["beside"] / undisturbed, 4)
        ),
    }
    measuring.found(kind.name, Found("co_running", values))


def _beside_job(measuring: Measuring, request: Request, seconds: float) -> dict[str, float]:
    """Return the job's rates alone, beside the idle and the busy engine, and the engine's own."""
    rates: dict[str, float] = {}
    with NumericJob() as job, closing(measuring.listen(request)) as heard:
        rates["alone"] = job.rate(seconds)
        for message in heard:
            if message.get("begin") == "idle":
                rates["idle"] = job.rate(0.8 * seconds)
            elif message.get("begin") == "bulk" and "idle" in rates:
                rates["busy"] = job.rate(0.8 * seconds)
            elif message.get("measure") == "beside_job":
                rates["beside"] = message["values"]["texts_per_s"]
    return rates


def size(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """What has to be carried along: the model's form, and the libraries."""
    job = measuring.open_job(kind, chosen.one)
    measuring.found(kind.name, measure_size(kind, measuring.python(kind), job))


def limit(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """How near bulk work comes to what the machine's int8 products allow; nothing for a file that
    needs none.

    share = multiply-adds that the exact token counts need x texts/s / (cores x int8 rate of one
    core at 256 rows, measured in the same run).
    """
    note = _NO_PRODUCTS if files.max_tokens is None else _OFF_CPU if kind.device != "cpu" else None
    if files.max_tokens is None or note is not None:
        measuring.found(kind.name, Found("limit", {}, note=note))
        return
    rate = _median_of(measuring, MACHINE, "yardstick", "int8_gmacs_per_core")
    bulk = _median_of(measuring, kind.name, "bulk", "texts_per_s")
    if rate is None or bulk is None:
        note = "needs the measure bulk and the machine's own speed"
        measuring.found(kind.name, Found("limit", {}, note=note))
        return
    try:
        needed = _needed(measuring.settings.file, files.max_tokens)
    except LimenError as error:
        measuring.found(kind.name, Found("limit", {}, note=str(error)))
        return
    each = float(np.mean(needed.of(np.array(files.lengths, dtype=np.int64)))) / 1e9
    possible = measuring.cores * rate / each
    values = {
        "share": float(f"{bulk / possible:.4g}"),
        "gmacs_per_text": float(f"{each:.4g}"),
        "bulk_texts_per_s": bulk,
        "limit_texts_per_s": float(f"{possible:.4g}"),
        "gemm_gmacs_per_core": rate,
        "cores": measuring.cores,
    }
    measuring.found(kind.name, Found("limit", values))


def lengths(measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles) -> None:
    """The file's graph alone at fixed lengths, in tokens or features; asked of the baseline,
    measured by a session of its own.
    """
    if kind != measuring.settings.engines[0]:
        return
    raw = engine_kind("raw-session")
    options: dict[str, Any] = {"seconds": measuring.settings.patience.timed}
    if files.max_tokens is None:
        options |= {"unit": "features", "longest": _MOST_FEATURES}
    else:
        options |= {"unit": "tokens", "longest": files.max_tokens}
    measuring.do(Request(raw, Setup(1), tasks(("lengths", options)), files.measured))
    if raw.name in measuring.dropped:
        note = f"not measured: {measuring.dropped[raw.name][1]}"
        measuring.found(kind.name, Found("lengths", {}, note=note))


SINGLES: dict[str, Single] = {
    "stages": stages,
    "size": size,
    "limit": limit,
    "lengths": lengths,
    "threads": threads,
    "counts": counts,
    "load": load,
    "co_running": co_running,
}


@cache
def _needed(file: Path, max_tokens: int) -> MultiplyAdds:
    """Profile the graph once for all engines."""
    return multiply_adds(file, max_tokens)


def _median_of(measuring: Measuring, engine: str, measure: str, name: str) -> float | None:
    found: list[Any] = [
        row.values[name]
        for row in measuring.rows
        if (row.engine, row.measure) == (engine, measure) and row.values.get(name) is not None
    ]
    return float(median(found)) if found else None
