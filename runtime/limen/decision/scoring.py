"""Logits to scores, and to the order in which a rule prefers the labels."""

import math
from dataclasses import dataclass

import numpy as np

from limen.arrays import FloatArray, WideArray
from limen.decision.calibration import Calibrated, calibrate
from limen.decision.pairs import mean_shares, surest_pair, votes_and_confidence
from limen.errors import EngineError
from limen.format import DecisionBlock

_BOTH_SIDES = np.array([-1.0, 1.0])


@dataclass(frozen=True)
class Scored:
    """Scores, and the order of the labels.

    Attributes:
        scores: float32, (texts, labels), in [0, 1].
        ranking: float64 or float32, (texts, labels): the rule prefers the label with the largest.
            It tells labels apart whose scores are rounded to the same float32, and with
            `one_vs_one` it counts votes, which the scores do not.
        ties: as `ranking`, for labels whose `ranking` is equal; None where the earlier label then
            comes first.
    """

    scores: FloatArray
    ranking: WideArray | FloatArray
    ties: WideArray | None = None


def score(logits: FloatArray, decision: DecisionBlock, start: int = 0) -> Scored:
    """Apply link and calibration, in float64, and round the scores to float32.

    Args:
        logits: float32, (texts, outputs), finite.
        decision: rule, labels, link and calibration.
        start: place of the first text in the caller's list, for error messages.

    Raises:
        EngineError: a logit is NaN or infinite.
    """
    wide = logits.astype(np.float64, order="C")
    if not all_finite(wide):
        check_finite(logits, start)
    calibrated = calibrate(wide, decision)
    if decision.rule == "one_vs_one":
        return _of_pairs(calibrated, wide, decision)
    if decision.rule == "multiclass" and decision.outputs == 1:
        return _of_one_output(calibrated)
    return Scored(calibrated.shares.astype(np.float32), calibrated.ranking, calibrated.ties)


def scores_from_logits(logits: FloatArray, decision: DecisionBlock, start: int = 0) -> FloatArray:
    """Return the scores alone: float32, (texts, labels), in [0, 1]; arguments and errors as in
    `score`.
    """
    return score(logits, decision, start).scores


def all_finite(logits: FloatArray | WideArray) -> bool:
    """Whether all logits, (texts, outputs), are numbers."""
    if len(logits) == 1:
        # One text at a time finds numpy's code out of the caches: 5 us instead of 20.
        return all(map(math.isfinite, logits[0].tolist()))
    return bool(np.isfinite(logits).all())


def check_finite(logits: FloatArray, start: int = 0) -> None:
    """Refuse logits that are not numbers.

    Raises:
        EngineError: a logit is NaN or infinite; the message counts texts from `start`.
    """
    if not np.isfinite(logits).all():
        row = int(np.argmax(~np.isfinite(logits).all(axis=1)))
        raise EngineError(
            f"text {start + row}: the graph gave a logit that is not finite; export it as fp32"
        )


def _of_one_output(calibrated: Calibrated) -> Scored:
    second = calibrated.shares
    shares = np.concatenate([1.0 - second, second], axis=1).astype(np.float32)
    return Scored(shares, calibrated.signed * _BOTH_SIDES)


def _of_pairs(calibrated: Calibrated, logits: WideArray, decision: DecisionBlock) -> Scored:
    labels = len(decision.labels)
    scores = mean_shares(calibrated.shares, labels).astype(np.float32)
    if decision.pairs == "max":
        return Scored(scores, surest_pair(calibrated, labels))
    return Scored(scores, votes_and_confidence(calibrated, logits, decision))
