"""One engine in one process: reads a job as JSON from standard input, writes one JSON line for each
finding.

`python -P -m limen_bench.worker`, started by `limen_bench.process` (and, as a command, by the
exporter). Nothing but the standard library is imported before the clock has been read, so that the
start of the interpreter, the engine's imports, its load and its first decision can be told apart.
"""

import time

_BORN_NS = time.monotonic_ns()

import gc  # noqa: E402  (the clock comes first)
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from importlib import import_module  # noqa: E402
from importlib.metadata import PackageNotFoundError, version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, TextIO, TypeAlias  # noqa: E402

Job: TypeAlias = dict[str, Any]
Write: TypeAlias = Callable[[dict[str, Any]], None]


def main() -> int:
    """Do the job; a failure is a traceback on standard error and exit status 1."""
    lines = _own_output()

    def write(message: dict[str, Any]) -> None:
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    job = json.loads(sys.stdin.readline())
    if job["tasks"] is None:
        _prepare(job)
    else:
        _measure(job, write)
    return 0


def _own_output() -> TextIO:
    """Keep standard output for findings; what libraries print goes to standard error."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def _prepare(job: Job) -> None:
    module = import_module(job["module"])
    Path(job["open"]["folder"]).mkdir(parents=True, exist_ok=True)
    module.prepare(_open_job(job))


def _measure(job: Job, write: Write) -> None:
    texts = json.loads(Path(job["texts"]).read_text(encoding="utf-8"))
    begin = time.monotonic_ns()
    module = import_module(job["module"])
    imported = time.monotonic_ns()
    engine = module.open_engine(_open_job(job))
    loaded = time.monotonic_ns()
    loaded_mb = _memory_mb("VmRSS")
    if job["first_text"] is not None:
        engine.decide([job["first_text"]])
    decided = time.monotonic_ns()
    cold = {
        "interpreter_ms": (_BORN_NS - job["started_ns"]) / 1e6,
        "import_ms": (imported - begin) / 1e6,
        "load_ms": (loaded - imported) / 1e6,
        "first_ms": (decided - loaded) / 1e6,
    }
    cold["total_ms"] = sum(cold.values())
    write(_finding("cold", {name: round(value, 3) for name, value in cold.items()}))
    write({"versions": _versions(job["distributions"])})
    for task in job["tasks"]:
        engine = _do(task, job, texts, engine, write)
    memory = {
        "loaded_mb": loaded_mb,
        "resident_mb": _memory_mb("VmRSS"),
        "peak_mb": _memory_mb("VmHWM"),
    }
    write(_finding("memory", memory))


def _do(task: Job, job: Job, texts: dict[str, Any], engine: Any, write: Write) -> Any:  # noqa: ANN401
    """Do one task, on an engine opened anew where the task wants another batch size."""
    from limen_bench.tasks.task import Sample

    options = task["options"]
    if options.get("open_batch", job["open"]["batch"]) != job["open"]["batch"]:
        job["open"]["batch"] = options["open_batch"]
        del engine
        gc.collect()
        engine = import_module(job["module"]).open_engine(_open_job(job))
    sample = Sample(tuple(texts["texts"]), tuple(texts["tokens"]))
    write({"begin": task["task"]})
    module = import_module(f"limen_bench.tasks.{task['task']}")
    for found in module.run(engine, sample, options):
        write(_finding(found.measure, found.values, found.at, found.note))
    return engine


def _open_job(job: Job) -> Any:  # noqa: ANN401
    from limen_bench.engines.engine import OpenJob

    paths = {name: Path(job["open"][name]) for name in ("model", "folder")}
    source = job["open"]["source"]
    return OpenJob(**{**job["open"], **paths, "source": None if source is None else Path(source)})


def _finding(
    measure: str,
    values: Mapping[str, Any],
    at: Mapping[str, Any] | None = None,
    note: str | None = None,
) -> dict[str, Any]:
    return {"measure": measure, "values": dict(values), "at": dict(at or {}), "note": note}


def _versions(distributions: list[str]) -> dict[str, str]:
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _memory_mb(field: str) -> float | None:
    """Read a field of /proc/self/status, in 10^6 bytes; None where there is no such file.

    VmHWM, not getrusage: the latter also counts the process that forked us
    (https://man7.org/linux/man-pages/man2/getrusage.2.html).
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return None


if __name__ == "__main__":
    sys.exit(main())
