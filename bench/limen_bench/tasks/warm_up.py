"""Warm up until stable."""

from collections.abc import Iterator, Mapping
from statistics import median
from time import perf_counter
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

_TEXTS = 10
_STABLE = 0.03


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Decide one text of every length, for engines that compile for shapes; then the same ten texts
    until two blocks in a row take as long within 3 % (`stable` is 1), for at most `seconds`.
    """
    begin = perf_counter()
    calls = 0
    for text in sample.every_length().texts:
        engine.decide([text])
        calls += 1
        if perf_counter() - begin > 3 * options["seconds"]:
            break
    texts = sample.spread(_TEXTS).texts
    end = perf_counter() + options["seconds"]
    before, stable = 0.0, False
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
    taken = round(perf_counter() - begin, 3)
    yield Found("warm_up", {"calls": calls, "seconds": taken, "stable": int(stable)})
