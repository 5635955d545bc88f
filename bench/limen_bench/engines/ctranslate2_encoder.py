"""CTranslate2: its int8 encoder, and the classification head in numpy."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import ctranslate2
import numpy as np
from limen.arrays import FloatArray

from limen_bench.engines.deciding import Decider
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.padded_engine import PaddedEngine
from limen_bench.engines.tokens import PaddedBatch, PaddedTokens

_THREADS = "threads.json"
_TRIED_TEXTS = 20


def prepare(job: OpenJob) -> None:
    """Convert the checkpoint, and find out how many threads a single run is fastest with."""
    # What converts is no part of what is measured, so neither is its import.
    from limen_bench.engines.calibration import calibration_texts
    from limen_bench.engines.ctranslate2_conversion import convert

    convert(job)
    tokens = PaddedTokens(job.folder, Decider(job.folder))
    tried = [tokens.encode([text]) for text in calibration_texts(job)[:_TRIED_TEXTS]]
    seconds = {threads: _seconds(job, threads, tried) for threads in {1, job.threads}}
    # On two cores, for short texts and small models, two threads took several times as long as one.
    alone = min(seconds, key=lambda threads: seconds[threads]) == 1
    (job.folder / _THREADS).write_text(json.dumps({"alone": alone}), encoding="utf-8")


def open_engine(job: OpenJob) -> Engine:
    """Open encoder, head and tokenizer."""
    decider = Decider(job.folder)
    alone = bool(json.loads((job.folder / _THREADS).read_text(encoding="utf-8"))["alone"])
    session = _Session(job, 1 if alone else job.threads)
    return PaddedEngine(job, decider, PaddedTokens(job.folder, decider), session)


def _seconds(job: OpenJob, threads: int, batches: list[PaddedBatch]) -> float:
    session = _Session(job, threads)
    for batch in batches:
        session.run(batch)
    start = perf_counter()
    for batch in batches:
        session.run(batch)
    return perf_counter() - start


class _Session:
    """One worker for single runs, as many workers as threads for bulk."""

    def __init__(self, job: OpenJob, threads: int) -> None:
        self._path = str(job.folder / "encoder")
        self._threads = job.threads
        self._head = _Head(job.folder / "head.npz")
        self._single = self._open(workers=1, threads=threads)
        self._bulk: Any = None

    def run(self, batch: PaddedBatch) -> FloatArray:
        return self._forward(self._single, batch)

    def run_each(self, batches: Iterable[PaddedBatch]) -> list[FloatArray]:
        if self._bulk is None:
            # Not at the start: who decides about one text at a time never needs it.
            self._bulk = self._open(workers=self._threads, threads=1)
        # Calls from several threads are what keeps several workers busy.
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(lambda batch: self._forward(self._bulk, batch), batches))

    def _open(self, workers: int, threads: int) -> Any:  # noqa: ANN401
        return ctranslate2.Encoder(
            self._path,
            device="cpu",
            compute_type="int8",
            inter_threads=workers,
            intra_threads=threads,
        )

    def _forward(self, encoder: Any, batch: PaddedBatch) -> FloatArray:  # noqa: ANN401
        # Views only: the arrays have to live as long as the call.
        ids = np.ascontiguousarray(batch.ids, dtype=np.int32)
        lengths = batch.mask.sum(axis=1, dtype=np.int32)
        view = ctranslate2.StorageView.from_array
        return self._head.logits(encoder.forward_batch(view(ids), view(lengths)))


class _Head:
    """What stands behind the encoder; CTranslate2 leaves it to its user."""

    def __init__(self, file: Path) -> None:
        with np.load(file) as stored:
            self._weights: dict[str, FloatArray] = {name: stored[name] for name in stored.files}

    def logits(self, output: Any) -> FloatArray:  # noqa: ANN401
        """Return float32 (texts, outputs)."""
        if "dense_weight" in self._weights:
            first = np.asarray(output.last_hidden_state)[:, 0]
            hidden = np.tanh(self._layer("dense", first))
        else:
            hidden = np.asarray(output.pooler_output)
        return self._layer("out", hidden)

    def _layer(self, name: str, hidden: FloatArray) -> FloatArray:
        weight, bias = self._weights[f"{name}_weight"], self._weights[f"{name}_bias"]
        layer: FloatArray = hidden @ weight.T + bias
        return layer
