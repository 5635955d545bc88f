"""How far one way of computing logits is from another: in logits, and in what they decide."""

import math
from dataclasses import dataclass

import numpy as np

from limen.arrays import FloatArray
from limen.decision import decide, score
from limen.format import DecisionBlock

PARITY_ABSOLUTE = 1e-4
PARITY_RELATIVE = 1e-5
"""An fp32 logit may differ from the source's by PARITY_ABSOLUTE plus PARITY_RELATIVE of its size:
float32 keeps 7 digits, and two libraries add in different orders. On the real checkpoints of
docs/measurements.md the difference is below 2e-5."""


@dataclass(frozen=True)
class Agreement:
    """Agreement with expected logits on the same texts.

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
    wanted = decide(score(expected, decision), decision, point).chosen
    got = decide(score(found, decision), decision, point).chosen
    same = wanted == got
    return Agreement(
        max_logit_difference=float(np.abs(expected - found).max()),
        texts_alike=float(same.all(axis=1).mean()),
        cells_alike=float(same.mean()),
    )


def beyond_parity(expected: FloatArray, found: FloatArray) -> FloatArray:
    """Return by how much each logit differs more than fp32 allows, float32 (texts, outputs); 0 or
    below where it agrees.
    """
    excess: FloatArray = np.abs(expected - found) - (
        PARITY_ABSOLUTE + PARITY_RELATIVE * np.abs(expected)
    )
    return excess


def percent(share: float) -> str:
    """Write a share as a percentage, rounded down: 99.996 % is not all, and a lower bound holds."""
    return f"{math.floor(share * 1e4 + 1e-9) / 100:.2f}%"


def signed(drop: float) -> str:
    """Write a difference of two figures; none is 0, not -0."""
    return f"{round(drop, 4) + 0.0:.4f}"
