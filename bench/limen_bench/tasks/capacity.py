"""How many single calls a second an engine can take from several threads."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

_FEWEST = 30


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Take calls for about `seconds` with `servers` threads, none of them ever waiting for work."""
    servers = options["servers"]
    texts = sample.spread(max(_FEWEST, 10 * servers)).texts
    calls, begin = 0, perf_counter()
    with ThreadPoolExecutor(servers) as pool:
        while calls == 0 or perf_counter() - begin < options["seconds"]:
            for _ in pool.map(lambda text: engine.decide([text]), texts):
                calls += 1
    values = {"capacity_per_s": round(calls / (perf_counter() - begin), 2), "servers": servers}
    yield Found("capacity", values)
