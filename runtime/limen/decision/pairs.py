"""One against one: K(K-1)/2 pairwise outputs to K labels.

Outputs stand in the order (0, 1), (0, 2), ..., (0, K-1), (1, 2), ..., which is scikit-learn's; an
output is about the later label of its pair: above 1/2 it won.
"""

from collections.abc import Iterator

import numpy as np

from limen.arrays import WideArray
from limen.decision.calibration import Calibrated
from limen.format import DecisionBlock


def mean_shares(shares: WideArray, labels: int) -> WideArray:
    """Return each label's mean probability over its K-1 pairs.

    Args:
        shares: float64, (texts, pairs), in [0, 1]: that the later label wins.
        labels: K.

    Returns:
        float64, (texts, K), in [0, 1].
    """
    sums = np.zeros((len(shares), labels))
    for first, block in _blocks(labels):
        later = shares[:, block]
        sums[:, first] = _added(sums[:, first], 1.0 - later)
        sums[:, first + 1 :] += later
    return np.clip(sums / (labels - 1), 0.0, 1.0)


def votes_and_confidence(
    calibrated: Calibrated, logits: WideArray, decision: DecisionBlock
) -> WideArray:
    """Return the pairs each label won, plus less than a third of a vote for its confidence.

    votes + c / (3 (|c| + 1)), c being the sum of the confidences for the label less those against
    it: scikit-learn's `OneVsOneClassifier.decision_function`
    (https://scikit-learn.org/stable/modules/generated/sklearn.multiclass.OneVsOneClassifier.html).
    A confidence is what scikit-learn would take: the decision value (calibrated log-odds here), and
    for uncalibrated log-probabilities the probability of the later label. Parts that only say yes
    or no have none, so their votes decide alone.

    Returns:
        float64, (texts, K).
    """
    labels = len(decision.labels)
    won = _won(calibrated, decision)
    confidence = pair_confidence(calibrated, logits, decision)
    votes = np.zeros((len(won), labels))
    sums = np.zeros((len(won), labels))
    for first, block in _blocks(labels):
        votes[:, first] += (~won[:, block]).sum(axis=1)
        votes[:, first + 1 :] += won[:, block]
        sums[:, first] = _added(sums[:, first], -confidence[:, block])
        sums[:, first + 1 :] += confidence[:, block]
    ranked: WideArray = votes + sums / (3.0 * (np.abs(sums) + 1.0))
    return ranked


def pair_confidence(
    calibrated: Calibrated, logits: WideArray, decision: DecisionBlock
) -> WideArray:
    """Return the confidence of each pair in its later label: float64, (texts, pairs)."""
    if decision.link == "labels":
        return np.zeros_like(logits)
    if decision.link == "log" and decision.calibration is None:
        return calibrated.shares
    if decision.link == "sigmoid" and decision.calibration is None:
        return logits
    return calibrated.signed


def surest_pair(calibrated: Calibrated, labels: int) -> WideArray:
    """Return for each label the largest `signed` value with which it won, or least lost, a pair:
    float64, (texts, K). Its maximum belongs to the winner of the pair with the largest score.
    """
    best = np.full((len(calibrated.signed), labels), -np.inf)
    for first, block in _blocks(labels):
        later = calibrated.signed[:, block]
        best[:, first] = np.maximum(best[:, first], (-later).max(axis=1))
        best[:, first + 1 :] = np.maximum(best[:, first + 1 :], later)
    return best


def _won(
    calibrated: Calibrated, decision: DecisionBlock
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    if decision.link == "log" and decision.calibration is None:
        return calibrated.shares > 0.5
    return calibrated.signed > 0.0


def _added(start: WideArray, parts: WideArray) -> WideArray:
    """One addition after the other, in the order of the pairs, as scikit-learn does: in another
    order they would be rounded otherwise, and labels that are equal would not stay so.
    """
    return np.add.accumulate(np.column_stack([start, parts]), axis=1)[:, -1]


def _blocks(labels: int) -> Iterator[tuple[int, slice]]:
    """Walk the first labels of pairs, each with the place of its pairs."""
    start = 0
    for first in range(labels - 1):
        stop = start + labels - 1 - first
        yield first, slice(start, stop)
        start = stop
