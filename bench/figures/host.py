"""What a classifier file asks of the program around it: the tables of docs/runtime.md.

Each measure runs in a process of its own: `python host.py MEASURE FILE TEXTS.jsonl` prints one JSON
object.
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter

import limen
import numpy as np
from limen.arrays import Feeds, FloatArray
from limen.encoder import Encoded, Encoder, open_encoder
from limen.engine import Engine
from limen.format import ClassifierFile, read
from limen.grouping import ELIGIBLE, Groups
from limen.inference import Inference
from limen.model import Model

Figures = dict[str, float]
_MIXED, _LONGEST = 5_000, 4_000
_BULK, _CALLS = 4_000, 600
_CALLERS = 8


class _Clock:
    """Seconds spent in what it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0


class _TimedEngine(Engine):
    clock = _Clock()

    def rows(self, feeds: Feeds, texts: int | None = None) -> FloatArray:
        start = perf_counter()
        found = super().rows(feeds, texts)
        self.clock.seconds += perf_counter() - start
        return found


class _TimedEncoder:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.clock = _Clock()

    def encode(self, text: str, index: int = 0) -> Encoded:
        start = perf_counter()
        found = self._encoder.encode(text, index)
        self.clock.seconds += perf_counter() - start
        return found


def _watched(file: ClassifierFile) -> tuple[Model, _Clock, _Clock]:
    """A model of one thread whose encoder and session are timed."""
    decision, execution = file.metadata.decision, file.metadata.execution
    optimisation = "none" if execution.optimised else "on_load"
    engine = _TimedEngine(file.data, file.name, decision.outputs, "cpu", optimisation)
    encoder = _TimedEncoder(open_encoder(file.metadata.encoder))
    groups = Groups(engine) if execution.precision in ELIGIBLE else None
    inference = Inference(encoder, engine, 1, groups=groups)
    model = Model(inference, decision, decision.point(decision.default_point))
    return model, encoder.clock, engine.clock


def outside(path: Path, texts: Sequence[str]) -> Figures:
    """Where the time of a bulk call goes, one thread: shares of its duration."""
    model, encoding, session = _watched(read(path))
    bulk = [*texts, *(f"{number} {text}" for number, text in enumerate(texts))][:_BULK]
    model.predict(bulk[:500])
    encoding.seconds = session.seconds = 0.0
    start = perf_counter()
    model.predict(bulk)
    whole = perf_counter() - start
    rest = whole - encoding.seconds - session.seconds
    return {
        "texts/s": len(bulk) / whole,
        "encoding": encoding.seconds / whole,
        "session": session.seconds / whole,
        "rest": rest / whole,
    }


def call(path: Path, texts: Sequence[str]) -> Figures:
    """Microseconds of one call beside encoder and session: as it is, with caches that the session
    has swept, and with a session that touches nothing.
    """
    model, encoding, session = _watched(read(path))
    found: dict[str, list[float]] = {"after the session": [], "caches warm": []}
    real = model._inference.engine
    for name in found:
        if name == "caches warm":
            row = real.logits(open_encoder(read(path).metadata.encoder).encode(texts[0]).feeds)
            real.logits = lambda _, row=row: row  # type: ignore[method-assign]
        for text in texts[: _CALLS + 50]:
            encoding.seconds = session.seconds = 0.0
            start = perf_counter()
            model(text)
            found[name].append(perf_counter() - start - encoding.seconds - session.seconds)
    return {f"{name}, us": 1e6 * median(values[50:]) for name, values in found.items()}


def bits(path: Path, texts: Sequence[str]) -> Figures:
    """How many ways of asking about 5,000 mixed texts gave other bits than one text at a time."""
    mixed = _mixed(texts)
    one, two = limen.load(path, threads=1), limen.load(path, threads=2)
    alone = np.array([[*one(text).scores.values()] for text in mixed], dtype=np.float32)
    order = random.Random(1).sample(range(len(mixed)), len(mixed))  # noqa: S311  (an order)
    shuffled = [mixed[place] for place in order]
    ways: dict[str, FloatArray] = {
        "batch, 1 thread": one.scores(mixed),
        "batch, 2 threads": two.scores(mixed),
        "again": two.scores(mixed),
        "shuffled": two.scores(shuffled)[np.argsort(order)],
        "with duplicates": two.scores([*mixed, *mixed[::3]])[: len(mixed)],
        "8 callers": _from_callers(two, mixed),
        "after a fork": _in_child(two, mixed, alone),
    }
    for size in (1, 7, 50, 333, 1_024):
        parts = [two.scores(mixed[at : at + size]) for at in range(0, len(mixed), size)]
        ways[f"windows of {size}"] = np.concatenate(parts)
    return {"texts": len(mixed), "ways": len(ways)} | {
        f"other bits: {name}": float((got != alone).any(axis=1).sum()) for name, got in ways.items()
    }


def _mixed(texts: Sequence[str]) -> list[str]:
    """Texts of the sample, joined to random lengths up to 4,000 characters; some empty, some once
    more.
    """
    drawn = random.Random(0)  # noqa: S311  (lengths, not secrets)
    mixed = [*texts[: _MIXED // 2], "", " "]
    while len(mixed) < _MIXED:
        joined = " ".join(drawn.choices(texts, k=drawn.choice((1, 1, 2, 3, 5, 60))))
        mixed.append(joined[: drawn.randint(1, _LONGEST)])
    return mixed


def _from_callers(model: Model, texts: Sequence[str]) -> FloatArray:
    rows: dict[int, list[float]] = {}

    def ask(first: int) -> None:
        for place in range(first, len(texts), _CALLERS):
            rows[place] = [*model(texts[place]).scores.values()]

    callers = [threading.Thread(target=ask, args=(first,)) for first in range(_CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return np.array([rows[place] for place in range(len(texts))], dtype=np.float32)


def _in_child(model: Model, texts: Sequence[str], expected: FloatArray) -> FloatArray:
    child = os.fork()
    if child == 0:
        same = model.scores(texts).tobytes() == expected.tobytes()
        os._exit(0 if same else 1)
    return expected if os.waitpid(child, 0)[1] == 0 else np.full_like(expected, np.nan)


MEASURES: Mapping[str, Callable[[Path, Sequence[str]], Figures]] = {
    "outside": outside,
    "call": call,
    "bits": bits,
}


def measure_host(files: Mapping[str, tuple[Path, Path]], rounds: int, output: Path) -> None:
    """Measure everything and write it.

    Args:
        files: classifier file and its texts (.jsonl), by name.
        rounds: of what is timed, in turns.
        output: .json.
    """
    found: dict[str, dict[str, list[Figures]]] = {name: {} for name in files}
    for turn in range(rounds):
        for name, (file, texts) in files.items():
            for measure in MEASURES:
                if measure != "bits" or turn == 0:
                    found[name].setdefault(measure, []).append(_measured(measure, file, texts))
    whole = {"date": date.today().isoformat(), "rounds": rounds, "files": found}
    output.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _measured(measure: str, file: Path, texts: Path) -> Figures:
    command = [sys.executable, "-P", __file__, measure, str(file), str(texts)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    figures: Figures = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    lines = Path(sys.argv[3]).read_text(encoding="utf-8").splitlines()
    sample = [str(json.loads(line)["text"]) for line in lines]
    print(json.dumps(MEASURES[sys.argv[1]](Path(sys.argv[2]), sample)))
