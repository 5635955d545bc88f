"""Where the time of a call goes."""

from collections.abc import Iterator, Mapping
from statistics import median
from time import perf_counter
from typing import Any, cast

from limen_bench.engines.engine import Engine, Staged
from limen_bench.tasks.task import Found, Sample

_FEWEST = 20


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Take the medians of the stages over single calls for about `seconds`; nothing for an engine
    that cannot tell.
    """
    if not hasattr(engine, "stages"):
        return
    staged = cast("Staged", engine)
    for text in sample.spread(_FEWEST).texts:
        staged.stages(text)
    rows = []
    end = perf_counter() + options["seconds"]
    for text in sample.spread(len(sample.texts)).texts:
        rows.append(staged.stages(text))
        if len(rows) >= _FEWEST and perf_counter() > end:
            break
    names = rows[0].keys()
    yield Found("stages", {f"{name}_ms": round(median(r[name] for r in rows), 4) for name in names})
