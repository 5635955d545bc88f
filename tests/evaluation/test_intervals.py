"""Intervals: the figures of real resamples, only faster; and how often they hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation import intervals
from limen.evaluation.intervals import (
    BootstrapSettings,
    bootstrap,
    headline_metrics,
    judge_with_intervals,
    paired_difference,
)
from limen.evaluation.judged import Judged
from limen.evaluation.metrics import counted_average_precision, judge, rank_steps
from sklearn.metrics import average_precision_score

FEW = BootstrapSettings(resamples=30, seed=7)


def judged(texts=60, labels=5, *, exclusive=False, seed=0, threshold=0.4):
    random = np.random.default_rng(seed)
    names = tuple(f"label {place}" for place in range(labels))
    if exclusive:
        scores = random.dirichlet(np.full(labels, 0.6), texts).astype(np.float32)
        drawn = (scores.cumsum(axis=1) > random.random((texts, 1)) * 0.999).argmax(axis=1)
        truth = np.eye(labels, dtype=bool)[drawn]
        chosen = np.eye(labels, dtype=bool)[scores.argmax(axis=1)]
        return Judged(names, truth, chosen & (scores > threshold), True, scores)
    # Rounded, so that some scores are equal; the last label is rare.
    scores = np.round(random.beta(0.5, 1.5, (texts, labels)), 2).astype(np.float32)
    truth = random.random((texts, labels)) < scores
    truth[3:, -1] = False
    return Judged(names, truth, scores >= threshold, False, scores)


def resampled(one, counts):
    """The same texts, each as often as it was drawn."""
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    return replace(one, truth=one.truth[rows], chosen=one.chosen[rows], scores=one.scores[rows])


@pytest.mark.parametrize("exclusive", [False, True])
def test_intervals_are_those_of_judging_every_resample(exclusive):
    one = judged(exclusive=exclusive)
    (counts,) = intervals._draws(60, FEW)
    assert (counts.sum(axis=0) == 60).all()
    again = [judge(resampled(one, counts[:, draw])) for draw in range(30)]
    found = bootstrap(one, FEW)
    assert [each.metric for each in found] == list(headline_metrics(one))
    for each in found:
        values = [quality.figure(each.metric) for quality in again]
        values = [value for value in values if value is not None]
        low, high = np.quantile(values, [0.025, 0.975])
        assert (each.low, each.high) == (pytest.approx(low), pytest.approx(high)), each.metric
        assert each.resamples == len(values)
        assert each.value == pytest.approx(judge(one).figure(each.metric))


def test_memory_is_bounded_and_does_not_change_the_result(monkeypatch):
    one = judged()
    whole = bootstrap(one, FEW)
    monkeypatch.setattr(intervals, "_CELLS", 60 * 7)
    widths = [counts.shape for counts in intervals._draws(60, FEW)]
    assert widths == [(60, 7)] * 4 + [(60, 2)]
    for before, after in zip(whole, bootstrap(one, FEW), strict=True):
        assert after.metric == before.metric
        assert (after.low, after.high) == pytest.approx((before.low, before.high))


def test_the_seed_decides():
    one = judged()
    assert bootstrap(one, FEW) == bootstrap(one, FEW)
    assert bootstrap(one, FEW) != bootstrap(one, replace(FEW, seed=8))


def test_of_one_text_there_is_no_interval():
    one = judged(texts=1)
    assert bootstrap(one) == ()
    assert judge_with_intervals(one).intervals == ()


def test_without_scores_there_are_intervals_of_decisions_alone():
    found = bootstrap(replace(judged(), scores=None), FEW)
    assert {each.metric for each in found} == {
        "macro_f1",
        "micro_f1",
        "subset_accuracy",
        "coverage",
    }


def test_figures_without_a_value_get_no_interval():
    nothing = np.zeros((5, 2), dtype=bool)
    one = Judged(("a", "b"), nothing, nothing, False, np.full((5, 2), 0.1, dtype=np.float32))
    found = {each.metric for each in bootstrap(one, FEW)}
    assert found == {"subset_accuracy", "coverage", "ece", "brier"}


def test_resamples_without_a_value_are_left_out_and_counted():
    truth = np.zeros((10, 1), dtype=bool)
    truth[0] = True
    one = Judged(("a",), truth, np.zeros((10, 1), dtype=bool), False)
    found = {each.metric: each for each in bootstrap(one, BootstrapSettings(400))}
    # A text is missing from (1 - 1/10)^10, about 35 %, of the resamples.
    assert 220 < found["macro_f1"].resamples < 300
    assert found["subset_accuracy"].resamples == 400


def test_intervals_of_a_share_hold_as_often_as_they_say():
    """200 samples of 150 texts of which 0.7 are decided rightly. A true 95 % interval misses 10 of
    200 on average; the percentile bootstrap of a share a little more.
    """
    random = np.random.default_rng(5)
    missed = 0
    for _ in range(200):
        truth = np.ones((150, 1), dtype=bool)
        one = Judged(("a",), truth, random.random((150, 1)) < 0.7, False)
        (found,) = (
            each
            for each in bootstrap(one, BootstrapSettings(300))
            if each.metric == "subset_accuracy"
        )
        missed += not found.low <= 0.7 <= found.high
    assert 2 <= missed <= 22


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@examples(deadline=None, max_examples=60)
def test_counted_average_precision_is_scikit_learns_with_weights(seed, texts):
    random = np.random.default_rng(seed)
    scores = (random.integers(0, 6, texts) / 5).astype(np.float32)
    truth = random.random(texts) < 0.4
    counts = random.integers(0, 3, (texts, 4)).astype(float)
    found = counted_average_precision(rank_steps(scores, truth), counts)
    for draw in range(4):
        weights = counts[:, draw]
        if weights[truth].sum() == 0:
            assert np.isnan(found[draw])
        else:
            expected = average_precision_score(truth, scores, sample_weight=weights)
            assert found[draw] == pytest.approx(expected)


def test_the_same_decisions_do_not_differ():
    one = judged()
    found = paired_difference(one, one, "macro_f1", FEW)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert not found.differs


def test_better_decisions_differ_and_the_other_way_round_too():
    worse = judged(texts=400)
    better = replace(worse, chosen=worse.truth ^ (worse.scores > 0.95))
    found = paired_difference(worse, better, "micro_f1", FEW)
    assert found.value == pytest.approx(found.second - found.first)
    assert found.first == pytest.approx(judge(worse).decisions.micro_f1)
    assert found.differs
    assert 0 < found.low <= found.value <= found.high
    back = paired_difference(better, worse, "micro_f1", FEW)
    assert (back.value, back.low) == (pytest.approx(-found.value), pytest.approx(-found.high))


def test_pairing_narrows_the_interval():
    """Two points that differ on few texts: what is common to both cancels out."""
    one = judged(texts=400)
    other = replace(one, chosen=one.scores >= 0.42)
    found = paired_difference(one, other, "micro_f1", FEW)
    alone = next(each for each in bootstrap(one, FEW) if each.metric == "micro_f1")
    assert found.high - found.low < (alone.high - alone.low) / 2


def test_what_cannot_be_compared_is_refused():
    one = judged()
    with pytest.raises(InputError, match="60 texts and 5 labels, 61 and 5"):
        paired_difference(one, judged(texts=61), "macro_f1", FEW)
    with pytest.raises(InputError, match="accuracy is no figure"):
        paired_difference(one, one, "accuracy", FEW)
    with pytest.raises(InputError, match="map_macro is no figure"):
        paired_difference(replace(one, scores=None), one, "map_macro", FEW)
    single = judged(texts=1)
    with pytest.raises(InputError, match="1 texts"):
        paired_difference(single, single, "subset_accuracy", FEW)


def test_fewer_than_two_resamples_are_refused():
    with pytest.raises(InputError, match="1 resamples"):
        BootstrapSettings(resamples=1)
