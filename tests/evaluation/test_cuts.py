"""Every way in which a threshold can part the texts of one label."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limen.evaluation.cuts import cuts_of

FREE = settings(deadline=None)
SCORE = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32))
ROWS = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=30)
ONE_ULP = float(np.nextafter(np.float32(1), np.float32(0)))
SMALLEST = float(np.nextafter(np.float32(0), np.float32(1)))


def arrays(rows):
    scores = np.array([score for score, _ in rows], dtype=np.float32)
    return scores, np.array([true for _, true in rows], dtype=bool)


def parted(scores, threshold):
    """Which texts reach a threshold, as a decision compares them."""
    return scores >= np.float32(threshold)


def every_threshold(scores):
    """Brute force: thresholds that part the texts in every way there is, the highest first."""
    return [np.inf, *sorted(set(scores.tolist()), reverse=True)]


@FREE
@given(ROWS)
@example([(0.0, True), (1.0, False), (SMALLEST, True), (ONE_ULP, True)])
@example([(0.5, True)] * 3)
@example([(1.0, False)])
@example([(0.0, False)])
def test_cuts_are_all_ways_to_part_the_texts(rows):
    scores, truth = arrays(rows)
    cuts = cuts_of(scores, truth)
    wanted = [parted(scores, threshold) for threshold in every_threshold(scores)]
    assert [parted(scores, one).tolist() for one in cuts.thresholds] == [
        one.tolist() for one in wanted
    ]
    assert cuts.given.tolist() == [int(one.sum()) for one in wanted]
    assert cuts.hits.tolist() == [int((one & truth).sum()) for one in wanted]
    assert cuts.positives == int(truth.sum())


@FREE
@given(ROWS)
@example([(ONE_ULP, True), (1.0, False)])
@example([(SMALLEST, True), (0.0, False)])
def test_thresholds_are_float32_numbers_between_neighbouring_scores(rows):
    scores, truth = arrays(rows)
    cuts = cuts_of(scores, truth)
    finite = cuts.thresholds[np.isfinite(cuts.thresholds)]
    assert (finite == finite.astype(np.float32)).all()
    assert ((finite >= 0) & (finite <= 1)).all()
    assert (np.diff(cuts.thresholds) < 0).all()
    values = sorted(set(scores.tolist()), reverse=True)
    lows = [*values[1:], 0.0]
    for upper, lower, threshold in zip(values, lows, finite[-len(values) :], strict=True):
        assert lower < threshold <= upper or (threshold == upper == lower == 0)


@FREE
@given(ROWS)
def test_only_a_score_of_one_cannot_be_kept_out(rows):
    scores, truth = arrays(rows)
    cuts = cuts_of(scores, truth)
    assert np.isinf(cuts.thresholds[0]) == (scores.max() == 1)
    assert (cuts.threshold(0) is None) == (scores.max() == 1)
    assert cuts.threshold(1) == cuts.thresholds[1]


@pytest.mark.parametrize("low", [0.0, SMALLEST, 1e-30, 0.25, 0.30000001, 0.5, 0.9999999])
def test_neighbouring_floats_are_kept_apart(low):
    """A decision compares in float32, where nothing lies between two neighbours."""
    lower = np.float32(low)
    upper = np.nextafter(lower, np.float32(1))
    scores = np.array([lower, upper])
    cuts = cuts_of(scores, np.array([False, True]))
    assert [parted(scores, one).tolist() for one in cuts.thresholds] == [
        [False, False],
        [False, True],
        [True, True],
    ]


def test_a_threshold_lies_halfway():
    scores = np.array([0.25, 0.75, 0.5], dtype=np.float32)
    cuts = cuts_of(scores, np.array([False, True, True]))
    assert cuts.thresholds.tolist() == [0.875, 0.625, 0.375, 0.125]


def test_no_text_has_one_cut():
    cuts = cuts_of(np.array([], dtype=np.float32), np.array([], dtype=bool), positives=3)
    assert (cuts.hits.tolist(), cuts.given.tolist()) == ([0], [0])
    assert cuts.f1.tolist() == [0.0]
    assert cuts.recall.tolist() == [0.0]
    assert cuts.precision.tolist() == [1.0]


@FREE
@given(ROWS, st.integers(0, 5))
def test_measures_are_those_of_the_text_book(rows, lost):
    """`lost` true texts cannot be given: they count as missed, everywhere."""
    scores, truth = arrays(rows)
    positives = int(truth.sum()) + lost
    cuts = cuts_of(scores, truth, positives)
    for place, threshold in enumerate(cuts.thresholds):
        reached = parted(scores, threshold)
        hits, wrong = int((reached & truth).sum()), int((reached & ~truth).sum())
        missed = positives - hits
        total = 2 * hits + wrong + missed
        assert cuts.f1[place] == pytest.approx(2 * hits / total if total else 0)
        assert cuts.precision[place] == pytest.approx(hits / (hits + wrong) if hits + wrong else 1)
        assert cuts.recall[place] == pytest.approx(hits / positives if positives else 1)


@FREE
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(rows, random):
    cuts = cuts_of(*arrays(rows))
    random.shuffle(rows)
    again = cuts_of(*arrays(rows))
    assert again.thresholds.tolist() == cuts.thresholds.tolist()
    assert again.hits.tolist() == cuts.hits.tolist()
    assert again.given.tolist() == cuts.given.tolist()
