"""Which kind of calibration suits a classifier: the one with the least log loss on texts that it
was not fitted on.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray, WideArray
from limen.decision.calibration import calibrate
from limen.decision.links import is_shared
from limen.evaluation.calibrating import CalibrationKind, fit_calibration, targets_of
from limen.evaluation.thresholds import Truth
from limen.format import DecisionBlock

_MOST_TEXTS = 20_000
"""More do not change which kind is best, and cost time."""
_LEAST_SHARE = 1e-12


@dataclass(frozen=True)
class ChosenCalibration:
    """The choice, and what it rests on.

    Attributes:
        kind: the chosen one.
        losses: (kind, mean log loss per output in nats) of every kind tried.
    """

    kind: CalibrationKind
    losses: tuple[tuple[CalibrationKind, float], ...]


def kinds_for(decision: DecisionBlock) -> tuple[CalibrationKind, ...]:
    """Return the kinds worth trying for a rule and link."""
    if decision.link == "labels":
        return ("none",)
    if decision.outputs == 1:
        return ("none", "temperature", "platt", "isotonic")
    return ("none", "temperature", "platt", "platt_each", "isotonic", "isotonic_each")


def choose_calibration(
    logits: FloatArray, truth: Truth, folds: npt.NDArray[np.integer], decision: DecisionBlock
) -> ChosenCalibration:
    """Choose by cross-validation over folds: the simplest kind whose loss is within one standard
    error of the least one (the error is that of the mean difference over the folds; Hastie,
    Tibshirani, Friedman: The elements of statistical learning, 2009, section 7.10), and `none`
    where all texts are in one fold.

    Args:
        logits: float32, (texts, outputs).
        truth: bool, (texts, labels).
        folds: whole numbers, (texts,): the fold that each text belongs to, two or more.
        decision: rule and link.
    """
    if len(np.unique(folds)) < 2:
        return ChosenCalibration("none", ())
    # Evenly spaced: a file may be sorted by label.
    rows = np.unique(np.linspace(0, len(logits) - 1, min(len(logits), _MOST_TEXTS)).astype(int))
    wide, truth, folds = logits[rows].astype(np.float64), truth[rows], folds[rows]
    kinds, parts = kinds_for(decision), np.unique(folds)
    losses = np.empty((len(kinds), len(parts)))
    for row, kind in enumerate(kinds):
        for column, fold in enumerate(parts):
            inside, outside = folds != fold, folds == fold
            fitted = replace(
                decision, calibration=fit_calibration(wide[inside], truth[inside], decision, kind)
            )
            losses[row, column] = log_loss(wide[outside], truth[outside], fitted)
    means = losses.mean(axis=1)
    further = losses - losses[np.argmin(means)]
    errors = further.std(axis=1, ddof=1) / np.sqrt(len(parts))
    chosen = kinds[int(np.argmax(further.mean(axis=1) <= errors))]
    return ChosenCalibration(chosen, tuple(zip(kinds, means.tolist(), strict=True)))


def log_loss(logits: WideArray, truth: Truth, decision: DecisionBlock) -> float:
    """Return the mean log loss in nats: of the true label where outputs share one unit of
    probability, else over the outputs that are asked about a text
    (https://scikit-learn.org/stable/modules/model_evaluation.html#log-loss).
    """
    shares = np.clip(calibrate(logits, decision).shares, _LEAST_SHARE, 1.0 - _LEAST_SHARE)
    if is_shared(decision):
        return float(-np.log(shares[truth]).mean())
    targets = targets_of(truth, decision)
    right = np.where(targets.truth, shares, 1.0 - shares)[targets.counts]
    return float(-np.log(right).mean())
