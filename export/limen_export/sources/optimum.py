"""A checkpoint whose graph Optimum makes (`--via optimum`), instead of limen's own exporter."""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from limen.errors import ExportError, InputError

from limen_export.reference import Reference
from limen_export.sources.checkpoint_folder import licence_of, shown_name
from limen_export.sources.onnx_folder import read_folder
from limen_export.sources.onnx_layout import find_onnx
from limen_export.sources.recognising import SourceWishes

INSTALL = "pip install optimum-onnx"
_NAMED = ("optimum", "optimum-onnx", "torch", "transformers")
_VERSIONS = f"""
import json
from importlib.metadata import version
print(json.dumps([(name, version(name)) for name in {_NAMED!r}]))
"""
_SECONDS = 3_600


def recognise(source: str) -> str | None:
    """Recognise nothing: Optimum is used where the user asks for it."""
    return None


def read(source: str, wishes: SourceWishes) -> Reference:
    """Let Optimum export a checkpoint, and read the folder that it wrote.

    Args:
        source: a folder or a hub name, as `optimum-cli export onnx --model` takes it.
        wishes: `python` names the interpreter that has Optimum, which needs an older transformers
            than limen; None takes this one.

    Raises:
        InputError: no such interpreter.
        ExportError: Optimum is not installed, fails, or wrote a folder that cannot be read.
    """
    python = sys.executable if wishes.python is None else wishes.python
    versions = _versions(python)
    folder = Path(source).expanduser()
    local = folder.is_dir()
    with tempfile.TemporaryDirectory(prefix="limen-") as made:
        _run_optimum(python, str(folder) if local else source, made)
        found = find_onnx(made)
        named = replace(
            found,
            name=shown_name(folder) if local else source,
            licence=licence_of(folder) if local else None,
        )
        reference = read_folder(named, wishes)
    merged = dict(reference.versions) | versions
    return replace(reference, versions=tuple(sorted(merged.items())))


def _versions(python: str) -> dict[str, str]:
    try:
        done = subprocess.run(  # noqa: S603  (an interpreter that the user names)
            [python, "-c", _VERSIONS], capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except OSError as error:
        raise InputError(
            f"{python}: cannot be run ({error.strerror}); expected a Python"
        ) from error
    if done.returncode:
        raise ExportError(
            f"--via optimum: Optimum is not installed for {python}; {INSTALL} there, or name "
            "another interpreter with --via optimum=PYTHON (it needs transformers before 4.58)"
        )
    versions: dict[str, str] = dict(json.loads(done.stdout))
    return versions


def _run_optimum(python: str, source: str, made: str) -> None:
    """Run what `optimum-cli export onnx --task text-classification` runs."""
    command = [python, "-m", "optimum.exporters.onnx", "--task", "text-classification"]
    try:
        done = subprocess.run(  # noqa: S603
            [*command, "--model", source, made],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{source}: Optimum did not end within {_SECONDS:,} s") from error
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
        raise ExportError(
            f"{source}: Optimum cannot export it ({last.strip()[:300]}); export it without "
            "--via optimum"
        )
