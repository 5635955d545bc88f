"""How much a user has to carry along for an engine."""

import json
import subprocess
from pathlib import Path
from typing import Any

from limen_bench.engines.engine import OpenJob
from limen_bench.engines.table import EngineKind
from limen_bench.tasks.task import Found

_SECONDS_AT_MOST = 600
_NOT_THE_MODEL = frozenset({"decision.json", "calibration.json"})
"""Written by the harness for its own sake."""


def measure_size(kind: EngineKind, python: Path, job: OpenJob) -> Found:
    """Return the size of the model's form on disk and of the libraries, in 10^6 bytes.

    `install_mb` sums the wheels that a bare environment needs, as the index serves them;
    `installed_mb` the files they unpack to, without byte code.
    """
    values: dict[str, float | int | None] = {"file_mb": _file_mb(kind, job)}
    command = [str(python), "-P", "-m", "limen_bench.install_size", "--json", *kind.distributions]
    try:
        done = subprocess.run(  # noqa: S603  (our own module, in an interpreter the user named)
            command, capture_output=True, text=True, timeout=_SECONDS_AT_MOST, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        return Found("size", values, note=f"install size not found: {type(error).__name__}")
    wheels, installed = found.get("wheel_bytes"), found.get("installed_bytes")
    values["install_mb"] = None if wheels is None else round(wheels / 1e6, 1)
    values["installed_mb"] = None if installed is None else round(installed / 1e6, 1)
    values["distributions"] = len(found.get("distributions", ()))
    return Found("size", values, note=found.get("reason"))


def _file_mb(kind: EngineKind, job: OpenJob) -> float:
    if not kind.needs_source:
        return float(f"{job.model.stat().st_size / 1e6:.4g}")
    own = _bytes_below(job.folder)
    # An engine that converts nothing reads the source itself.
    return float(f"{(own or _bytes_below(job.source)) / 1e6:.4g}")


def _bytes_below(folder: Path | None) -> int:
    if folder is None or not folder.is_dir():
        return 0
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and file.name not in _NOT_THE_MODEL
    )
