"""Graphs of one checkpoint as files, with what is known of each without timing it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from graph_rounds import Turn
from graph_session import open_at, run
from limen.arrays import FloatArray
from limen_bench.process import TaskRequest

_MODULE = "graph_session"


class GraphFiles:
    """A folder of graphs.

    Attributes:
        known: name to `file`, `level` (of `graph_session`), `nodes`, `bytes`, and `difference`: the
            largest of a logit to the first graph, each text run alone with nothing optimised.
    """

    def __init__(self, folder: Path, ids: list[npt.NDArray[np.int64]]) -> None:
        """Begin.

        Args:
            folder: exists.
            ids: int64 (texts, tokens) each, to compare graphs on.
        """
        self._folder = folder
        self._alone = [rows[place : place + 1] for rows in ids for place in range(len(rows))]
        self._exact: list[FloatArray] = []
        self.known: dict[str, dict[str, Any]] = {}

    def add(self, name: str, graph: onnx.ModelProto, levels: tuple[str, ...] = ("none",)) -> None:
        """Write a graph that is to be opened at each of the levels."""
        file = self._folder / f"{len(self.known)}.onnx"
        onnx.save(graph, file)
        logits = logits_of(file, self._alone)
        self._exact = self._exact or logits
        pairs = zip(logits, self._exact, strict=True)
        difference = max(float(np.abs(one - other).max()) for one, other in pairs)
        for level in levels:
            self.known[at_level(name, level)] = {
                "file": file.name,
                "level": level,
                "nodes": len(graph.graph.node),
                "bytes": file.stat().st_size,
                "difference": float(f"{difference:.3g}"),
            }

    def path(self, name: str) -> Path:
        """Return where a graph is."""
        return self._folder / str(self.known[name]["file"])

    def turn(self, name: str, sample: Path, tasks: tuple[TaskRequest, ...], group: int = 1) -> Turn:
        """Return what measures a graph on the sample in this folder, so many texts a run."""
        level = str(self.known[name]["level"]) + (f"*{group}" if group > 1 else "")
        return Turn(_MODULE, level, self.path(name), self._folder, sample, tasks)


def at_level(name: str, level: str) -> str:
    """Name a graph that is opened at another level than `none`."""
    return name if level == "none" else f"{name} ({level})"


def logits_of(file: Path, batches: list[npt.NDArray[np.int64]]) -> list[FloatArray]:
    """Run batches, int64 (texts, tokens), through a graph with nothing optimised."""
    session = open_at(file.read_bytes(), "none")
    names = [port.name for port in session.get_inputs()]
    return [run(session, ids, names) for ids in batches]


def moved_by_neighbours(file: Path, ids: list[npt.NDArray[np.int64]], group: int) -> dict[str, Any]:
    """Say what running texts in groups of equal length does to their logits.

    Args:
        file: a graph.
        ids: int64 (texts, tokens) each, the number of texts a multiple of `group`.
        group: texts in one run.

    Returns:
        `texts`, how many of them have the `same bits` as alone, and the largest `difference` of a
        logit.
    """
    alone = [rows[place : place + 1] for rows in ids for place in range(len(rows))]
    together = [rows[start : start + group] for rows in ids for start in range(0, len(rows), group)]
    one = np.concatenate(logits_of(file, alone))
    other = np.concatenate(logits_of(file, together))
    return {
        "texts": len(one),
        "same bits": int((one == other).all(axis=1).sum()),
        "difference": float(f"{np.abs(one - other).max():.3g}"),
    }
