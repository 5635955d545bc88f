"""The golden texts of a file: short sentences of the project's own corpus, with what this very
graph makes of them.
"""

import numpy as np
from limen.corpus import sentences
from limen.encoder import TokenEncoder
from limen.format import Golden, Precision
from limen.model import Model

from limen_export.reference import Reference

_PER_LANGUAGE = 2
_FP32_TOLERANCE = 1e-3
_LEAST_INT8_TOLERANCE = 0.05


def golden_texts() -> tuple[str, ...]:
    """Return the first test sentences of each language."""
    return tuple(
        sentence.text
        for language in ("en", "ko")
        for sentence in sentences(language, "test")[:_PER_LANGUAGE]
    )


def golden(reference: Reference, model: Model, precision: Precision) -> Golden:
    """Run the golden texts.

    Another CPU may round an activation the other way, so an int8 logit may move about as far as
    quantisation itself moved it; the tolerance of an int8 file is that distance, measured here.

    Args:
        reference: the source.
        model: the file about to be written.
        precision: its precision.
    """
    texts = golden_texts()
    encode = TokenEncoder(reference.encoder).encode
    logits = model.logits(texts)
    tolerance = _FP32_TOLERANCE
    if precision == "int8":
        moved = float(np.abs(reference.logits(texts) - logits).max())
        tolerance = max(_LEAST_INT8_TOLERANCE, moved)
    return Golden(
        texts=texts,
        ids=tuple(tuple(encode(text).feeds["input_ids"][0].tolist()) for text in texts),
        logits=tuple(tuple(float(value) for value in row) for row in logits),
        tolerance=tolerance,
    )
