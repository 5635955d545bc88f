"""Many texts in one call."""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

_CALLS = 3
"""A stretch is divided among about so many calls."""


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Time bulk calls for about `seconds`: as many texts as take a third of that, again and again,
    after calls that are not counted, because they compile, allocate and fill caches.

    Options: `seconds`, `batch` (the engine's own; at least two batches are run), `sorted` (texts
    are handed over longest first, which spares padding; the sorting is not timed), and `measure`
    and `at` where the figures belong elsewhere than under `bulk`.
    """
    seconds, batch = options["seconds"], options["batch"]
    part = _part(sample, 2 * batch, options)
    _call(engine, part)
    taken = _call(engine, part)
    times = [taken] if taken >= seconds / _CALLS else []
    while taken < seconds / _CALLS and len(part.texts) < len(sample.texts):
        wanted = int(len(part.texts) * min(8.0, 1.2 * seconds / _CALLS / taken)) + 1
        part = _part(sample, max(wanted, len(part.texts) + batch), options)
        taken = _call(engine, part)
    while not times or sum(times) + times[-1] / 2 < seconds:
        times.append(_call(engine, part))
    values = {
        "texts_per_s": round(len(times) * len(part.texts) / sum(times), 2),
        "texts": len(part.texts),
        "calls": len(times),
        "seconds": round(sum(times), 4),
    }
    yield Found(options.get("measure", "bulk"), values, options.get("at", {}))


def _part(sample: Sample, count: int, options: Mapping[str, Any]) -> Sample:
    return sample.batches(count, options["batch"]) if options["sorted"] else sample.spread(count)


def _call(engine: Engine, part: Sample) -> float:
    texts = list(part.texts)
    start = perf_counter()
    engine.decide(texts)
    return perf_counter() - start
