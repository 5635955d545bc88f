"""Scores to labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray
from limen.decision.scoring import Scored
from limen.format import AbstainPolicy, DecisionBlock, OperatingPoint

REASONS: tuple[str | None, ...] = (None, "threshold", "margin", "no_yes", "empty_set")
"""Why a classifier that gives one label gave none: its score is below the threshold; it is too
little above the next one; no part said yes; no label is in the set."""
_BELOW, _CLOSE, _NO_YES, _EMPTY = 1, 2, 3, 4
_NOTHING_IS_BELOW = np.zeros(1, dtype=np.float32)
_NOTHING_IS_BELOW.flags.writeable = False


@dataclass(frozen=True)
class Decided:
    """Decisions about texts.

    Attributes:
        chosen: bool, (texts, labels): the labels given.
        top: int64, (texts,): place of the label that the rule prefers, given or not.
        scores: float32, (texts, labels), in [0, 1]: what was decided on.
        reasons: uint8, (texts,): place in REASONS; 0 where a label was given, or where none is a
            decision as well.
    """

    chosen: npt.NDArray[np.bool_]
    top: npt.NDArray[np.int64]
    scores: FloatArray
    reasons: npt.NDArray[np.uint8]

    @cached_property
    def margins(self) -> FloatArray:
        """float32, (texts,), in [-1, 1]: the score of `top` less the best other score; below 0 only
        where votes overrule scores. With one label its score.
        """
        return margins_of(self.scores, self.top)


def decide(scored: Scored, decision: DecisionBlock, point: OperatingPoint) -> Decided:
    """Choose the labels.

    - `multilabel`, and `one_vs_rest` with several labels: every label whose score is at or above
      its threshold, possibly none; with fallback `top1` then the best one, unless its threshold
      is None.
    - Rules that give one label: the label that ranks first (the earlier one of equals). It abstains
      where the score is below the label's own threshold, where the margin to the next score is
      below the policy's, and where no part said yes (`one_vs_rest` with link `labels`).
    - A point with sets: every label at or above its threshold, whatever the rule.

    Margin and fallback are left out at points that promise something, which they could break.

    Args:
        scored: scores and ranking.
        decision: the rule and what it does beside thresholds.
        point: thresholds, compared in float32.
    """
    scores = scored.scores
    policy = AbstainPolicy() if point.promise is not None else decision.abstain
    top = _first(scored)
    lowest = _lowest(point)
    if len(scores) == 1 and decision.one_label and not point.sets and policy.margin <= 0:
        return _one_text(scores, top, lowest, decision)
    reached = np.greater_equal(scores, lowest)
    reasons = np.zeros(len(scores), dtype=np.uint8)
    decided = Decided(reached, top, scores, reasons)
    if decision.one_label and not point.sets:
        rows = np.arange(len(scores))
        if policy.margin > 0:
            reasons[decided.margins < np.float32(policy.margin)] = _CLOSE
        reasons[~reached[rows, top]] = _BELOW
        if decision.rule == "one_vs_rest" and decision.link == "labels":
            reasons[scores[rows, top] == 0.0] = _NO_YES
        chosen = np.zeros(scores.shape, dtype=np.bool_)
        chosen[rows, top] = reasons == 0
        return Decided(chosen, top, scores, reasons)
    if point.sets or policy.fallback == "top1":
        empty = np.flatnonzero(~reached.any(axis=1))
        if point.sets:
            reasons[empty] = _EMPTY
        else:
            reached[empty, top[empty]] = np.isfinite(lowest[top[empty]])
    return decided


def _one_text(
    scores: FloatArray, top: npt.NDArray[np.int64], lowest: FloatArray, decision: DecisionBlock
) -> Decided:
    """As `decide` for one text and a rule that gives one label: 2 us instead of 9."""
    place = int(top[0])
    own = scores.item(place)
    reason = 0
    if not own >= lowest.item(place if len(lowest) > 1 else 0):
        reason = _BELOW
    if decision.rule == "one_vs_rest" and decision.link == "labels" and own == 0.0:
        reason = _NO_YES
    chosen = np.zeros(scores.shape, dtype=np.bool_)
    chosen[0, place] = reason == 0
    return Decided(chosen, top, scores, np.array([reason], dtype=np.uint8))


def _lowest(point: OperatingPoint) -> FloatArray:
    """Thresholds as numbers: nothing is below 0, and no score reaches infinity."""
    return _NOTHING_IS_BELOW if point.lowest is None else point.lowest


def _first(scored: Scored) -> npt.NDArray[np.int64]:
    """The label that ranks first, the earlier one of equals."""
    top: npt.NDArray[np.int64] = scored.ranking.argmax(axis=1)
    if scored.ties is not None and len(top):
        if len(top) == 1:
            values = scored.ranking[0].tolist()
            if values.count(values[top[0]]) == 1:
                return top
        level = scored.ranking == scored.ranking.max(axis=1, keepdims=True)
        doubtful = np.flatnonzero(level.sum(axis=1) > 1)
        among = np.where(level[doubtful], scored.ties[doubtful], -np.inf)
        top[doubtful] = among.argmax(axis=1)
    return top


def margins_of(scores: FloatArray, top: npt.NDArray[np.int64]) -> FloatArray:
    """Return the score of each text's `top`, int64 (texts,), less the best other: float32,
    (texts,).
    """
    rows = np.arange(len(scores))
    own = scores[rows, top]
    if scores.shape[1] == 1:
        return own
    others = scores.copy()
    others[rows, top] = -1.0
    margins: FloatArray = own - others.max(axis=1)
    return margins
