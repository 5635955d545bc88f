"""Logits to scores to labels: pure numpy."""

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray
from limen.errors import EngineError
from limen.format import DecisionBlock, OperatingPoint


def scores_from_logits(logits: FloatArray, decision: DecisionBlock, start: int = 0) -> FloatArray:
    """Apply the link.

    `sigmoid(x) = 1 / (1 + exp(-x))` and `softmax(x)_i = exp(x_i) / sum_j exp(x_j)`, in float64 and
    arranged so that no finite logit overflows (Goodfellow, Bengio, Courville: Deep Learning, 2016,
    section 4.1).

    Args:
        logits: float32, (texts, outputs), finite.
        decision: rule, labels and link.
        start: place of the first text in the caller's list, for error messages.

    Returns:
        float32, (texts, labels), in [0, 1].

    Raises:
        EngineError: a logit is NaN or infinite.
    """
    if not np.isfinite(logits).all():
        row = int(np.argmax(~np.isfinite(logits).all(axis=1)))
        raise EngineError(
            f"text {start + row}: the graph gave a logit that is not finite; export it as fp32"
        )
    wide = logits.astype(np.float64)
    if decision.link == "softmax":
        odds = np.exp(wide - wide.max(axis=1, keepdims=True))
        shares: FloatArray = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        return shares
    positive = _sigmoid(wide)
    if decision.outputs == 1 and len(decision.labels) == 2:
        return np.concatenate([1.0 - positive, positive], axis=1).astype(np.float32)
    return positive.astype(np.float32)


def decide(
    scores: FloatArray, decision: DecisionBlock, point: OperatingPoint
) -> npt.NDArray[np.bool_]:
    """Choose the labels.

    `multilabel`: every label whose score is at or above its threshold, possibly none. `multiclass`:
    the label of the largest score (the earlier one of equals), unless the point has thresholds and
    the score is below its own: then none.

    Args:
        scores: float32, (texts, labels), in [0, 1].
        decision: the rule.
        point: thresholds, compared in float32.

    Returns:
        bool, (texts, labels): the labels chosen.
    """
    # Nothing is below zero, so a point without thresholds never abstains.
    lowest = (0.0,) * len(decision.labels) if point.thresholds is None else point.thresholds
    reached: npt.NDArray[np.bool_] = np.greater_equal(scores, np.array(lowest, dtype=np.float32))
    if decision.rule == "multilabel":
        return reached
    chosen = np.zeros(scores.shape, dtype=np.bool_)
    rows = np.arange(len(scores))
    best = scores.argmax(axis=1)
    chosen[rows, best] = reached[rows, best]
    return chosen


def _sigmoid(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, small) / (1.0 + small)
