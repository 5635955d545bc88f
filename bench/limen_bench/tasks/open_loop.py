"""Open-loop load: texts arrive when they arrive, whether or not the engine has caught up."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any

import numpy as np
from limen.timing import summarise_ms

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

_SEED = 11
_FEWEST = 100
"""Arrivals at a rate: p99 of fewer would be the slowest one."""


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Offer texts at rising rates, each for `seconds` and at least 100 arrivals, and report
    percentiles of latency.

    Arrivals are a Poisson process. Latency counts from the moment a text arrived, not from the
    moment it was taken up, so time in the queue is part of it (Tene, "How NOT to measure latency",
    2013: coordinated omission). Rates rise until p99 is over the limit and the engine falls behind.

    Options: `seconds`; `servers`, the threads that take texts from the queue; `rates` in texts per
    second, rising; `limit_ms`.
    """
    held, broken = None, None
    with ThreadPoolExecutor(options["servers"]) as pool:
        for rate in options["rates"]:
            found = _offer(engine, sample, pool, rate, options)
            yield found
            p99 = found.values["p99_ms"] or 0.0
            if p99 > options["limit_ms"]:
                broken = rate if broken is None else broken
            elif broken is None:
                held = rate
            if broken is not None and _behind(found, rate):
                break
    values = {
        "limit_ms": options["limit_ms"],
        "held_per_s": held,
        "broken_per_s": broken,
        "servers": options["servers"],
    }
    yield Found("load_limit", values, {}, _limit_note(held, broken, options["limit_ms"]))


def _limit_note(held: float | None, broken: float | None, limit_ms: float) -> str:
    if broken is None:
        return f"p99 stayed within {limit_ms:g} ms at every rate offered"
    if held is None:
        return f"p99 was over {limit_ms:g} ms at the lowest rate offered"
    return f"p99 within {limit_ms:g} ms up to {held:g} texts/s, over it first at {broken:g}"


def _behind(found: Found, rate: float) -> bool:
    achieved = found.values["achieved_per_s"]
    return achieved is not None and achieved < 0.9 * rate


def _offer(
    engine: Engine,
    sample: Sample,
    pool: ThreadPoolExecutor,
    rate: float,
    options: Mapping[str, Any],
) -> Found:
    count = max(_FEWEST, int(rate * options["seconds"]))
    arrivals = np.cumsum(np.random.default_rng(_SEED).exponential(1.0 / rate, count))
    # An engine that is far behind would take minutes to catch up; its latency is told by then.
    give_up = float(arrivals[-1]) + options["seconds"]
    texts = sample.spread(count).texts
    begin = perf_counter()

    def serve(arrival: float, text: str) -> tuple[float, bool]:
        served = perf_counter() - begin < give_up
        if served:
            engine.decide([text])
        return (perf_counter() - begin - arrival) * 1e3, served

    waiting = []
    for place, arrival in enumerate(arrivals):
        ahead = arrival - (perf_counter() - begin)
        if ahead > 0:
            sleep(ahead)
        waiting.append(pool.submit(serve, float(arrival), texts[place % len(texts)]))
    results = [done.result() for done in waiting]
    achieved = sum(served for _, served in results) / (perf_counter() - begin)
    found = summarise_ms([milliseconds for milliseconds, _ in results])
    values = {
        "p50_ms": round(found.p50, 4),
        "p90_ms": round(found.p90, 4),
        "p99_ms": round(found.p99, 4),
        "max_ms": round(found.max, 4),
        "achieved_per_s": round(achieved, 2),
        "calls": count,
        "servers": options["servers"],
    }
    return Found("load", values, {"rate": rate})
