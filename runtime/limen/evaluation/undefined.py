"""Which figures have no value, and why."""

from collections.abc import Iterator

from limen.evaluation.quality import (
    DECISION_NAMES,
    SCORE_NAMES,
    DecisionFigures,
    LabelQuality,
    ScoreFigures,
    Undefined,
)
from limen.format.operating_point import Thresholds

_NO_TRUTH = "no label is true of any text"
_NOTHING = "no label is true of any text or given to one"
_SEVERAL = "several labels can be true of a text"
_REASONS = {
    "accuracy": _SEVERAL,
    "balanced_accuracy": _SEVERAL,
    "macro_f1": _NOTHING,
    "micro_f1": _NOTHING,
    "weighted_f1": _NO_TRUTH,
    "samples_f1": _NOTHING,
    "micro_precision": "no label is given to any text",
    "micro_recall": _NO_TRUTH,
    "map_macro": _NO_TRUTH,
    "map_micro": _NO_TRUTH,
    "roc_auc_macro": "no label is true of some texts and not of others",
}
NO_SCORES = "no scores were given, decisions only"


def undefined_figures(
    decisions: DecisionFigures,
    scores: ScoreFigures | None,
    labels: tuple[LabelQuality, ...],
    thresholds: Thresholds,
) -> tuple[Undefined, ...]:
    """List every figure that is None.

    A figure that all labels lack for the same reason is listed once, without a label.
    """
    everywhere: dict[str, str] = {}
    if scores is None:
        everywhere |= dict.fromkeys(("roc_auc", "pr_auc"), NO_SCORES)
    if thresholds is None:
        everywhere["threshold"] = "the operating point has no thresholds"
    return (
        *_of_all(decisions, scores),
        *(Undefined(name, None, reason) for name, reason in everywhere.items()),
        *(
            Undefined(name, label.label, reason)
            for label in labels
            for name, reason in _label_reasons(label)
            if getattr(label, name) is None and name not in everywhere
        ),
    )


def _of_all(decisions: DecisionFigures, scores: ScoreFigures | None) -> Iterator[Undefined]:
    for name in DECISION_NAMES:
        if getattr(decisions, name) is None:
            yield Undefined(name, None, _REASONS[name])
    for name in SCORE_NAMES:
        if scores is None:
            yield Undefined(name, None, NO_SCORES)
        elif getattr(scores, name) is None:
            yield Undefined(name, None, _REASONS[name])


def _label_reasons(label: LabelQuality) -> tuple[tuple[str, str], ...]:
    """Why a figure of the label is missing, if it is."""
    untrue = "the label is true of no text"
    return (
        ("precision", "the label is given to no text"),
        ("recall", untrue),
        ("f1", "the label is neither true of a text nor given to one"),
        ("threshold", "the operating point never gives the label"),
        ("roc_auc", "the label is true of every text" if label.support else untrue),
        ("pr_auc", untrue),
    )
