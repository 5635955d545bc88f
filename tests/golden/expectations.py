"""What a tiny file must say about a text at a point, from its weights in float64, step by step.

Nothing here comes from limen.decision: docs/format.md is computed anew.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from limen.format import DecisionBlock, Isotonic, OperatingPoint, Platt
from recipes import Recipe

CLOSE = 1e-4
"""Cases are further than this from everywhere where a decision would turn."""


@dataclass(frozen=True)
class Judged:
    """Scores and ranking of a text, and how far its closest comparison is from turning."""

    scores: np.ndarray
    top: int
    clear: float


def judge(decision: DecisionBlock, logits: np.ndarray) -> Judged:
    """Apply link, calibration and rule; these logits are too small to overflow."""
    if decision.link == "softmax":
        return first_of(np.exp(logits) / np.exp(logits).sum(), logits, logits)
    shares, values = calibrated(decision, logits)
    if decision.rule == "one_vs_one":
        return by_votes(len(decision.labels), shares, values)
    if decision.rule == "multiclass":
        both = np.array([1.0 - shares[0], shares[0]])
        return first_of(both, np.array([0.0, values[0]]), np.zeros(2))
    return first_of(shares, values, logits)


def calibrated(decision: DecisionBlock, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the outputs, and what they rank by."""
    raw = 1.0 / (1.0 + np.exp(-logits))
    match decision.calibration:
        case Platt(slopes, intercepts):
            values = np.array(slopes) * logits + np.array(intercepts)
            return 1.0 / (1.0 + np.exp(-values)), values
        case Isotonic(curves):
            drawn = [on_curve(curve, p) for curve, p in zip(curves, raw, strict=True)]
            return np.array(drawn), np.array(drawn)
        case _:
            return raw, logits


def on_curve(curve, p: float) -> float:
    """The straight line between the two knots around p; constant beyond the ends."""
    if p <= curve.raw[0] or len(curve.raw) == 1:
        return curve.calibrated[0]
    for place in range(1, len(curve.raw)):
        low, high = curve.raw[place - 1 : place + 1]
        if p < high:
            share = (p - low) / (high - low)
            return curve.calibrated[place - 1] * (1 - share) + curve.calibrated[place] * share
    return curve.calibrated[-1]


def first_of(scores: np.ndarray, values: np.ndarray, ties: np.ndarray) -> Judged:
    """The label of the largest value, of equal ones that of the largest tie."""
    order = sorted(range(len(values)), key=lambda place: (-values[place], -ties[place]))
    if len(order) == 1:
        return Judged(scores, 0, 1.0)
    top, next_one = order[:2]
    apart = values if values[top] != values[next_one] else ties
    return Judged(scores, top, apart[top] - apart[next_one])


def by_votes(labels: int, shares: np.ndarray, values: np.ndarray) -> Judged:
    """Mean shares over pairs; the label with most pairs won, then with most confidence."""
    means, votes, sums = np.zeros(labels), np.zeros(labels), np.zeros(labels)
    for pair, (first, later) in enumerate(combinations(range(labels), 2)):
        means[first] += 1.0 - shares[pair]
        means[later] += shares[pair]
        votes[later if values[pair] > 0 else first] += 1
        sums[first] -= values[pair]
        sums[later] += values[pair]
    judged = first_of(means / (labels - 1), votes + sums / (3 * (np.abs(sums) + 1)), sums)
    return Judged(judged.scores, judged.top, min(judged.clear, np.abs(values).min()))


def decide(decision: DecisionBlock, point: OperatingPoint, judged: Judged) -> dict:
    """Labels, margin and reason; refuses what is too close to be a case."""
    scores, top, names = judged.scores, judged.top, decision.labels
    floors = [0.0] * len(names) if point.thresholds is None else point.thresholds
    margin = scores[top] - max(np.delete(scores, top), default=0.0)
    asked = 0.0 if point.promise else decision.abstain.margin
    gaps = [abs(score - floor) for score, floor in zip(scores, floors, strict=True) if floor]
    gaps += [judged.clear, abs(margin - asked) if asked else 1.0]
    if min(gaps) < CLOSE:
        raise SystemExit(f"{names}, {point.name}: too close to be a case ({min(gaps):.2g})")
    reached = [
        place for place, floor in enumerate(floors) if floor is not None and scores[place] >= floor
    ]
    reason = None
    if point.sets:
        chosen, reason = reached, None if reached else "empty_set"
    elif not decision.one_label:
        chosen = reached
    else:
        reason = "threshold" if top not in reached else "margin" if margin < asked else None
        chosen = [] if reason else [top]
    return {
        "abstained": reason is not None,
        "labels": [names[place] for place in chosen],
        "margin": round(float(margin), 6),
        "reason": reason,
        "scores": {name: round(float(x), 6) for name, x in zip(names, scores, strict=True)},
        "top": names[top],
    }


def expected(
    recipe: Recipe, point: OperatingPoint, logits: np.ndarray, ids: list[int], *, truncated: bool
) -> dict:
    """All that a case says beside its text."""
    return {
        "ids": ids,
        "logits": [round(float(value), 6) for value in logits],
        "point": point.name,
        "truncated": truncated,
        **decide(recipe.decision, point, judge(recipe.decision, logits)),
    }
