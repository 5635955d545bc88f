"""Deciding each text by thresholds that were fitted on others."""

from dataclasses import dataclass, replace

import numpy as np

from limen.arrays import FloatArray
from limen.decision import decide, score
from limen.errors import InputError
from limen.evaluation.choosing_calibration import choose_calibration
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.judged import Cells
from limen.evaluation.parts import PartArray, folds
from limen.evaluation.tuning import FOLDS, LEAST_TEXTS, TuneSettings, fit_block
from limen.format import DecisionBlock, OperatingPoint

_SALT = "limen gate"
_BLOCK = "judged"


@dataclass(frozen=True, eq=False)
class DecisionByFold:
    """Decisions that differ from fold to fold in what was fitted.

    Attributes:
        decisions: one for each fold; its default point decides.
        fold: int8, (texts,): the fold of each text.
    """

    decisions: tuple[DecisionBlock, ...]
    fold: PartArray

    @property
    def point(self) -> OperatingPoint:
        """The point that decides in the first fold; in the others its thresholds differ."""
        first = self.decisions[0]
        return first.point(first.default_point)

    def decide(self, logits: FloatArray) -> Cells:
        """Return the labels given: bool, (texts, labels), of finite logits (texts, outputs)."""
        chosen = np.zeros((len(logits), len(self.decisions[0].labels)), dtype=np.bool_)
        for place, decision in enumerate(self.decisions):
            rows = self.fold == place
            point = decision.point(decision.default_point)
            chosen[rows] = decide(score(logits[rows], decision), decision, point).chosen
        return chosen


def not_fitted(decision: DecisionBlock, texts: int) -> DecisionByFold:
    """Decide all texts at the decision's own default point."""
    return DecisionByFold((decision,), np.zeros(texts, dtype=np.int8))


def needed_for_the_default(
    data: LabelledLogits, decision: DecisionBlock, fit: TuneSettings
) -> TuneSettings:
    """Reduce settings to their default point, and choose the kind of calibration once, on all
    texts: one of six is no fit worth speaking of, and to choose it anew in every fold costs more
    time than everything else together.
    """
    usual = "argmax" if decision.one_label else "f1"
    name = fit.default_point or (fit.points[0] if fit.points and usual not in fit.points else usual)
    kind = fit.calibration
    if kind == "auto":
        fifths = folds(data.keys, FOLDS, f"{_SALT} calibration")
        kind = choose_calibration(data.logits, data.truth, fifths, decision).kind
    return replace(fit, points=(name,), default_point=name, calibration=kind)


def cross_fit(data: LabelledLogits, decision: DecisionBlock, fit: TuneSettings) -> DecisionByFold:
    """Fit on four fifths of the texts what decides about the other fifth, five times.

    Args:
        data: logits, true labels and keys; equal texts are in the same fifth.
        decision: rule, labels and link.
        fit: what to fit, its calibration not `auto`.

    Raises:
        InputError: too few texts, or a default point that cannot be made.
        EngineError: a logit is NaN or infinite.
    """
    fifth = folds(data.keys, FOLDS, _SALT)
    fewest = min(len(np.unique(data.keys[fifth != fold])) for fold in range(FOLDS))
    if fewest < LEAST_TEXTS:
        raise InputError(
            f"{len(data):,} labelled texts are too few to fit thresholds on four fifths of them "
            f"({fewest} unlike ones where {LEAST_TEXTS} are needed); give more, or thresholds"
        )
    blocks = (fit_block(data.at(fifth != fold), decision, fit, _BLOCK) for fold in range(FOLDS))
    return DecisionByFold(tuple(decision.using(tuned.block) for tuned in blocks), fifth)
