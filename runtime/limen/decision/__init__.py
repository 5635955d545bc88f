"""Logits to scores to labels: pure numpy."""

from limen.decision.aggregating import aggregate
from limen.decision.confidence import decision_function
from limen.decision.rules import REASONS, Decided, decide
from limen.decision.scoring import Scored, check_finite, score, scores_from_logits

__all__ = [
    "REASONS",
    "Decided",
    "Scored",
    "aggregate",
    "check_finite",
    "decide",
    "decision_function",
    "score",
    "scores_from_logits",
]
