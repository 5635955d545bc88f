"""Fitting a calibration on labelled texts."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_expit
from sklearn.isotonic import IsotonicRegression

from limen.arrays import WideArray
from limen.decision.links import is_shared, log_odds, raw_scores
from limen.evaluation.platt import fit_platt
from limen.evaluation.thresholds import Truth
from limen.format import Calibration, Curve, DecisionBlock, Isotonic, Platt, Temperature

CalibrationKind: TypeAlias = Literal[
    "none", "temperature", "platt", "platt_each", "isotonic", "isotonic_each"
]
KINDS: tuple[CalibrationKind, ...] = get_args(CalibrationKind)
LEAST_FOR_PLATT, LEAST_FOR_CURVE = 20, 100
"""An output with fewer texts of either kind takes the numbers of all outputs together: two
parameters from fewer follow single texts, and so does a curve (Niculescu-Mizil, Caruana: Predicting
good probabilities with supervised learning, 2005, find isotonic ahead from about 1,000 texts)."""
_MOST_KNOTS = 200
"""More would not move a score by 0.01, and a file keeps up to nine blocks of curves."""
_LOG_TEMPERATURES = (-4.0, 4.0)


@dataclass(frozen=True)
class Targets:
    """What each output should say.

    Attributes:
        truth: bool, (texts, outputs).
        counts: bool, (texts, outputs): whether the output is asked about the text; a pair of
            `one_vs_one` is asked only about texts of its two labels.
    """

    truth: Truth
    counts: npt.NDArray[np.bool_]


def targets_of(truth: Truth, decision: DecisionBlock) -> Targets:
    """Turn true labels, bool (texts, labels), into what the outputs should say."""
    if decision.rule == "one_vs_one":
        first, later = np.triu_indices(len(decision.labels), 1)
        return Targets(truth[:, later], truth[:, first] | truth[:, later])
    wanted = truth[:, 1:] if decision.outputs == 1 and len(decision.labels) == 2 else truth
    return Targets(wanted, np.ones(wanted.shape, dtype=np.bool_))


def fit_calibration(
    logits: WideArray, truth: Truth, decision: DecisionBlock, kind: CalibrationKind
) -> Calibration | None:
    """Fit one kind of calibration.

    - `temperature`: one for all outputs, with the least log loss (Guo et al. 2017).
    - `platt`, `platt_each`: slope and intercept for all outputs together or for each, with the
      least log loss against Platt's smoothed targets (1999).
    - `isotonic`, `isotonic_each`: a rising curve with the least squared error (Zadrozny, Elkan
      2002), drawn off 0 and 1 by one text of each kind.

    Args:
        logits: float64, (texts, outputs), finite.
        truth: bool, (texts, labels).
        decision: rule and link; its own calibration does not count.
        kind: which.

    Returns:
        The calibration; None for `none`.
    """
    targets = targets_of(truth, decision)
    match kind:
        case "none":
            return None
        case "temperature":
            return Temperature((_temperature(logits, targets, decision),))
        case "platt" | "platt_each":
            return _platt(log_odds(logits, decision), targets, each=kind == "platt_each")
        case _:
            return _isotonic(raw_scores(logits, decision), targets, each=kind == "isotonic_each")


def _temperature(logits: WideArray, targets: Targets, decision: DecisionBlock) -> float:
    if is_shared(decision):
        right = targets.truth.argmax(axis=1)
        rows = np.arange(len(logits))
        centred = logits - logits.max(axis=1, keepdims=True)

        def loss(log_temperature: float) -> float:
            cooled = centred / np.exp(log_temperature)
            return float((np.log(np.exp(cooled).sum(axis=1)) - cooled[rows, right]).mean())
    else:
        odds = log_odds(logits, decision)[targets.counts]
        signed = np.where(targets.truth[targets.counts], odds, -odds)

        def loss(log_temperature: float) -> float:
            return float(-log_expit(signed / np.exp(log_temperature)).mean())

    best = minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded")
    return float(np.exp(best.x))


def _platt(odds: WideArray, targets: Targets, *, each: bool) -> Platt:
    together = fit_platt(odds[targets.counts], targets.truth[targets.counts])
    if not each:
        return Platt((together[0],), (together[1],))
    fitted = []
    for output in range(odds.shape[1]):
        asked = targets.counts[:, output]
        truth = targets.truth[asked, output]
        enough = min(truth.sum(), (~truth).sum()) >= LEAST_FOR_PLATT
        fitted.append(fit_platt(odds[asked, output], truth) if enough else together)
    return Platt(tuple(slope for slope, _ in fitted), tuple(shift for _, shift in fitted))


def _isotonic(raw: WideArray, targets: Targets, *, each: bool) -> Isotonic:
    together = _curve(raw[targets.counts], targets.truth[targets.counts])
    if not each:
        return Isotonic((together,))
    curves = []
    for output in range(raw.shape[1]):
        asked = targets.counts[:, output]
        truth = targets.truth[asked, output]
        enough = min(truth.sum(), (~truth).sum()) >= LEAST_FOR_CURVE
        curves.append(_curve(raw[asked, output], truth) if enough else together)
    return Isotonic(tuple(curves))


def _curve(raw: WideArray, truth: Truth) -> Curve:
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(raw, truth)
    knots, values = fitted.X_thresholds_, fitted.y_thresholds_
    if len(knots) > _MOST_KNOTS:
        kept = np.unique(np.linspace(0, len(knots) - 1, _MOST_KNOTS).astype(int))
        knots, values = knots[kept], values[kept]
    # A curve that reaches 0 or 1 is sure of what it has not seen: one text of each kind more.
    certain = len(truth) / (len(truth) + 2.0)
    values = values * certain + (1.0 - certain) / 2.0
    knots, first = np.unique(knots, return_index=True)
    rising = np.maximum.accumulate(np.clip(values[first], 0.0, 1.0))
    return Curve(tuple(knots.tolist()), tuple(rising.tolist()))
