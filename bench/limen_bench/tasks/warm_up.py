"""Warm up until stable: calls over the same few texts, until two blocks in a row take as long."""

from collections.abc import Iterator, Mapping
from statistics import median
from time import perf_counter
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

_TEXTS = 10
_STABLE = 0.03


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Warm up for at most `seconds`; `stable` is 1 where blocks came within 3 % of each other."""
    texts = sample.spread(_TEXTS).texts
    end = perf_counter() + options["seconds"]
    begin = perf_counter()
    before, calls, stable = 0.0, 0, False
    while not stable and perf_counter() < end:
        times = []
        for text in texts:
            start = perf_counter()
            engine.decide([text])
            times.append(perf_counter() - start)
        calls += len(texts)
        now = median(times)
        stable = abs(now - before) <= _STABLE * now
        before = now
    yield Found(
        "warm_up",
        {"calls": calls, "seconds": round(perf_counter() - begin, 3), "stable": int(stable)},
    )
