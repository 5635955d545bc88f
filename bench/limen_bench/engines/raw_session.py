"""The graph of a classifier file alone, at fixed lengths, as limen's runtime opens it."""

from collections.abc import Sequence

import numpy as np
from limen.arrays import FloatArray
from limen.encoder import open_encoder
from limen.engine import Engine as Session
from limen.format import read

from limen_bench.engines.engine import Engine, OpenJob

_ANY_ID = 5
"""A token id that every vocabulary has."""


def prepare(job: OpenJob) -> None:
    """Nothing to convert."""


def open_engine(job: OpenJob) -> Engine:
    """Open a session on the file's graph."""
    return RawSession(job)


class RawSession:
    """A session without encoder and decision."""

    def __init__(self, job: OpenJob) -> None:
        """Open the file."""
        file = read(job.model)
        self._encoder = open_encoder(file.metadata.encoder)
        self._session = Session(file.data, file.name, file.metadata.decision.outputs)

    def run_length(self, tokens: int) -> FloatArray:
        """Run one made-up text of this many tokens."""
        return self._session.logits({"input_ids": np.full((1, tokens), _ANY_ID, dtype=np.int64)})

    def decide(self, texts: Sequence[str]) -> object:
        """Run the graph on each text and stop at its logits."""
        return self.logits(texts)

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        return np.stack([self._session.logits(self._encoder.encode(text).feeds) for text in texts])
