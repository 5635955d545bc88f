"""How much a user has to carry along for an engine."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from limen_bench.engines.engine import OpenJob
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.tasks.task import Found

_WHEELS_SECONDS = 120
"""For pip; what it has not fetched by then is left out, and the sizes on disk are still told."""
_SECONDS_AT_MOST = 240
_BESIDE_THE_WEIGHTS = (
    *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "*.model"),
    *("head.safetensors", "pipeline.skops"),
)
_WEIGHTS = (
    *("model.safetensors", "model-*-of-*.safetensors"),
    *("pytorch_model.bin", "pytorch_model-*-of-*.bin"),
)
"""The first of these that is there is what transformers reads; checkpoints may hold both formats,
and the optimiser's state besides."""
_NOT_THE_MODEL = frozenset({"decision.json", "calibration.json"})
"""Written by the harness for its own sake."""


def measure_size(kind: EngineKind, python: Path, job: OpenJob) -> Found:
    """Return the size of the model's form on disk and of the libraries, in 10^6 bytes.

    `install_mb` sums the wheels that a bare environment needs, as the index serves them;
    `installed_mb` the files they unpack to, without byte code.
    """
    values: dict[str, float | int | None] = {"file_mb": _file_mb(kind, job)}
    command = [str(python), "-P", "-m", "limen_bench.install_size", "--json"]
    command += ["--seconds", str(_WHEELS_SECONDS), *kind.distributions]
    try:
        found: dict[str, Any] = json.loads(_printed(command).splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        return Found("size", values, note=f"install size not found: {type(error).__name__}")
    wheels, installed = found.get("wheel_bytes"), found.get("installed_bytes")
    values["install_mb"] = None if wheels is None else round(wheels / 1e6, 1)
    values["installed_mb"] = None if installed is None else round(installed / 1e6, 1)
    values["distributions"] = len(found.get("distributions", ()))
    return Found("size", values, note=found.get("reason"))


def _printed(command: list[str]) -> str:
    """Run a command in a session of its own, which ends with it: pip outlives a killed parent."""
    process = subprocess.Popen(  # noqa: S603  (our own module, in an interpreter the user named)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            return process.communicate(timeout=_SECONDS_AT_MOST)[0]
        finally:
            with suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()


def _file_mb(kind: EngineKind, job: OpenJob) -> float:
    if not kind.needs_source:
        return float(f"{job.model.stat().st_size / 1e6:.4g}")
    own = _bytes_below(job.folder)
    # An engine that converts nothing reads the source itself.
    return float(f"{(own or _source_bytes(job.source)) / 1e6:.4g}")


def _source_bytes(source: Path | None) -> int:
    """Return the size of what an engine reads of a source: of a folder configuration, tokenizer,
    head, weights in one format.
    """
    if source is not None and source.is_file():
        return source.stat().st_size
    if source is None or not source.is_dir():
        return 0
    weights = (sorted(source.glob(pattern)) for pattern in _WEIGHTS)
    files = {*next((found for found in weights if found), [])}
    for pattern in _BESIDE_THE_WEIGHTS:
        files.update(source.glob(pattern))
    return sum(file.stat().st_size for file in files if file.is_file())


def _bytes_below(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and file.name not in _NOT_THE_MODEL
    )
