"""What an export refuses: an fp32 graph that does not compute what its source computes."""

import numpy as np
from limen.agreement import PARITY_ABSOLUTE, beyond_parity
from limen.arrays import FloatArray
from limen.errors import ExportError
from limen.format import Link


def require_parity(expected: FloatArray, found: FloatArray, link: Link, name: str) -> None:
    """Refuse an fp32 graph that does not compute what the source computes.

    Args:
        expected: logits of the source, (texts, outputs). Of link `log` exponentials are compared:
            near 0 the logarithm of a probability is all rounding.
        found: those of the graph.
        link: what logits mean.
        name: of the source, for messages.

    Raises:
        ExportError: shapes differ, or a logit differs by more than the tolerance.
    """
    if expected.shape != found.shape:
        raise ExportError(
            f"{name}: the graph gives logits {found.shape}, the source {expected.shape}"
        )
    if link == "log":
        expected, found = np.exp(expected), np.exp(found)
    excess = beyond_parity(expected, found)
    if not (excess <= 0).all():
        text = int(np.unravel_index(np.argmax(excess), excess.shape)[0])
        worst = float(np.abs(expected - found).max())
        raise ExportError(
            f"{name}: the fp32 graph differs from the source by {worst:.3g} (text {text}), allowed "
            f"are about "
            f"{PARITY_ABSOLUTE:g}: limen and this version of the source's library do not compute "
            f"the same; nothing was written"
        )
