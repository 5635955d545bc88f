"""A classifier file through limen's own runtime."""

from collections.abc import Sequence
from time import perf_counter_ns

import numpy as np
from limen.arrays import Feeds, FloatArray
from limen.decision import decide, score
from limen.devices import Device
from limen.encoder import Encoded, Encoder, open_encoder
from limen.engine import Engine as Session
from limen.format import read
from limen.inference import Inference
from limen.model import Model
from limen.opening import load
from limen.padded_engine import PaddedEngine

from limen_bench.engines.engine import Engine, OpenJob


def prepare(job: OpenJob) -> None:
    """Nothing to convert."""


def open_engine(job: OpenJob) -> Engine:
    """Load the file."""
    return LimenFile(job)


class LimenFile:
    """`limen.load` and `Model.predict`."""

    def __init__(self, job: OpenJob) -> None:
        """Load the file."""
        self._job = job
        self._model = load(job.model, threads=job.threads)
        self._watched: _Watched | None = None

    def decide(self, texts: Sequence[str]) -> object:
        """Decide through `model(text)` or `model.predict(texts)`."""
        return self._model(texts[0]) if len(texts) == 1 else self._model.predict(texts)

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        return self._model.logits(texts)

    def stages(self, text: str) -> dict[str, float]:
        """Decide about one text and return milliseconds by stage; a second copy of the file is
        loaded for it at the first call.
        """
        if self._watched is None:
            self._watched = _Watched(self._job, on_cpu=self._model.device == "cpu")
        return self._watched.stages(text)


class _Watched:
    """A model whose encoder and session are timed.

    The decision is timed apart, on the same logits again; what is left of the call is the making of
    the Prediction and the calls between the parts.
    """

    def __init__(self, job: OpenJob, *, on_cpu: bool) -> None:
        file = read(job.model)
        device: Device = "cpu" if on_cpu else file.metadata.execution.device
        self._decision = file.metadata.decision
        self._point = self._decision.point(self._decision.default_point)
        self._encoder = _TimedEncoder(open_encoder(file.metadata.encoder))
        kind = _Timed if on_cpu else _TimedBatches
        self._session = kind(file.data, file.name, self._decision.outputs, device)
        inference = Inference(self._encoder, self._session, 1)
        self._model = Model(inference, self._decision, self._point)

    def stages(self, text: str) -> dict[str, float]:
        start = perf_counter_ns()
        self._model(text)
        whole = _ms_since(start)
        start = perf_counter_ns()
        scored = score(self._session.last_logits[np.newaxis], self._decision)
        decide(scored, self._decision, self._point)
        deciding = _ms_since(start)
        encode, session = self._encoder.last_ms, self._session.last_ms
        rest = max(0.0, whole - encode - session - deciding)
        return {"encode": encode, "session": session, "decide": deciding, "rest": rest}


class _TimedEncoder:
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.last_ms = 0.0

    def encode(self, text: str, index: int = 0) -> Encoded:
        start = perf_counter_ns()
        encoded = self._encoder.encode(text, index)
        self.last_ms = _ms_since(start)
        return encoded


class _Timed(Session):
    last_ms = 0.0
    last_logits: FloatArray

    def logits(self, feeds: Feeds) -> FloatArray:
        start = perf_counter_ns()
        logits = super().logits(feeds)
        self.last_ms = _ms_since(start)
        self.last_logits = logits
        return logits


class _TimedBatches(_Timed, PaddedEngine):
    """As a file for a GPU runs there."""


def _ms_since(start_ns: int) -> float:
    return (perf_counter_ns() - start_ns) / 1e6
