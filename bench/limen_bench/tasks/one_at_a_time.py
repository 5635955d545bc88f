"""One text at a time: percentiles, and the median by length."""

from collections.abc import Iterator, Mapping
from time import perf_counter, perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt
from limen.timing import summarise_ms

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024, 4096, 1_048_576)
"""Upper edges of the bins of the plot of latency against length, in tokens or characters."""
_FEWEST = 20


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Time single calls for about `seconds`, each text at most once; at least 20 calls, for which
    fewer texts are gone through again.

    With `measure` the figures go under that name, and without the lengths. `unit` is what lengths
    count, by default tokens.
    """
    calls = _affordable(engine, sample, options["seconds"])
    chosen = sample.spread(min(calls, len(sample.texts)))
    chosen = chosen.take(np.arange(calls) % len(chosen.texts))
    times = []
    for text in chosen.texts:
        start = perf_counter_ns()
        engine.decide([text])
        times.append((perf_counter_ns() - start) / 1e6)
    found = summarise_ms(times)
    yield Found(
        options.get("measure", "one"),
        {
            "p50_ms": round(found.p50, 4),
            "p90_ms": round(found.p90, 4),
            "p99_ms": round(found.p99, 4),
            "max_ms": round(found.max, 4),
            "spread_ms": round(found.spread, 4),
            "calls": found.calls,
        },
        options.get("at", {}),
    )
    if "measure" not in options:
        unit = options.get("unit", "tokens")
        yield from _by_length(np.array(times), np.array(chosen.lengths), unit)


def _affordable(engine: Engine, sample: Sample, seconds: float) -> int:
    """Return how many calls fit, judged by a few calls over texts of all lengths."""
    probe = sample.spread(10).texts
    start = perf_counter()
    for text in probe:
        engine.decide([text])
    each = (perf_counter() - start) / len(probe)
    return max(_FEWEST, min(len(sample.texts), int(seconds / each)))


def _by_length(
    times: npt.NDArray[np.float64], lengths: npt.NDArray[np.int64], unit: str
) -> Iterator[Found]:
    lower = -1
    for upper in LENGTHS:
        inside = times[(lengths > lower) & (lengths <= upper)]
        if len(inside):
            values = {"p50_ms": round(float(np.median(inside)), 4), "calls": len(inside)}
            yield Found("by_length", values, {unit: upper})
        lower = upper
