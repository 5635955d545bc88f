"""Medians, spreads and intervals of figures that were measured in rounds.

A round is one process of each engine, in turns. Rounds, not single calls, are the sample: calls of
one process share its memory layout and its moment on a busy machine, so they are not independent
(Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

_RESAMPLES = 10_000
_SEED = 20_131
CONFIDENCE = 0.95
ENOUGH_ROUNDS = 5
"""The interval of a median cannot leave the range of its rounds, which covers the true median with
1 - 2 / 2^n: 75 % for three rounds, 94 % for five (order statistics of the binomial, n rounds)."""


@dataclass(frozen=True)
class Spread:
    """Figures of several rounds.

    Attributes:
        median: of the rounds.
        low, high: first and third quartile (linear interpolation).
        rounds: how many.
    """

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Ratio:
    """A ratio with its bootstrap interval.

    Attributes:
        median: median of the ratios of the rounds.
        low, high: ends of the 95 % interval; equal to the median for a single round, where nothing
            is known of the spread.
        rounds: how many ratios there were.
    """

    median: float
    low: float
    high: float
    rounds: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 1 out; fewer rounds than ENOUGH_ROUNDS prove nothing."""
        return self.rounds >= ENOUGH_ROUNDS and not self.low <= 1.0 <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Summarise the figures of rounds; at least one."""
    low, median, high = (float(value) for value in np.percentile(values, [25, 50, 75]))
    return Spread(median, low, high, len(values))


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Compare two engines that were measured in the same rounds.

    The sample is the ratio of each round, so a machine that is slow for a whole round cancels out.

    Args:
        above: positive figures of one engine, a round each.
        below: positive figures of the other, in the same order.
    """
    logs = np.log(np.asarray(above, dtype=np.float64) / np.asarray(below, dtype=np.float64))
    medians = _resampled_medians(logs, np.random.default_rng(_SEED))
    return _ratio(float(np.median(logs)), medians, len(logs))


def unpaired_ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Compare figures from two runs, whose rounds have nothing to do with each other.

    Args:
        above: positive figures of one run.
        below: positive figures of the other.
    """
    random = np.random.default_rng(_SEED)
    first = np.log(np.asarray(above, dtype=np.float64))
    second = np.log(np.asarray(below, dtype=np.float64))
    medians = _resampled_medians(first, random) - _resampled_medians(second, random)
    fewest = min(len(first), len(second))
    return _ratio(float(np.median(first) - np.median(second)), medians, fewest)


def _resampled_medians(
    sample: npt.NDArray[np.float64], random: np.random.Generator
) -> npt.NDArray[np.float64]:
    picks = random.integers(0, len(sample), size=(_RESAMPLES, len(sample)))
    medians: npt.NDArray[np.float64] = np.median(sample[picks], axis=1)
    return medians


def _ratio(centre: float, medians: npt.NDArray[np.float64], rounds: int) -> Ratio:
    tail = tail_probability(rounds)
    low, high = (float(value) for value in np.quantile(medians, [tail, 1 - tail]))
    return Ratio(math.exp(centre), math.exp(low), math.exp(high), rounds)


def tail_probability(size: int) -> float:
    """Return the share of resamples to cut off at each end for a 95 % interval.

    The percentile bootstrap is too narrow for small samples: it lacks the factor sqrt(n / (n - 1))
    and takes the normal for Student's quantile. The expanded percentile interval puts both back:
    alpha' / 2 = Phi(-sqrt(n / (n - 1)) t(alpha / 2, n - 1)) (Hesterberg, "What teachers should know
    about the bootstrap", The American Statistician 69, 2015, section 3.3).
    """
    if size < 2:
        return 0.0
    quantile = t.ppf((1 - CONFIDENCE) / 2, size - 1)
    return float(norm.cdf(math.sqrt(size / (size - 1)) * quantile))
