"""transformers' model on a GPU without the pipeline: the loop over batches that a careful user
writes.
"""

from collections.abc import Sequence

import torch
from limen.arrays import FloatArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.source_folder import source_folder

logging.set_verbosity_error()  # type: ignore[no-untyped-call]
logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def prepare(job: OpenJob) -> None:
    """Keep the decision; torch reads the checkpoint itself."""
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Load the checkpoint onto the GPU."""
    return TorchLoop(job)


class TorchLoop:
    """Tokenize a batch, copy it, start the model; only the logits of all batches are waited for."""

    def __init__(self, job: OpenJob) -> None:
        """Load the checkpoint; `RAYON_NUM_THREADS` says how many threads tokenize."""
        self._decider = Decider(job.folder)
        self._batch = job.batch
        self._tokenizer = AutoTokenizer.from_pretrained(source_folder(job))
        model = AutoModelForSequenceClassification.from_pretrained(
            source_folder(job), dtype=torch.float16, attn_implementation="sdpa"
        )
        self._model = model.to("cuda").eval()

    def decide(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the labels of each text."""
        return self._decider.labels(self.logits(texts))

    @torch.inference_mode()
    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        rows = []
        for start in range(0, len(texts), self._batch):
            given = self._tokenizer(
                list(texts[start : start + self._batch]),
                padding=True,
                truncation=True,
                max_length=self._decider.max_tokens,
                return_tensors="pt",
            )
            on_gpu = {name: array.to("cuda", non_blocking=True) for name, array in given.items()}
            rows.append(self._model(**on_gpu).logits)
        logits: FloatArray = torch.cat(rows).float().cpu().numpy()
        return logits
