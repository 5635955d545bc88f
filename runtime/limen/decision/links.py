"""Logits to raw scores and to log-odds, output by output."""

import numpy as np

from limen.arrays import WideArray
from limen.format import DecisionBlock

_LARGEST_LOG_ODDS = 745.0
"""Stands for the log-odds of a score of exactly 1: beyond -log of the smallest float64, 744.4."""


def sigmoid(log_odds: WideArray) -> WideArray:
    """Return 1 / (1 + exp(-x)), arranged so that nothing overflows."""
    shares: WideArray = np.exp(np.minimum(log_odds, 0.0))
    shares /= 1.0 + np.exp(-np.abs(log_odds))
    return shares


def softmax(logits: WideArray) -> WideArray:
    """Return exp(x_i) over the sum of the row's, arranged so that nothing overflows (Goodfellow,
    Bengio, Courville: Deep Learning, 2016, section 4.1).
    """
    shares: WideArray = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def is_shared(decision: DecisionBlock) -> bool:
    """Whether the outputs share one unit of probability: multi-class with an output for each."""
    return decision.rule == "multiclass" and decision.outputs > 1


def raw_scores(logits: WideArray, decision: DecisionBlock) -> WideArray:
    """Apply the link.

    Args:
        logits: float64, (texts, outputs), finite. With link `log` these are log-probabilities; what
            is above 0 by rounding counts as 0. With link `labels` an output of 0.5 or more is a
            yes.
        decision: rule and link.

    Returns:
        float64, (texts, outputs), in [0, 1].
    """
    match decision.link:
        case "softmax":
            return softmax(logits)
        case "sigmoid":
            return sigmoid(logits)
        case "log":
            return np.exp(np.minimum(logits, 0.0))
        case _:
            return (logits >= 0.5).astype(np.float64)


def log_odds(logits: WideArray, decision: DecisionBlock) -> WideArray:
    """Return log(p / (1 - p)) of the raw scores p, computed without rounding p first.

    For a sigmoid that is the logit itself, with a softmax the logit less the logarithm of the sum
    of the others' exponentials. From a log-probability l it is l - log(1 - exp(l)).

    Args:
        logits: float64, (texts, outputs), finite; link `labels` has no log-odds.
        decision: rule and link.

    Returns:
        float64, (texts, outputs), finite.
    """
    if decision.link == "sigmoid":
        return logits
    if decision.link == "softmax":
        return _against_the_others(logits)
    logs = np.minimum(logits, 0.0)
    with np.errstate(divide="ignore"):
        odds: WideArray = logs - np.log(-np.expm1(logs))
    return np.minimum(odds, _LARGEST_LOG_ODDS)


def _against_the_others(logits: WideArray) -> WideArray:
    """x_i - log(sum of exp(x_j), j not i). Where one part is more than two thirds, the sum of all
    less that part would cancel, so its others are summed by themselves. Equal logits stay equal.
    """
    rows, top = np.arange(len(logits)), logits.argmax(axis=1)
    largest = logits[rows, top]
    shifted = logits - largest[:, None]
    parts = np.exp(shifted)
    rest = parts.sum(axis=1, keepdims=True) - parts
    odds: WideArray = shifted - np.log(np.maximum(rest, 0.5))
    others = logits.copy()
    others[rows, top] = -np.inf
    second = others.max(axis=1)
    apart = largest - second - np.log(np.exp(others - second[:, None]).sum(axis=1))
    odds[rows, top] = np.where(rest[rows, top] < 0.5, apart, odds[rows, top])
    return odds
