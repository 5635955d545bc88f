"""Logits decided at an operating point, beside the truth."""

from limen.arrays import FloatArray
from limen.decision import decide, score
from limen.evaluation.judged import Cells, Judged
from limen.format import DecisionBlock, OperatingPoint


def judged_at(
    logits: FloatArray, truth: Cells, decision: DecisionBlock, point: OperatingPoint
) -> Judged:
    """Decide at a point.

    Args:
        logits: float32, (texts, outputs).
        truth: bool, (texts, labels).
        decision: rule, labels, link and calibration.
        point: its thresholds.

    Raises:
        EngineError: a logit is NaN or infinite.
        InputError: truth of another shape, or rows that the rule does not allow.
    """
    scored = score(logits, decision)
    return Judged(
        labels=decision.labels,
        truth=truth,
        chosen=decide(scored, decision, point).chosen,
        exclusive=decision.one_label,
        scores=scored.scores,
        sets=point.sets,
        point=point.name,
        thresholds=point.thresholds,
    )
