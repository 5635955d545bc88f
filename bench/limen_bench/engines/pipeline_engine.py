"""transformers' text-classification pipeline, whatever model runs in it, with its scores turned
into labels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from limen.arrays import FloatArray
from transformers.utils import logging

from limen_bench.engines.deciding import Decider

logging.set_verbosity_error()  # type: ignore[no-untyped-call]
logging.disable_progress_bar()  # type: ignore[no-untyped-call]


class PipelineEngine:
    """A pipeline opened with `top_k=None`, its batch size and its truncation."""

    def __init__(self, pipe: Any, decider: Decider) -> None:  # noqa: ANN401
        """Wrap it; the model's own label names lead to the columns."""
        self._pipe = pipe
        self._decider = decider
        names: dict[int, str] = pipe.model.config.id2label
        self._columns = {name: column for column, name in names.items()}

    def decide(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the labels of each text."""
        if not self._decider.takes_linked:
            return self._decider.labels(self.logits(texts))
        return self._decider.labels_from_linked(self._outputs(texts, self._decider.link))

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        return self._outputs(texts, "none")

    def _outputs(self, texts: Sequence[str], function: str) -> FloatArray:
        # A list goes through torch's DataLoader; one text is called with as its users do.
        given = texts[0] if len(texts) == 1 else list(texts)
        answers = self._pipe(given, function_to_apply=function)
        outputs = np.empty((len(texts), len(self._columns)), dtype=np.float32)
        for row, answer in zip(outputs, answers, strict=True):
            # Sorted by score, not by label.
            for found in answer:
                row[self._columns[found["label"]]] = found["score"]
        return outputs
