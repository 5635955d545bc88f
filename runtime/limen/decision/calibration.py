"""Raw scores to calibrated ones."""

from dataclasses import dataclass

import numpy as np

from limen.arrays import WideArray
from limen.decision.links import is_shared, log_odds, raw_scores, sigmoid, softmax
from limen.format import Curve, DecisionBlock, Isotonic, Platt, Temperature


@dataclass(frozen=True)
class Calibrated:
    """Calibrated scores of each output, and what compares outputs where scores are rounded alike.

    Attributes:
        shares: float64, (texts, outputs), in [0, 1]; rows of a multi-class rule sum to 1.
        signed: float64, (texts, outputs): grows with the share and does not end at 0 and 1; for
            outputs with a sigmoid or a log-probability, above 0 where the share is above 1/2.
        ranking: float64, (texts, outputs): orders the outputs; as `signed`, but with a curve what
            the curve gives, since less 1/2 small shares would be rounded alike.
        ties: float64, (texts, outputs): orders outputs whose `ranking` are equal; None where equal
            means equal.
    """

    shares: WideArray
    signed: WideArray
    ranking: WideArray
    ties: WideArray | None = None


def calibrate(logits: WideArray, decision: DecisionBlock) -> Calibrated:
    """Apply link and calibration.

    - none: the link alone.
    - temperature: logits (log-odds where outputs are on their own) divided by it before the link.
    - Platt: the logistic function of slope times log-odds plus intercept.
    - isotonic: the curve over the raw score.

    After Platt and isotonic, rows of a multi-class rule are divided by their sum, and are alike
    for every label where it is 0, as scikit-learn does
    (https://scikit-learn.org/stable/modules/calibration.html#multiclass-support).

    Args:
        logits: float64, (texts, outputs), finite.
        decision: rule, link and calibration.
    """
    match decision.calibration:
        case None:
            return _uncalibrated(logits, decision)
        case Temperature() as temperature:
            cooled = temperature.divisors
            if is_shared(decision):
                logits = logits / cooled
                return Calibrated(softmax(logits), logits, logits)
            signed = log_odds(logits, decision) / cooled
            return Calibrated(sigmoid(signed), signed, signed)
        case Platt() as platt:
            slopes, intercepts = platt.lines
            ties = log_odds(logits, decision)
            signed = ties * slopes + intercepts
            return Calibrated(_whole(sigmoid(signed), decision), signed, signed, ties)
        case Isotonic(curves):
            shares = _along(curves, raw_scores(logits, decision))
            ties = log_odds(logits, decision)
            signed = shares if is_shared(decision) else shares - 0.5
            return Calibrated(_whole(shares, decision), signed, shares, ties)


def _uncalibrated(logits: WideArray, decision: DecisionBlock) -> Calibrated:
    shares = raw_scores(logits, decision)
    if decision.link == "labels":
        signed = shares - 0.5
    elif is_shared(decision):
        signed = logits
    else:
        signed = log_odds(logits, decision)
    return Calibrated(shares, signed, signed)


def _along(curves: tuple[Curve, ...], raw: WideArray) -> WideArray:
    if len(curves) == 1:
        return _interpolated(curves[0], raw)
    shares = np.empty_like(raw)
    for output, curve in enumerate(curves):
        shares[:, output] = _interpolated(curve, raw[:, output])
    return shares


def _interpolated(curve: Curve, raw: WideArray) -> WideArray:
    """Linear between the knots, and never beyond the two around: the slope between knots that are
    very close is infinite.
    """
    knots, values = curve.knots
    later = np.searchsorted(knots, raw, side="right")
    low = values[np.maximum(later - 1, 0)]
    high = values[np.minimum(later, len(values) - 1)]
    shares: WideArray = np.clip(np.interp(raw, knots, values), low, high)
    return shares


def _whole(shares: WideArray, decision: DecisionBlock) -> WideArray:
    if not is_shared(decision):
        return shares
    sums = shares.sum(axis=1, keepdims=True)
    alike = np.full_like(shares, 1.0 / shares.shape[1])
    np.divide(shares, sums, out=alike, where=sums > 0)
    return alike
