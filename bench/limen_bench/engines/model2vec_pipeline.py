"""Model2Vec: its pipeline of static embeddings and a head."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from limen.arrays import FloatArray
from model2vec.inference import StaticModelPipeline

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.source_folder import source_folder


def prepare(job: OpenJob) -> None:
    """Keep the decision; the folder is read as it is."""
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Load the folder; `RAYON_NUM_THREADS` of the process says how many threads split texts."""
    decider = Decider(job.folder)
    pipeline = StaticModelPipeline.from_pretrained(source_folder(job))
    return Model2VecPipeline(pipeline, decider, job.batch)


class Model2VecPipeline:
    """A StaticModelPipeline whose probabilities are turned into labels."""

    def __init__(self, pipeline: Any, decider: Decider, batch: int) -> None:  # noqa: ANN401
        """Wrap it."""
        self._pipeline = pipeline
        self._decider = decider
        self._batch = batch

    def decide(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the labels of each text."""
        if not self._decider.takes_linked:
            return self._decider.labels(self.logits(texts))
        # One text is called with as its users do.
        given = texts[0] if len(texts) == 1 else list(texts)
        linked: FloatArray = self._pipeline.predict_proba(given, batch_size=self._batch)
        return self._decider.labels_from_linked(linked.astype(np.float32, copy=False))

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs): the head's layers, without the activation at the end."""
        found = self._pipeline.model.encode(list(texts), batch_size=self._batch)
        *hidden, last = self._pipeline.head.layers
        for layer in hidden:
            found = np.maximum(layer(found), 0.0)
        logits: FloatArray = last(found).astype(np.float32, copy=False)
        return logits
