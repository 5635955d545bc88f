"""One engine of one_regression.py, in a process that imports nothing else first.

`python one_regression_engine.py ENGINE SOURCE.skops TEXTS.json BEGUN` prints one JSON object; BEGUN
is what the monotonic clock said when the process was started.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from time import monotonic, perf_counter
from typing import Any

_CALLS, _ALONE, _ONCE = 15, 300, 1_000


def measured(name: str, source: Path, file: Path, begun: float) -> dict[str, float]:
    """Texts a second of bulk calls and microseconds of one text that was seen before, medians; the
    mean of texts that come once, since not each of them costs limen the same; milliseconds from the
    start of the process to the first decision.
    """
    texts = json.loads(file.read_text(encoding="utf-8"))
    many, one = _opened(name, source)
    one(texts[0])
    start = 1e3 * (monotonic() - begun)
    once = [_seconds(one, text) for text in texts[-_ONCE:]]
    many(texts)
    calls = [_seconds(many, texts) for _ in range(_CALLS)]
    alone = [_seconds(one, text) for _ in range(5) for text in texts[:_ALONE]]
    return {
        "bulk": len(texts) / median(calls),
        "one": 1e6 * median(alone),
        "once": 1e6 * mean(once),
        "start": start,
    }


def _opened(name: str, source: Path) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    if name == "limen":
        import limen

        model = limen.load(source.with_suffix(".onnx"), threads=1)
        return model.predict, model
    from skops import io

    pipeline = io.load(source)
    return pipeline.predict, lambda text: pipeline.predict([text])


def _seconds(work: Callable[[Any], Any], given: Any) -> float:  # noqa: ANN401
    start = perf_counter()
    work(given)
    return perf_counter() - start


if __name__ == "__main__":
    engine, source, texts, begun = sys.argv[1:]
    print(json.dumps(measured(engine, Path(source), Path(texts), float(begun))))
