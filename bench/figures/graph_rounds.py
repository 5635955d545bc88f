"""Rounds of engines in turns, each in a process of its own, and the figures of every round."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from graph_session import IDS
from limen.progress import Progress
from limen.token_encoder import TokenEncoder
from limen_bench.engines.engine import OpenJob
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.process import TaskRequest, WorkerJob, messages, own_python

Figures: TypeAlias = dict[str, list[float]]
"""Name of a figure, such as `one p50_ms` or `by_length 64 p50_ms`, to its value in each round."""

_HERE = Path(__file__).resolve().parent
_SEED = 5
_ROWS = 200
_MINUTES = 10


@dataclass(frozen=True)
class Turn:
    """What one engine does in each round.

    Attributes:
        module: opens it, an `EngineModule`.
        level: its name, as its module understands it.
        model: the graph or classifier file.
        folder: what its module reads beside that.
        texts: a sample, as JSON.
        tasks: in order, by name, with their options.
        threads: that it may keep busy.
        first_text: decided about right after the load; None for none.
    """

    module: str
    level: str
    model: Path
    folder: Path
    texts: Path
    tasks: tuple[TaskRequest, ...]
    threads: int = 1
    first_text: str | None = None


def run_rounds(turns: Mapping[str, Turn], rounds: int, told: Progress) -> dict[str, Figures]:
    """Measure all in turns, in a new random order each round.

    Returns:
        The figures of each, by its name; every list has one value a round, in their order, so that
        ratios can be paired.

    Raises:
        EngineStopped: one of them failed.
    """
    names = list(turns)
    found: dict[str, Figures] = {name: {} for name in names}
    with _modules_found():
        for number in range(rounds):
            order = np.random.default_rng([_SEED, number]).permutation(len(names))
            for place, index in enumerate(order):
                name = names[index]
                told.step(f"round {number + 1} of {rounds}, {place + 1} of {len(names)}: {name}")
                for figure, value in _measured(turns[name]):
                    found[name].setdefault(figure, []).append(value)
    return found


def convert(module: str, python: Path, source: Path, folder: Path, texts: Path) -> None:
    """Let a module make its own form of a checkpoint, in a process of another environment.

    Raises:
        EngineStopped: it failed.
    """
    opened = OpenJob("graph", source, source, folder, 1, 1)
    with _modules_found():
        list(messages(WorkerJob(_kind(module), python, opened, texts, None, None, 60 * _MINUTES)))


def write_ids(
    folder: Path, encoder: TokenEncoder, texts: Sequence[str], lengths: Sequence[int]
) -> Path:
    """Write ids of texts of exact lengths, and the sample that names them.

    Args:
        folder: exists.
        encoder: of the classifier.
        texts: real texts, long enough together for one row of each length.
        lengths: in tokens, special tokens included.

    Returns:
        The sample: JSON with `texts` and `tokens`.
    """
    rows = {length: exact_rows(encoder, texts, length) for length in lengths}
    np.savez(folder / IDS, allow_pickle=False, **{str(key): row for key, row in rows.items()})
    named = [(f"{length} {row}", length) for length in lengths for row in range(_ROWS)]
    sample = folder / "sample.json"
    content = {"texts": [text for text, _ in named], "tokens": [count for _, count in named]}
    sample.write_text(json.dumps(content), encoding="utf-8")
    return sample


def exact_rows(
    encoder: TokenEncoder, texts: Sequence[str], length: int, count: int = _ROWS
) -> npt.NDArray[np.int64]:
    """Return int64 (count, length): the tokens of real texts, one after the other, cut into pieces
    of this length between the special tokens that the encoder puts around a text. Fewer tokens
    than that are gone through again.
    """
    wanted = count * (length - 2)
    pieces: list[npt.NDArray[np.int64]] = []
    have = 0
    for text in texts:
        ids = encoder.encode(text).feeds["input_ids"][0]
        pieces.append(ids[1:-1])
        have += len(ids) - 2
        if have >= wanted:
            break
    inner = np.resize(np.concatenate(pieces), (count, length - 2))
    ends = [np.full((count, 1), edge, dtype=np.int64) for edge in (ids[0], ids[-1])]
    return np.hstack([ends[0], inner, ends[1]]).astype(np.int64)


def _measured(turn: Turn) -> Iterator[tuple[str, float]]:
    opened = OpenJob(turn.level, turn.model, None, turn.folder, turn.threads, 1)
    job = WorkerJob(
        *(_kind(turn.module), own_python(), opened, turn.texts, turn.tasks),
        *(turn.first_text, 60.0 * _MINUTES),
    )
    for message in messages(job):
        if "measure" not in message:
            continue
        at = "".join(f" {value}" for value in message["at"].values())
        for value, number in message["values"].items():
            if number is not None:
                yield f"{message['measure']}{at} {value}", float(number)


def _kind(module: str) -> EngineKind:
    return EngineKind(module, module, module, "own", (), "", needs_source=False)


@contextmanager
def _modules_found() -> Iterator[None]:
    """Let measuring processes import the modules of this folder."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_HERE), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
