"""Logits to scores to labels: pure numpy."""

from limen.decision.aggregating import aggregate
from limen.decision.confidence import decision_function
from limen.decision.rules import REASONS, Decided, decide, margins_of
from limen.decision.scoring import Scored, all_finite, check_finite, score, scores_from_logits

__all__ = [
    "REASONS",
    "Decided",
    "Scored",
    "aggregate",
    "all_finite",
    "check_finite",
    "decide",
    "decision_function",
    "margins_of",
    "score",
    "scores_from_logits",
]
