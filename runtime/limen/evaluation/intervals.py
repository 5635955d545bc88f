"""How sure the figures are: bootstrap intervals, and the difference between two sets of decisions.

Texts are drawn with replacement, as many as there are, and a figure is computed on each draw; the
2.5 and 97.5 per cent quantiles of the draws are its 95 % interval (percentile bootstrap: Efron,
Tibshirani: An introduction to the bootstrap, 1993, chapter 13). Nothing is drawn and judged anew:
a draw is how often each text counts, so that

- F1s, accuracies, Brier score and calibration error are products of the counts with what each text
  adds (hits, given and true labels; right or wrong; its squared distance; its gap in each bin);
- average precision sums, for each label, the counts of the texts between neighbouring scores of
  true texts; the texts are ranked once.

A figure is computed in a draw as `judge` computes it: a mean over labels goes over those that have
the figure in this draw. Draws in which it has no value are left out, and said.

The interval of the calibration error lies too high and may leave the figure itself out: noise makes
that error larger, and drawing adds noise (see limen.evaluation.calibration_error).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from limen.arrays import FloatArray, WideArray
from limen.errors import InputError
from limen.evaluation.calibration_error import bin_gaps, brier_by_text, loss_unit
from limen.evaluation.judged import Judged
from limen.evaluation.metrics import (
    counted_average_precision,
    f1,
    judge,
    mean_defined,
    rank_steps,
)
from limen.evaluation.quality import Interval, Quality

Metric: TypeAlias = Literal[
    "macro_f1", "micro_f1", "accuracy", "subset_accuracy", "coverage", "map_macro", "ece", "brier"
]
_Statistic: TypeAlias = Callable[[WideArray], WideArray]
"""From counts, (texts, draws), to a figure of each draw, (draws,); NaN where it has none."""

_TAIL = 0.025
_CELLS = 1 << 23
"""Counts in memory at once: 64 MiB."""
_LEAST_TEXTS = 2
"""Of one text every draw is the same: an interval would say that nothing is uncertain."""


@dataclass(frozen=True)
class BootstrapSettings:
    """How to draw.

    Attributes:
        resamples: draws, 2 or more.
        seed: the same gives the same draws.
    """

    resamples: int = 1_000
    seed: int = 20_260

    def __post_init__(self) -> None:
        """Refuse fewer than two draws.

        Raises:
            InputError: fewer.
        """
        if self.resamples < 2:
            raise InputError(f"{self.resamples} resamples, expected 2 or more")


USUAL = BootstrapSettings()


@dataclass(frozen=True)
class Difference:
    """How much better or worse the second decisions are than the first, on the same texts.

    Attributes:
        metric: the figure compared.
        first, second: the figure of each.
        value: second less first.
        low, high: ends of the 95 % interval of `value`.
        resamples: draws in which both figures are defined.
    """

    metric: Metric
    first: float
    second: float
    value: float
    low: float
    high: float
    resamples: int

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 0 out."""
        return not self.low <= 0.0 <= self.high


def judge_with_intervals(judged: Judged, settings: BootstrapSettings = USUAL) -> Quality:
    """Judge, with intervals of the headline figures."""
    return replace(judge(judged), intervals=bootstrap(judged, settings))


def bootstrap(judged: Judged, settings: BootstrapSettings = USUAL) -> tuple[Interval, ...]:
    """Return the intervals of the headline figures that have a value; none for a single text."""
    texts = len(judged.truth)
    if texts < _LEAST_TEXTS:
        return ()
    statistics = {name: _MAKERS[name](judged) for name in headline_metrics(judged)}
    drawn: dict[Metric, list[WideArray]] = {name: [] for name in statistics}
    for counts in _draws(texts, settings):
        for name, statistic in statistics.items():
            drawn[name].append(statistic(counts))
    intervals = []
    for name, statistic in statistics.items():
        value = _on_all(statistic, texts)
        if not np.isnan(value):
            low, high, defined = _ends(np.concatenate(drawn[name]))
            intervals.append(Interval(name, value, low, high, defined))
    return tuple(intervals)


def headline_metrics(judged: Judged) -> tuple[Metric, ...]:
    """Return the figures that get an interval."""
    right: Metric = "accuracy" if judged.exclusive else "subset_accuracy"
    decided: tuple[Metric, ...] = ("macro_f1", "micro_f1", right, "coverage")
    return decided if judged.scores is None else (*decided, "map_macro", "ece", "brier")


