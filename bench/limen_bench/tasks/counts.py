"""Bulk calls of 1 to 100,000 texts."""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

COUNTS = (1, 10, 100, 1_000, 10_000, 100_000)
_REPEATS = 5


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Time a bulk call of each count that fits into `seconds`, small ones several times.

    Options: `seconds` for each count, `sorted` as in `bulk`. Where there are fewer texts than the
    count, they are repeated with a number at their end, so that no engine may decide a text once
    and answer twice.
    """
    rate = 0.0
    for count in COUNTS:
        at = {"texts": count}
        if rate and count / rate > options["seconds"]:
            note = f"left out: about {count / rate:,.0f} s, allowed are {options['seconds']:g} s"
            yield Found("counts", {}, at, note)
            continue
        chosen = enough(sample, count)
        texts = list((chosen.by_length() if options["sorted"] else chosen).texts)
        repeats = _REPEATS if count <= 100 else 1
        times = []
        for _ in range(repeats):
            start = perf_counter()
            engine.decide(texts)
            times.append(perf_counter() - start)
        taken = sorted(times)[len(times) // 2]
        rate = count / taken
        repeated = count > len(sample.texts)
        note = f"{len(sample.texts):,} texts, repeated with a number at the end"
        values = {"texts_per_s": round(rate, 2), "seconds": round(taken, 4)}
        yield Found("counts", values, at, note if repeated else None)


def enough(sample: Sample, count: int) -> Sample:
    """Return `count` texts, distinct if the sample's are."""
    if count <= len(sample.texts):
        return sample.spread(count)
    rounds = -(-count // len(sample.texts))
    texts = [
        text if copy == 0 else f"{text} {copy}" for copy in range(rounds) for text in sample.texts
    ]
    return Sample(tuple(texts[:count]), (sample.lengths * rounds)[:count])
