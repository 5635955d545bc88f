"""Lower bounds of an agreement that was found on some texts, each with 95 % confidence, one-sided.

Texts are drawn independently; the (text, label) pairs of one text are not. Both bounds therefore
count texts, and neither becomes 1 however well a few texts agree: what no text of n showed may
still happen to about 3 of n.

- Share of texts: the exact bound of a binomial share (Clopper, Pearson: The use of confidence or
  fiducial limits illustrated in the case of the binomial, 1934).
- Share of pairs: the mean over texts of a share that lies between 0 and the largest that a text
  can show. A bet against every mean above m, at fair odds, multiplies its stake by 20 with a
  probability of at most 1/20 (Ville), so a mean against which the bet wins 20 is ruled out
  (Waudby-Smith, Ramdas: Estimating means of bounded random variables by betting, 2024). Stakes are
  fixed in advance, so the order of the texts does not matter: half on the boldest bet, which is
  best where few texts differ, the rest on more careful ones, for texts that differ much. No shape
  is assumed, unlike with a bootstrap, which knows nothing but agreement where the sample shows
  nothing else.

The most that a text can differ by is the largest number of labels that source and rung together
give to one of the texts: a text that gets three labels cannot differ in 28. That number is taken
from the same texts; docs/gate.md says when that fails.
"""

import math

import numpy as np
from scipy.special import betaincinv

from limen.arrays import IntArray, WideArray

CONFIDENCE = 0.95
_ONE_IN = 1.0 / (1.0 - CONFIDENCE)
_STRENGTHS: WideArray = 2.0 ** -np.arange(6.0)
_STAKES: WideArray = np.array([0.5, *[0.1] * 5])
_HALVINGS = 60


def texts_low(alike: int, texts: int) -> float:
    """Return the lower bound of the share of texts decided alike, in [0, 1).

    Args:
        alike: texts decided alike.
        texts: all, at least one.
    """
    if alike == 0:
        return 0.0
    return float(betaincinv(alike, texts - alike + 1, 1.0 - CONFIDENCE))


def cells_low(differing: IntArray, labels: int, most: int) -> float:
    """Return the lower bound of the share of (text, label) pairs decided alike, in [0, 1).

    Args:
        differing: int64, (texts,), in [0, most]: pairs of each text decided otherwise.
        labels: pairs of a text.
        most: the most that a text can differ by, 1 or more.
    """
    counts = np.bincount(differing, minlength=most + 1).astype(np.float64)
    shares = np.arange(most + 1) / most
    return 1.0 - _mean_high(shares, counts) * most / labels


def texts_needed(least: float) -> int:
    """Return how many texts, all decided alike, have a bound of at least `least`, in [0, 1)."""
    return 1 if least <= 0.0 else math.ceil(math.log(1.0 - CONFIDENCE) / math.log(least) - 1e-9)


def cells_needed(least: float, labels: int, most: int) -> int:
    """Return how many texts, all decided alike, have a bound of cells of at least `least`."""
    mean = (1.0 - least) * labels / most
    if mean >= 1.0:
        return 1
    few, many = 0, 1
    while _won(np.zeros(1), np.array([float(many)]), mean) < math.log(_ONE_IN):
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        enough = _won(np.zeros(1), np.array([float(middle)]), mean) >= math.log(_ONE_IN)
        few, many = (few, middle) if enough else (middle, many)
    return many


def _mean_high(values: WideArray, counts: WideArray) -> float:
    """Return the upper bound of a mean of values in [0, 1], by bisection: what a bet wins grows
    with the mean that it is against.
    """
    low, high = float(counts @ values / counts.sum()), 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        enough = middle < 1.0 and _won(values, counts, middle) >= math.log(_ONE_IN)
        low, high = (low, middle) if enough else (middle, high)
    return high


def _won(values: WideArray, counts: WideArray, mean: float) -> float:
    """Return the logarithm of what a stake of 1 against a mean of `mean` or more became."""
    odds = 1.0 + _STRENGTHS[:, None] * (mean - values) / (1.0 - mean)
    with np.errstate(divide="ignore"):
        each = np.log(np.maximum(odds, 0.0))
    # No text with a value that would lose everything is no loss: 0 times minus infinity.
    logs = np.where(counts > 0, each * np.where(counts > 0, counts, 1.0), 0.0).sum(axis=1)
    largest = logs.max()
    return float(largest + np.log(_STAKES @ np.exp(logs - largest)))