def paired_difference(
    first: Judged,
    second: Judged,
    metric: Metric,
    settings: BootstrapSettings = USUAL,
) -> Difference:
    """Compare two sets of decisions, or scores, on the same texts.

    Both are judged on the same draws, so that what is hard about a text cancels out (paired
    bootstrap: Koehn: Statistical significance tests for machine translation evaluation, EMNLP
    2004).

    Raises:
        InputError: other texts or labels, fewer than two texts, or a figure that one of the two
            does not have.
    """
    if first.labels != second.labels or not np.array_equal(first.truth, second.truth):
        raise InputError(
            f"two judgements of other texts or labels: {len(first.truth):,} texts and "
            f"{len(first.labels):,} labels, {len(second.truth):,} and {len(second.labels):,}; "
            f"expected the same truth in the same order"
        )
    texts = len(first.truth)
    pair = (_checked(first, metric), _checked(second, metric))
    before, after = (_on_all(statistic, texts) for statistic in pair)
    if texts < _LEAST_TEXTS or np.isnan(after - before):
        raise InputError(f"{metric} of {texts:,} texts has no value or no spread to compare")
    low, high, defined = _ends(
        np.concatenate([pair[1](counts) - pair[0](counts) for counts in _draws(texts, settings)])
    )
    return Difference(metric, before, after, after - before, low, high, defined)


def _checked(judged: Judged, metric: Metric) -> _Statistic:
    if metric not in headline_metrics(judged):
        raise InputError(
            f"{metric} is no figure of these decisions; expected one of "
            f"{', '.join(headline_metrics(judged))}"
        )
    return _MAKERS[metric](judged)


def _draws(texts: int, settings: BootstrapSettings) -> Iterator[WideArray]:
    """How often each text is drawn: float64, (texts, some draws)."""
    random = np.random.default_rng(settings.seed)
    most = max(1, _CELLS // texts)
    for start in range(0, settings.resamples, most):
        width = min(most, settings.resamples - start)
        places = random.integers(0, texts, size=(width, texts)) * width
        places += np.arange(width)[:, None]
        counts = np.bincount(places.ravel(), minlength=texts * width)
        yield counts.reshape(texts, width).astype(np.float64)


def _on_all(statistic: _Statistic, texts: int) -> float:
    return float(statistic(np.ones((texts, 1)))[0])


def _ends(values: WideArray) -> tuple[float, float, int]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return np.nan, np.nan, 0
    low, high = np.quantile(defined, [_TAIL, 1.0 - _TAIL])
    return float(low), float(high), len(defined)


def _macro_f1(judged: Judged) -> _Statistic:
    parts = (judged.truth & judged.chosen, judged.chosen, judged.truth)
    hits, given, true = (cells.astype(np.float64) for cells in parts)
    return lambda counts: mean_defined(f1(counts.T @ hits, counts.T @ given, counts.T @ true))


def _micro_f1(judged: Judged) -> _Statistic:
    parts = (judged.truth & judged.chosen, judged.chosen, judged.truth)
    hits, given, true = (cells.sum(axis=1).astype(np.float64) for cells in parts)
    return lambda counts: f1(counts.T @ hits, counts.T @ given, counts.T @ true)


def _all_right(judged: Judged) -> _Statistic:
    right = (judged.truth == judged.chosen).all(axis=1)
    return _mean(np.asarray(right, dtype=np.float64))


def _coverage(judged: Judged) -> _Statistic:
    found = (judged.truth & judged.chosen).sum(axis=1) == judged.truth.sum(axis=1)
    return _mean(np.asarray(found, dtype=np.float64))


def _brier(judged: Judged) -> _Statistic:
    scores = _scores(judged)
    unit = loss_unit(scores, exclusive=judged.exclusive)
    return _mean(brier_by_text(scores, judged.truth, unit))


def _mean(values: WideArray) -> _Statistic:
    return lambda counts: counts.T @ values / len(values)


def _calibration_error(judged: Judged) -> _Statistic:
    gaps = bin_gaps(_scores(judged), judged.truth, exclusive=judged.exclusive)
    binned = len(gaps) if judged.exclusive else judged.truth.size
    return lambda counts: np.abs(counts.T @ gaps).sum(axis=1) / binned


def _map_macro(judged: Judged) -> _Statistic:
    scores, truth = _scores(judged), judged.truth
    steps = [rank_steps(scores[:, label], truth[:, label]) for label in range(truth.shape[1])]

    def statistic(counts: WideArray) -> WideArray:
        each = [counted_average_precision(step, counts) for step in steps]
        return mean_defined(np.stack(each, axis=1))

    return statistic


def _scores(judged: Judged) -> FloatArray:
    if judged.scores is None:
        raise InputError("no scores were given, decisions only")
    return judged.scores


_MAKERS: Mapping[Metric, Callable[[Judged], _Statistic]] = {
    "macro_f1": _macro_f1,
    "micro_f1": _micro_f1,
    "accuracy": _all_right,
    "subset_accuracy": _all_right,
    "coverage": _coverage,
    "map_macro": _map_macro,
    "ece": _calibration_error,
    "brier": _brier,
}
