"""Decision values as scikit-learn's meta-estimators give them."""

import numpy as np

from limen.arrays import FloatArray, WideArray
from limen.decision.calibration import calibrate
from limen.decision.pairs import votes_and_confidence
from limen.decision.scoring import check_finite
from limen.format import DecisionBlock


def decision_function(logits: FloatArray, decision: DecisionBlock) -> WideArray:
    """Return one value for each label, larger for a surer one.

    `one_vs_one`: votes and confidence (limen.decision.pairs), for two labels those of the second:
    scikit-learn's `OneVsOneClassifier.decision_function`. Every other rule: calibrated log-odds, or
    logits, and with curves the calibrated score, less 1/2 where outputs are on their own. Without a
    calibration and with link `sigmoid` these are the decision values that
    `OneVsRestClassifier.decision_function` gives.

    Args:
        logits: float32, (texts, outputs), finite.
        decision: rule, link and calibration.

    Returns:
        float64, (texts, labels); (texts,) where a rule that gives one label has one output.

    Raises:
        EngineError: a logit is NaN or infinite.
    """
    check_finite(logits)
    wide = logits.astype(np.float64, order="C")
    calibrated = calibrate(wide, decision)
    if decision.rule == "one_vs_one":
        values = votes_and_confidence(calibrated, wide, decision)
        return values[:, 1] if decision.outputs == 1 else values
    if decision.outputs == 1 and decision.one_label:
        return calibrated.signed[:, 0]
    return calibrated.signed
