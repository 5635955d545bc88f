"""A classifier file on this machine: whether it opens, whether it computes what it promises, how
fast it is.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from limen.corpus import sentences
from limen.doctor.finding import Finding
from limen.errors import LimenError
from limen.model import Model
from limen.opening import load
from limen.timing import Latency, summarise_ms

_SECONDS = 1.0
"""For texts one at a time, and again for bulk calls: two seconds together."""
_BULK = 64


def look_at_file(path: Path, threads: int | None, device: str = "auto") -> list[Finding]:
    """Open a file, self-test included, and time it on the project's own sentences."""
    try:
        start = time.perf_counter()
        model = load(path, device=device, threads=threads)
        opened_ms = (time.perf_counter() - start) * 1e3
    except LimenError as error:
        return [Finding("file", str(error), "problem", values={"opened": False})]
    with model:
        texts = [row.text for language in ("en", "ko") for row in sentences(language, "test")]
        return [_fit(path, model, opened_ms), _speed(model, texts)]


def _fit(path: Path, model: Model, opened_ms: float) -> Finding:
    shown = f"{path.name} opens on {model.device} in {opened_ms:.0f} ms"
    if model.device_reason:
        return Finding(
            "file",
            f"{shown} and computes what it promises, but it was {model.device_reason}",
            "note",
            "a file made for the CPU is faster there: limen export CHECKPOINT -o FILE.onnx",
            {"device": model.device, "opened": True, "repaired": model.repaired},
        )
    if model.repaired:
        return Finding(
            "file",
            f"{shown}; this processor computes its int8 products wrongly, so it runs in a slower, "
            "exact way (docs/self_test.md)",
            "note",
            "an fp32 file may be faster here: limen export --precision fp32, then limen bench",
            {"device": model.device, "opened": True, "repaired": True},
        )
    return Finding(
        "file",
        f"{shown} and computes what it promises",
        values={"device": model.device, "opened": True, "repaired": False},
    )


def _speed(model: Model, texts: Sequence[str]) -> Finding:
    for text in texts[:_BULK]:
        model(text)
    latency = _one_at_a_time(model, texts)
    per_second = _in_bulk(model, texts)
    return Finding(
        "speed",
        f"one text p50 {latency.p50:.2f} ms, p99 {latency.p99:.2f} ms; in bulk {per_second:,.0f} "
        f"texts/s with {model.threads} threads (sentences of the emotion corpus)",
        values={
            "p50_ms": round(latency.p50, 4),
            "p99_ms": round(latency.p99, 4),
            "texts_per_second": round(per_second, 1),
        },
    )


def _one_at_a_time(model: Model, texts: Sequence[str]) -> Latency:
    times: list[float] = []
    end = time.perf_counter() + _SECONDS
    while time.perf_counter() < end or not times:
        start = time.perf_counter()
        model(texts[len(times) % len(texts)])
        times.append((time.perf_counter() - start) * 1e3)
    return summarise_ms(times)


def _in_bulk(model: Model, texts: Sequence[str]) -> float:
    done, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < _SECONDS or not done:
        first = done % (len(texts) - _BULK)
        model.predict(texts[first : first + _BULK])
        done += _BULK
    return done / taken
