"""A graph alone at fixed lengths: no tokenizer, no decision."""

from collections.abc import Iterator, Mapping
from statistics import median
from time import perf_counter
from typing import Any, cast

from limen_bench.engines.engine import Engine, FixedLengths
from limen_bench.tasks.task import Found, Sample

_LENGTHS = (4, 8, 16, 32, 64, 128, 256, 512)
_FEWEST = 5


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Take the median at each length, over `seconds` divided among them.

    Options: `seconds`; `longest`, the greatest length; `unit`, what lengths count: `tokens` or
    `features`.
    """
    graph = cast("FixedLengths", engine)
    lengths = [length for length in _LENGTHS if length <= options["longest"]]
    for length in lengths:
        for _ in range(_FEWEST):
            graph.run_length(length)
        times: list[float] = []
        end = perf_counter() + options["seconds"] / len(lengths)
        while len(times) < _FEWEST or perf_counter() < end:
            start = perf_counter()
            graph.run_length(length)
            times.append((perf_counter() - start) * 1e3)
        values = {"p50_ms": round(median(times), 4), "calls": len(times)}
        yield Found("lengths", values, {options["unit"]: length})
