"""A graph alone, as an engine of limen's bench: one thread, ids from a file, no tokenizer and no
decision.

The engine's name is `LEVEL` or `LEVEL*GROUP`: what onnxruntime does to the graph when the session
opens, and how many texts of equal length go into one run. A text is `TOKENS NUMBER`: a row of
`ids.npz` in the engine's folder (`graph_rounds.write_ids`).

Levels: `none`: nothing; `default`: all that limen's runtime lets onnxruntime do to a graph that was
not optimised offline; `fused`: the extended level with nothing disabled, SkipLayerNormalization
among its fusions; `all`: what onnxruntime does unless it is told otherwise.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from limen.arrays import FloatArray
from limen.engine import open_session, quiet_onnxruntime, session_options
from limen_bench.engines.engine import Engine, OpenJob

IDS = "ids.npz"


def prepare(job: OpenJob) -> None:
    """Nothing to convert."""


def open_engine(job: OpenJob) -> Engine:
    """Open a session on the graph `job.model`."""
    level, _, group = job.name.partition("*")
    session = open_at(job.model.read_bytes(), level)
    with np.load(job.folder / IDS) as stored:
        ids = {int(tokens): stored[tokens] for tokens in stored.files}
    return GraphSession(session, ids, int(group or 1))


class GraphSession:
    """A session without encoder and decision."""

    def __init__(self, session: Any, ids: dict[int, npt.NDArray[np.int64]], group: int) -> None:  # noqa: ANN401
        """Keep the session; `ids` are int64 (texts, tokens) by their number of tokens."""
        self._session = session
        self._names = [port.name for port in session.get_inputs()]
        self._ids = ids
        self._group = group

    def decide(self, texts: Sequence[str]) -> object:
        """Run each text, with those behind it where texts go in groups, up to its logits."""
        return self.logits(texts)

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts x group, outputs)."""
        return np.concatenate([self._run(text) for text in texts])

    def _run(self, text: str) -> FloatArray:
        tokens, number = map(int, text.split())
        rows = self._ids[tokens]
        start = number * self._group % (len(rows) - self._group + 1)
        return run(self._session, rows[start : start + self._group], self._names)


def open_at(data: bytes, level: str) -> Any:  # noqa: ANN401  (onnxruntime has no types)
    """Open a session on one thread at one of the levels of this module."""
    if level == "none":
        return open_session(data, session_options("none"))
    options = session_options("on_load")
    if level == "default":
        return open_session(data, options)
    runtime = quiet_onnxruntime()
    if level == "fused":
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    elif level != "all":
        raise ValueError(f"level {level!r}, expected none, default, fused or all")
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(session: Any, ids: npt.NDArray[np.int64], names: Sequence[str]) -> FloatArray:  # noqa: ANN401
    """Run texts of equal length, int64 (texts, tokens), with a mask of ones and token types of zero
    where the graph asks for them; return float32 (texts, outputs).
    """
    feeds = {"input_ids": ids}
    for name in names:
        if name != "input_ids":
            feeds[name] = np.ones_like(ids) if name == "attention_mask" else np.zeros_like(ids)
    logits: FloatArray = session.run(None, feeds)[0]
    return logits
