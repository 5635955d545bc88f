"""What the engine computes, for the comparison before anything is timed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from limen_bench.engines.engine import Engine
from limen_bench.tasks.task import Found, Sample


def run(engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
    """Write float32 (texts, outputs) to the file `path`, in the order of the sample."""
    logits = np.asarray(engine.logits(list(sample.texts)), dtype=np.float32)
    np.save(options["path"], logits, allow_pickle=False)
    yield Found("logits", {"texts": len(logits)})
