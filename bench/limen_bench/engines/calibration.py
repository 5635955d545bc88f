"""The texts that static quantisation is calibrated on."""

import json
from itertools import chain

from limen.corpus import sentences

from limen_bench.engines.engine import OpenJob

_FILE = "calibration.json"
_TEXTS = 300
"""As many as OpenVINO's guide to quantisation gives for an example."""


def calibration_texts(job: OpenJob) -> list[str]:
    """Return at most 300 texts: those that the harness left beside the job's folder, as somebody
    would who quantises a model for their own texts; else sentences of limen's corpus, English and
    Korean in turn.
    """
    given = job.folder.parent / _FILE
    if given.exists():
        texts: list[str] = json.loads(given.read_text(encoding="utf-8"))
        return texts[:_TEXTS]
    pairs = zip(sentences("en", "train"), sentences("ko", "train"), strict=False)
    return [sentence.text for sentence in chain.from_iterable(pairs)][:_TEXTS]
