"""The measuring process, seen from the harness: started, listened to, ended in time."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from limen_bench.engines.engine import OpenJob
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.results import Status

_LAST_WORDS = 300
_DONE = {"done": True}


class EngineStopped(Exception):  # noqa: N818  (an outcome that becomes a row, not a limen error)
    """An engine gave no (or no more) figures.

    Attributes:
        status: `failed` or `timed out`.
        reason: one line.
    """

    def __init__(self, status: Status, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class TaskRequest:
    """A task by the name of its module in `limen_bench.tasks`, with its options (JSON)."""

    task: str
    options: dict[str, Any]


@dataclass(frozen=True)
class WorkerJob:
    """What one process does.

    Attributes:
        kind: the engine.
        python: the interpreter that has its libraries.
        open: what it is opened with.
        texts: a JSON file with `texts` and `tokens`, their lengths: two lists of equal length.
        tasks: in order; None converts the source instead (`prepare`).
        first_text: decided about right after the load, as part of the cold start; None for none.
        seconds_at_most: then the process is ended.
    """

    kind: EngineKind
    python: Path
    open: OpenJob
    texts: Path
    tasks: tuple[TaskRequest, ...] | None
    first_text: str | None
    seconds_at_most: float


def own_python() -> Path:
    """Return the interpreter that runs the harness."""
    return Path(sys.executable)


def messages(job: WorkerJob) -> Generator[dict[str, Any]]:
    """Run a job and yield what it reports, as it reports it.

    A message is a finding (`measure`, `values`, `at`, `note`), `begin` with the name of a task, or
    `versions`. The process, with whatever it started in its own group (not on Windows), is gone
    when the iterator ends, also after Ctrl-C or an exception in the caller.

    Raises:
        EngineStopped: it failed, or its time was up; what it had reported has been yielded.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
        process = _start(job, words)
        out_of_time = threading.Event()
        clock = threading.Timer(job.seconds_at_most, _end, (process, out_of_time))
        clock.daemon = True
        try:
            clock.start()
            done = yield from _heard(process)
            if not done:
                process.wait()
        finally:
            clock.cancel()
            _end(process, None)
        if done:
            return
        if out_of_time.is_set():
            raise EngineStopped(
                "timed out", f"no end after {job.seconds_at_most:,.0f} s; --time-limit allows more"
            )
        raise EngineStopped("failed", _last_words(words, process.returncode))


def _heard(process: "subprocess.Popen[str]") -> Generator[dict[str, Any], None, bool]:
    """Yield messages; return whether the last one said that all is done."""
    if process.stdout is None:
        raise EngineStopped("failed", "the process has no output")
    for line in process.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            return False  # cut off in the middle of a line: the exit status says why
        if message == _DONE:
            # What it started may hold the pipe open; nothing more comes.
            return True
        yield message
    return False


def _start(job: WorkerJob, words: IO[str]) -> "subprocess.Popen[str]":
    request = {
        "module": job.kind.module,
        "distributions": [*job.kind.distributions, *_ALWAYS],
        "open": {name: _plain(value) for name, value in asdict(job.open).items()},
        "texts": str(job.texts),
        "tasks": None if job.tasks is None else [asdict(task) for task in job.tasks],
        "first_text": job.first_text,
        "watched": True,
    }
    # -P keeps modules of the current folder from shadowing those that the process imports.
    command = [str(job.python), "-P", "-m", "limen_bench.worker"]
    started = time.monotonic_ns()
    process = subprocess.Popen(  # noqa: S603  (our own module, in an interpreter the user named)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        text=True,
        encoding="utf-8",
        env=_environment(job),
        start_new_session=True,
    )
    try:
        if process.stdin is not None:
            # It stays open: the process ends when its other end, ours, is gone.
            process.stdin.write(json.dumps({**request, "started_ns": started}) + "\n")
            process.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once: its exit status and last words say why
    return process


_ALWAYS = ("limen", "numpy", "onnxruntime", "tokenizers")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _environment(job: WorkerJob) -> dict[str, str]:
    """Limen must keep to its threads by itself; libraries that only listen to variables get them.

    None of the engines may reach a hub while it is measured.
    """
    variables = {**os.environ, "HF_HUB_OFFLINE": "1"}
    if job.kind.needs_source:
        count = str(job.open.threads)
        variables.update({"RAYON_NUM_THREADS": count, "OMP_NUM_THREADS": count})
    return variables


def _end(process: "subprocess.Popen[str]", out_of_time: threading.Event | None) -> None:
    """End the process and all that it started; `out_of_time` is set where it was still running."""
    if process.poll() is None and out_of_time is not None:
        out_of_time.set()
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass
    if out_of_time is None:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _last_words(words: IO[str], status: int) -> str:
    words.seek(0)
    lines = [line.strip() for line in words.read().splitlines() if line.strip()]
    if status < 0:
        name = signal.Signals(-status).name
        return f"ended by {name}" + (f" after: {lines[-1][:_LAST_WORDS]}" if lines else "")
    return lines[-1][:_LAST_WORDS] if lines else f"exit status {status} without a message"
