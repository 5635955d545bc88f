"""Timing a model in a process of its own, because two engines in one process slow each other.

The measuring program belongs to the bench; it is started as a command, not imported.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from limen.errors import EngineError
from limen.timing import Latency

Engine: TypeAlias = Literal["limen", "torch"]
_WORKER = "limen_bench.worker"
_SECONDS_AT_MOST = 600


def measure(engine: Engine, model: Path, texts: Sequence[str]) -> Latency:
    """Measure one text at a time.

    Args:
        engine: `limen` (model is a classifier file) or `torch` (model is a checkpoint folder).
        model: what it runs.
        texts: at least one; each is timed once, after a warm-up.

    Raises:
        EngineError: the measuring process failed.
    """
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(list(texts)), encoding="utf-8")
        # -P keeps modules of the current folder from shadowing those that the worker imports.
        command = [sys.executable, "-P", "-m", _WORKER, engine, str(model), str(file)]
        try:
            done = subprocess.run(  # noqa: S603  (our own module, in this interpreter)
                command,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS_AT_MOST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"timing with {engine} took over {_SECONDS_AT_MOST} s; give fewer or shorter texts"
            ) from error
    if done.returncode != 0 or not done.stdout.strip():
        reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EngineError(f"timing with {engine} failed: {reason[0][:300]}")
    return Latency(**json.loads(done.stdout.splitlines()[-1])["latency"])
