"""What an export refuses: an fp32 graph that does not compute what its source computes."""

import numpy as np
from limen.agreement import PARITY_ABSOLUTE, beyond_parity
from limen.arrays import FloatArray
from limen.errors import ExportError


def require_parity(expected: FloatArray, found: FloatArray, name: str) -> None:
    """Refuse an fp32 graph that does not compute what the source computes.

    Raises:
        ExportError: shapes differ, or a logit differs by more than the tolerance.
    """
    if expected.shape != found.shape:
        raise ExportError(
            f"{name}: the graph gives logits {found.shape}, the source {expected.shape}"
        )
    excess = beyond_parity(expected, found)
    if not (excess <= 0).all():
        text = int(np.unravel_index(np.argmax(excess), excess.shape)[0])
        worst = float(np.abs(expected - found).max())
        raise ExportError(
            f"{name}: the fp32 graph differs from the source by {worst:.3g} (text {text}), allowed "
            f"are about "
            f"{PARITY_ABSOLUTE:g}: this version of torch or transformers exports the architecture "
            f"wrongly; nothing was written"
        )
