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
_RATES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0, 1.15)
"""Rates where none are stated, as shares of what the engine can do one text at a time."""
_FEWEST = 30


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Offer texts at rising rates, each for `seconds`, and report percentiles of latency.

    Arrivals are a Poisson process. Latency counts from the moment a text arrived, not from the
    moment it was taken up, so time in the queue is part of it (Tene, "How NOT to measure latency",
    2013: coordinated omission). Rates rise until p99 is over the limit and the engine falls behind.

    Options: `seconds`; `servers`, the threads that take texts from the queue; `rates` in texts per
    second, or None; `limit_ms`.
    """
    rates = options["rates"] or _shares_of_capacity(engine, sample, options["servers"])
    held, broken = None, None
    with ThreadPoolExecutor(options["servers"]) as pool:
        for rate in rates:
            found = _offer(engine, sample, pool, rate, options["seconds"])
            yield found
            p99 = found.values["p99_ms"]
            if p99 is not None and p99 <= options["limit_ms"] and broken is None:
                held = rate
            elif broken is None:
                broken = rate
            if broken is not None and _behind(found, rate):
                break
    values = {"limit_ms": options["limit_ms"], "held_per_s": held, "broken_per_s": broken}
    yield Found("load_limit", values, {}, _limit_note(held, broken, options["limit_ms"]))


def _limit_note(held: float | None, broken: float | None, limit_ms: float) -> str:
    if broken is None:
        return f"p99 stayed within {limit_ms:g} ms at every rate offered"
    if held is None:
        return f"p99 was over {limit_ms:g} ms at every rate offered"
    return f"p99 within {limit_ms:g} ms at {held:g} texts/s, over it at {broken:g}"


def _behind(found: Found, rate: float) -> bool:
    achieved = found.values["achieved_per_s"]
    return achieved is not None and achieved < 0.9 * rate


def _shares_of_capacity(engine: Engine, sample: Sample, servers: int) -> list[float]:
    texts = sample.spread(max(_FEWEST, 10 * servers)).texts
    with ThreadPoolExecutor(servers) as pool:
        start = perf_counter()
        for _ in pool.map(lambda text: engine.decide([text]), texts):
            pass
    capacity = len(texts) / (perf_counter() - start)
    return [float(f"{capacity * share:.2g}") for share in _RATES]


def _offer(
    engine: Engine, sample: Sample, pool: ThreadPoolExecutor, rate: float, seconds: float
) -> Found:
    count = max(_FEWEST, int(rate * seconds))
    random = np.random.default_rng(_SEED)
    arrivals = np.cumsum(random.exponential(1.0 / rate, count))
    texts = sample.spread(count).texts
    begin = perf_counter()

    def serve(arrival: float, text: str) -> float:
        engine.decide([text])
        return (perf_counter() - begin - arrival) * 1e3

    waiting = []
    for place, arrival in enumerate(arrivals):
        ahead = arrival - (perf_counter() - begin)
        if ahead > 0:
            sleep(ahead)
        waiting.append(pool.submit(serve, float(arrival), texts[place % len(texts)]))
    times = [done.result() for done in waiting]
    achieved = count / (perf_counter() - begin)
    found = summarise_ms(times)
    values = {
        "p50_ms": round(found.p50, 4),
        "p90_ms": round(found.p90, 4),
        "p99_ms": round(found.p99, 4),
        "max_ms": round(found.max, 4),
        "achieved_per_s": round(achieved, 2),
        "calls": count,
    }
    return Found("load", values, {"rate": rate})
