"""Timing a classifier file in a process of its own, because two engines in one process slow each
other.

The measuring program belongs to the bench; it is started as a command, not imported.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from limen.errors import EngineError
from limen.threads import thread_count
from limen.timing import Latency

_WORKER = "limen_bench.worker"
_ENGINE = "limen_bench.engines.limen_file"
_SECONDS_AT_MOST = 600
_WARM_UP_SECONDS, _TIMED_SECONDS, _BULK_SECONDS = 1.0, 60.0, 1.5


@dataclass(frozen=True)
class Speed:
    """How fast a file decides on this machine.

    Attributes:
        latency: of one text at a time.
        texts_per_second: in one call with all texts, on all threads that the machine gives.
    """

    latency: Latency
    texts_per_second: float


def measure(file: Path, texts: Sequence[str]) -> Speed:
    """Measure a classifier file, one text at a time and many in one call.

    Args:
        file: the classifier file.
        texts: at least one; each is timed once, after a warm-up, as far as a minute reaches (20
            calls at least).

    Raises:
        EngineError: the measuring process failed.
    """
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        lists = Path(folder) / "texts.json"
        # The lengths are for the bench's own samples; without them every text counts alike.
        content = {"texts": list(texts), "tokens": [1] * len(texts)}
        lists.write_text(json.dumps(content), encoding="utf-8")
        # -P keeps modules of the current folder from shadowing those that the worker imports.
        command = [sys.executable, "-P", "-m", _WORKER]
        try:
            done = subprocess.run(  # noqa: S603  (our own module, in this interpreter)
                command,
                input=json.dumps(_job(file, lists, Path(folder))) + "\n",
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS_AT_MOST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"timing took over {_SECONDS_AT_MOST} s; give fewer or shorter texts"
            ) from error
    if done.returncode != 0 or not done.stdout.strip():
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EngineError(f"timing failed: {reason[0][:300]}")
    return _speed(done.stdout)


def _job(file: Path, texts: Path, folder: Path) -> dict[str, object]:
    return {
        "module": _ENGINE,
        "distributions": [],
        "open": {
            "name": "limen",
            "model": str(file),
            "source": None,
            "folder": str(folder),
            "threads": thread_count(None),
            "batch": 1,
        },
        "texts": str(texts),
        "tasks": [
            {"task": "warm_up", "options": {"seconds": _WARM_UP_SECONDS}},
            {"task": "one_at_a_time", "options": {"seconds": _TIMED_SECONDS}},
            {
                "task": "bulk",
                "options": {"seconds": _BULK_SECONDS, "batch": 1, "sorted": False},
            },
        ],
        "first_text": None,
        "started_ns": time.monotonic_ns(),
    }


def _speed(lines: str) -> Speed:
    found = [json.loads(line) for line in lines.splitlines()]
    values = next(message["values"] for message in found if message.get("measure") == "one")
    bulk = next(message["values"] for message in found if message.get("measure") == "bulk")
    latency = Latency(
        p50=values["p50_ms"],
        p90=values["p90_ms"],
        p99=values["p99_ms"],
        max=values["max_ms"],
        spread=values["spread_ms"],
        calls=values["calls"],
    )
    return Speed(latency, float(bulk["texts_per_s"]))
