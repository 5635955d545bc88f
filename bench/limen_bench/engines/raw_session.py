"""The graph of a classifier file alone, at fixed lengths, as limen's runtime opens it."""

from collections.abc import Sequence

import numpy as np
from limen.arrays import Feeds, FloatArray
from limen.encoder import open_encoder
from limen.engine import Engine as Session
from limen.format import EncoderKind, TfidfBlock, read
from limen.padded_engine import PaddedEngine

from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.fitting import device_of

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
        self._block = file.metadata.encoder
        self._encoder = open_encoder(self._block)
        device = device_of(file)
        opened = Session if device == "cpu" else PaddedEngine
        self._session = opened(file.data, file.name, file.metadata.decision.outputs, device)

    def run_length(self, length: int) -> FloatArray:
        """Run one made-up text of this many tokens, or features."""
        return self._session.logits(_made_up(self._block, length))

    def decide(self, texts: Sequence[str]) -> object:
        """Run the graph on each text and stop at its logits."""
        return self.logits(texts)

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        return np.stack([self._session.logits(self._encoder.encode(text).feeds) for text in texts])


def _made_up(block: EncoderKind, length: int) -> Feeds:
    if not isinstance(block, TfidfBlock):
        return {"input_ids": np.full((1, length), _ANY_ID, dtype=np.int64)}
    # Far apart, as the words of a text are in a vocabulary in order of the alphabet.
    indices = np.linspace(0, block.features - 1, length).astype(np.int64)
    return {
        "indices": indices,
        "values": np.full(length, length**-0.5, dtype=np.float32),
        "rows": np.zeros(length, dtype=np.int64),
        "texts": np.ones(1, dtype=np.int64),
    }
