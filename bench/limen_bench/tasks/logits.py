"""What the engine computes, for the comparison before anything is timed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample

_ALONE = 20


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Write float32 (texts, outputs) to the file `path`, in the order of the sample, computed in
    the engine's own batches; and report by how much the first texts differ when computed alone.
    """
    logits = np.asarray(engine.logits(list(sample.texts)), dtype=np.float32)
    alone = [np.asarray(engine.logits([text]))[0] for text in sample.texts[:_ALONE]]
    difference = float(np.abs(np.array(alone) - logits[:_ALONE]).max())
    np.save(options["path"], logits, allow_pickle=False)
    # A difference that is not finite is found in the logits themselves.
    shown = float(f"{difference:.3g}") if np.isfinite(difference) else None
    yield Found("logits", {"texts": len(logits), "batch_logit_difference": shown})
