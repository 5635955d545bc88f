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
import threading  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from importlib import import_module  # noqa: E402
from importlib.metadata import PackageNotFoundError, version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, TextIO, TypeAlias  # noqa: E402

Job: TypeAlias = dict[str, Any]
Write: TypeAlias = Callable[[dict[str, Any]], None]


def main() -> int:
    """Do the job; a failure is a traceback on standard error and exit status 1. The last line is
    `{"done": true}`.
    """
    lines = _own_output()

    def write(message: dict[str, Any]) -> None:
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    job = json.loads(sys.stdin.readline())
    if job.get("watched"):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    if job["tasks"] is None:
        _prepare(job)
    else:
        _measure(job, write)
    write({"done": True})
    # Libraries may hang or crash while they are taken down; all that was asked is done.
    os._exit(0)


def _end_with_parent() -> None:
    """End when the harness is gone, however it went: its end of our standard input closes."""
    sys.stdin.read()
    os._exit(1)


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
    before = _cpu_seconds()
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
    held = [engine]
    del engine
    for task in job["tasks"]:
        _do(task, job, texts, held, write)
    memory = {
        "loaded_mb": loaded_mb,
        "resident_mb": _memory_mb("VmRSS"),
        "peak_mb": _memory_mb("VmHWM"),
    }
    write(_finding("memory", memory))
    write(_finding("disturbance", _disturbance(before)))


def _do(task: Job, job: Job, texts: dict[str, Any], held: list[Any], write: Write) -> None:
    """Do one task, on an engine opened anew where the task wants another batch size.

    `held` has the engine, and is the only one that has: two at a time would be two models in
    memory.
    """
    from limen_bench.tasks.task import Sample

    options = task["options"]
    if options.get("open_batch", job["open"]["batch"]) != job["open"]["batch"]:
        job["open"]["batch"] = options["open_batch"]
        held.clear()
        gc.collect()
        held.append(import_module(job["module"]).open_engine(_open_job(job)))
    sample = Sample(tuple(texts["texts"]), tuple(texts["tokens"]))
    write({"begin": task["task"]})
    module = import_module(f"limen_bench.tasks.{task['task']}")
    for found in module.run(held[0], sample, options):
        write(_finding(found.measure, found.values, found.at, found.note))


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
        stated = _version(name)
        if stated is not None:
            found[name] = stated
    return found


def _version(distribution: str) -> str | None:
    """Return what the imported module says of itself: a wheel of another name can own the module
    (onnxruntime-gpu beside or instead of onnxruntime). Else what its distribution says, if any.
    """
    stated = getattr(sys.modules.get(distribution.replace("-", "_")), "__version__", None)
    if isinstance(stated, str):
        return stated
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _disturbance(before: tuple[float, float, float, float] | None) -> dict[str, Any]:
    """Return the share of the machine's CPU time since `before` that neither this process nor
    idling took: other processes', and what the hypervisor stole. Empty where it is not known.
    """
    after = _cpu_seconds()
    if before is None or after is None or after[0] <= before[0]:
        return {}
    whole, idle, stolen, own = (now - then for now, then in zip(after, before, strict=True))
    foreign = max(0.0, whole - idle - stolen - own)
    return {"foreign_share": round(foreign / whole, 4), "steal_share": round(stolen / whole, 4)}


def _cpu_seconds() -> tuple[float, float, float, float] | None:
    """Return seconds over all CPUs: in all, idle, stolen; and this process's own.

    https://man7.org/linux/man-pages/man5/proc_stat.5.html: user, nice, system, idle, iowait, irq,
    softirq, steal.
    """
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError):
        return None
    seconds = [int(word) / ticks for word in words]
    own = os.times()
    return sum(seconds), seconds[3] + seconds[4], seconds[7], sum(own[:4])


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
