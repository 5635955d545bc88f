"""How far a candidate is from the source: in logits, and in what they decide."""

from dataclasses import dataclass

import numpy as np
from limen.arrays import FloatArray
from limen.decision import decide, scores_from_logits
from limen.errors import ExportError
from limen.format import DecisionBlock

PARITY_ABSOLUTE = 1e-4
PARITY_RELATIVE = 1e-5
"""An fp32 logit may differ from the source's by PARITY_ABSOLUTE plus PARITY_RELATIVE of its size:
float32 keeps 7 digits, and two libraries add in different orders. On the real checkpoints of
docs/measurements.md the difference is below 2e-5."""

LEAST_CELLS_ALIKE = 0.95
"""Below this share of equal (text, label) decisions a file is refused: int8 of real models keeps
99.9 % (docs/measurements.md), so less means that quantisation broke the model, not that it blurred
it."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of a candidate with the source on the same texts.

    Attributes:
        max_logit_difference: largest absolute difference.
        texts_alike: share of texts in [0, 1] with the same set of labels.
        cells_alike: share of (text, label) pairs in [0, 1] decided alike.
    """

    max_logit_difference: float
    texts_alike: float
    cells_alike: float


def compare(expected: FloatArray, found: FloatArray, decision: DecisionBlock) -> Agreement:
    """Compare logits, both float32 (texts, outputs) with at least one text, at the decision's
    default point.
    """
    point = decision.point(decision.default_point)
    wanted = decide(scores_from_logits(expected, decision), decision, point)
    got = decide(scores_from_logits(found, decision), decision, point)
    same = wanted == got
    return Agreement(
        max_logit_difference=float(np.abs(expected - found).max()),
        texts_alike=float(same.all(axis=1).mean()),
        cells_alike=float(same.mean()),
    )


def require_parity(expected: FloatArray, found: FloatArray, name: str) -> None:
    """Refuse an fp32 graph that does not compute what the source computes.

    Raises:
        ExportError: shapes differ, or a logit differs by more than the tolerance.
    """
    if expected.shape != found.shape:
        raise ExportError(
            f"{name}: the graph gives logits {found.shape}, the source {expected.shape}"
        )
    allowed = PARITY_ABSOLUTE + PARITY_RELATIVE * np.abs(expected)
    excess = np.abs(expected - found) - allowed
    if not (excess <= 0).all():
        text = int(np.unravel_index(np.argmax(excess), excess.shape)[0])
        worst = float(np.abs(expected - found).max())
        raise ExportError(
            f"{name}: the fp32 graph differs from the source by {worst:.3g} (text {text}), allowed "
            f"are about "
            f"{PARITY_ABSOLUTE:g}: this version of torch or transformers exports the architecture "
            f"wrongly; nothing was written"
        )
