"""limen with onnxruntime's default fusions, SkipLayerNormalization among them: an engine to measure
what switching them off is worth.
"""

import limen.engine
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.limen_file import open_engine as open_limen


def prepare(job: OpenJob) -> None:
    """Nothing to convert."""


def open_engine(job: OpenJob) -> Engine:
    """Load the file with no fusion disabled; this process does nothing else."""
    limen.engine.SLOW_FUSIONS.clear()
    return open_limen(job)
