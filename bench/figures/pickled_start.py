"""How long scikit-learn takes to start where a pipeline is a pickle, which `limen bench` does not
read: joblib, which most of its users take, imports less than skops.

`python -P pickled_start.py PICKLE TEXT STARTED_NS` is one start.
"""

import time

_BORN_NS = time.monotonic_ns()

import json  # noqa: E402  (the clock comes first)
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from datetime import date  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402

_TEXT = "one short text for the start"
_PARTS = ("interpreter_ms", "import_ms", "load_ms", "first_ms", "total_ms", "peak_mb")


def measure_pickled_start(sources: Mapping[str, Path], rounds: int, output: Path) -> None:
    """Pickle each pipeline as joblib does, start it in turns, and write the figures of all rounds.

    Args:
        sources: skops files of our own making, by name.
        rounds: processes of each.
        output: .json.
    """
    import joblib
    from skops import io

    pickles = {}
    for name, source in sources.items():
        pickles[name] = source.with_suffix(".joblib")
        trusted = io.get_untrusted_types(file=str(source))
        joblib.dump(io.load(str(source), trusted=trusted), pickles[name])
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pickles}
    for _ in range(rounds):
        for name, pickle in pickles.items():
            words = [str(pickle), _TEXT, str(time.monotonic_ns())]
            command = [sys.executable, "-P", __file__, *words]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
            found[name].append(json.loads(done.stdout))
    whole = {"date": date.today().isoformat(), "rounds": rounds, "pipelines": found}
    output.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def pickled_start_markdown(path: Path) -> str:
    """Return the table of what was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    lines = [
        "### scikit-learn's start from a pickle",
        "",
        "| pipeline | interpreter, ms | imports, ms | load, ms | first text, ms | total, ms | "
        "peak memory, MB |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for name, rounds in measured["pipelines"].items():
        cells = [f"{median(one[part] for one in rounds):,.4g}" for part in _PARTS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Medians of {measured['rounds']} processes, {measured['date']}, the machine of the tables "
        "above: `joblib.load` in place of `skops.io.load`, then the first `decision_function`. A "
        "pickle runs whatever code it holds, so limen bench reads none.",
    ]
    return "\n".join(lines)


def _start(pickle: str, text: str, started_ns: int) -> dict[str, float]:
    begin = time.monotonic_ns()
    import joblib

    imported = time.monotonic_ns()
    pipeline = joblib.load(pickle)
    loaded = time.monotonic_ns()
    pipeline.decision_function([text])
    decided = time.monotonic_ns()
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    parts = {
        "interpreter_ms": (_BORN_NS - started_ns) / 1e6,
        "import_ms": (imported - begin) / 1e6,
        "load_ms": (loaded - imported) / 1e6,
        "first_ms": (decided - loaded) / 1e6,
    }
    return {**parts, "total_ms": sum(parts.values()), "peak_mb": int(peak) * 1024 / 1e6}


if __name__ == "__main__":
    print(json.dumps(_start(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
