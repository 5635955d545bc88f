"""How far scores are from being probabilities: calibration error, Brier score, log loss.

Expected calibration error (Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks,
ICML 2017): scores are sorted into M = 15 bins of equal width, ((m - 1) / M, m / M], and

    ECE = sum over bins m of |B_m| / n * |share true in B_m - mean score in B_m|.

What is binned: where exactly one label is true of a text, the best score of each text, true when
its label is (n texts); else every (text, label) pair (n = texts times labels).

Noise does not cancel in it: few texts make it larger than it would be with many, and resampling
makes it larger still.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray, IntArray, WideArray
from limen.evaluation.quality import LossUnit

BINS = 15
"""As in the tables of Guo et al. 2017."""
_SUM_TOLERANCE = 1e-3
"""Float32 scores of 10,000 labels that share 1 sum to it within this."""
_LEAST = float(np.finfo(np.float32).eps)
"""What scikit-learn's log_loss takes float32 scores of 0 for
(https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html)."""

_Truth: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Scores in bins beside what came true.

    Attributes:
        counts: int64, (15,): scores in each bin.
        scores: float64, (15,): their mean; NaN in an empty bin.
        shares: float64, (15,): share of them whose label is true; NaN in an empty bin.
    """

    counts: IntArray
    scores: WideArray
    shares: WideArray

    @property
    def error(self) -> float:
        """Expected calibration error, in [0, 1]."""
        kept = self.counts > 0
        gaps = np.abs(self.shares[kept] - self.scores[kept])
        return float((self.counts[kept] * gaps).sum() / self.counts.sum())


def reliability(scores: FloatArray, truth: _Truth, *, exclusive: bool) -> Reliability:
    """Sort scores into bins.

    Args:
        scores: float32, (texts, labels), in [0, 1].
        truth: bool, (texts, labels).
        exclusive: whether exactly one label is true of a text.
    """
    return _in_bins(*_asked(scores, truth, exclusive=exclusive))


def classwise_errors(scores: FloatArray, truth: _Truth) -> WideArray:
    """Return the calibration error of each label's scores by themselves: float64, (labels,).

    Their mean is the classwise ECE (Kull, Perello-Nieto, Kängsepp, Silva Filho, Song, Flach: Beyond
    temperature scaling, NeurIPS 2019). Arguments as in `reliability`.
    """
    labels = range(scores.shape[1])
    return np.array([_in_bins(scores[:, label], truth[:, label]).error for label in labels])


def bin_gaps(scores: FloatArray, truth: _Truth, *, exclusive: bool) -> WideArray:
    """Return what each text adds to each bin: its true labels there less its scores there.

    ECE is the sum over bins of the absolute sum over texts, divided by the number of scores; so
    resampling texts is a product with a matrix of counts.

    Returns:
        float64, (texts, 15).
    """
    asked, outcomes = _asked(scores, truth, exclusive=exclusive)
    each = len(asked) // len(scores)
    places = np.repeat(np.arange(len(scores)), each) * BINS + _bins(asked)
    added = outcomes.astype(np.float64) - asked
    gaps = np.bincount(places, added, minlength=len(scores) * BINS).astype(np.float64)
    return gaps.reshape(len(scores), BINS)


def loss_unit(scores: FloatArray, *, exclusive: bool) -> LossUnit:
    """Say whether losses are counted by text or by (text, label) pair.

    By text only where exactly one label is true of each and the scores of every text sum to 1; a
    one-vs-rest classifier's do not.
    """
    sums = scores.sum(axis=1, dtype=np.float64)
    return "text" if exclusive and bool((np.abs(sums - 1.0) <= _SUM_TOLERANCE).all()) else "pair"


def brier_by_text(scores: FloatArray, truth: _Truth, unit: LossUnit) -> WideArray:
    """Return the squared distance of scores and truth of each text: float64, (texts,).

    Summed over labels for unit `text`, in [0, 2] (Brier: Verification of forecasts expressed in
    terms of probability, 1950), averaged for `pair`, in [0, 1]
    (https://scikit-learn.org/stable/modules/model_evaluation.html#brier-score-loss).
    """
    squares = (scores.astype(np.float64) - truth) ** 2
    found: WideArray = squares.sum(axis=1) if unit == "text" else squares.mean(axis=1)
    return found


def log_loss(scores: FloatArray, truth: _Truth, unit: LossUnit) -> float:
    """Return the mean log loss in nats, of the true label's score for unit `text`, of every pair
    for `pair` (https://scikit-learn.org/stable/modules/model_evaluation.html#log-loss).

    Scores are kept 1.2e-7 away from 0 and 1, the precision of float32: otherwise one score that was
    rounded to 0 would make the loss infinite.
    """
    wide = np.clip(scores.astype(np.float64), _LEAST, 1.0 - _LEAST)
    right = wide[truth] if unit == "text" else np.where(truth, wide, 1.0 - wide)
    return float(-np.log(right).mean())


def _asked(scores: FloatArray, truth: _Truth, *, exclusive: bool) -> tuple[FloatArray, _Truth]:
    """The scores that are binned and whether each came true, both (n,)."""
    if not exclusive:
        return scores.ravel(), truth.ravel()
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    return scores[rows, best], truth[rows, best]


def _bins(scores: FloatArray) -> IntArray:
    places = np.ceil(scores.astype(np.float64) * BINS).astype(np.int64) - 1
    return np.maximum(places, 0)


def _in_bins(scores: FloatArray, outcomes: _Truth) -> Reliability:
    places = _bins(scores)
    counts = np.bincount(places, minlength=BINS)
    # 0 / 0 in an empty bin is what NaN means here.
    with np.errstate(invalid="ignore"):
        means = np.bincount(places, scores.astype(np.float64), minlength=BINS) / counts
        shares = np.bincount(places, outcomes, minlength=BINS) / counts
    return Reliability(counts, means, shares)
