"""Many texts in one call."""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Time one bulk call that takes about `seconds`, after shorter ones that are not counted.

    Options: `seconds`, `batch` (the engine's own, at least two of which are run),
    `sorted` (texts are handed over longest first, which spares padding; the sorting is not timed),
    and `measure` and `at` where the figures belong elsewhere than under `bulk`.
    """
    seconds, least = options["seconds"], 2 * options["batch"]
    # The first call compiles, allocates and fills caches in some engines: it tells no speed.
    _call(engine, sample.spread(least), options)
    taken, texts = _call(engine, sample.spread(least), options)
    for share in (0.2, 1.0):
        if taken < share * seconds:
            count = max(least, int(texts / taken * share * seconds))
            taken, texts = _call(engine, sample.spread(count), options)
    values = {
        "texts_per_s": round(texts / taken, 2),
        "texts": texts,
        "seconds": round(taken, 4),
    }
    yield Found(options.get("measure", "bulk"), values, options.get("at", {}))


def _call(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> tuple[float, int]:
    texts = list((sample.by_length() if options["sorted"] else sample).texts)
    start = perf_counter()
    engine.decide(texts)
    return perf_counter() - start, len(texts)
