"""Which texts are repeated, and what that does to the labels that occur together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from limen.errors import InputError
from limen_export.training.resampling import (
    MOST_REPEATS,
    conditional_cooccurrence,
    imbalance_ratios,
    repeats,
    resampled,
)

TRUTHS = arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 6)))
UNEQUAL = np.repeat([0, 1, 2], [30, 12, 3])


def emotions(texts=4_000, seed=0):
    """Made-up labels: frequent ones, and rare ones that occur with them in their own ways."""
    draw = np.random.default_rng(seed)
    frequent = draw.random((texts, 3)) < [0.4, 0.3, 0.2]
    chance = np.stack([0.005 + 0.03 * frequent[:, 0], 0.02 - 0.015 * frequent[:, 1]], axis=1)
    return np.concatenate([frequent, draw.random((texts, 2)) < chance], axis=1)


def changes(examples, seed):
    """What resampling moves each P(b | a) by, whether a is raised, and whether b is."""
    before = conditional_cooccurrence(examples.truth)
    after = conditional_cooccurrence(examples.truth[resampled(examples, "cooccurrence", seed)])
    raised = examples.support < examples.support.mean()
    return np.abs(after - before), raised


# Labels that occur together


def test_ratios_and_shares_of_three_texts():
    truth = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0]], dtype=np.bool_)
    assert imbalance_ratios(truth) == pytest.approx([1.0, 1.5, np.nan], nan_ok=True)
    nothing = [np.nan] * 3
    shares = [[1.0, 2 / 3, 0.0], [1.0, 1.0, 0.0], nothing]
    assert conditional_cooccurrence(truth) == pytest.approx(np.array(shares), nan_ok=True)


def test_real_emotions_become_less_unequal_and_go_together_as_before(real_emotions):
    """Texts of a rare label keep the company that they had; how often a rare label stands beside a
    frequent one follows from how often it is there at all.
    """
    before = imbalance_ratios(real_emotions.truth)
    places = resampled(real_emotions, "cooccurrence", 3)
    after = imbalance_ratios(real_emotions.truth[places])
    assert after.mean() < 0.85 * before.mean()
    assert after.max() < 0.6 * before.max()
    moved, raised = changes(real_emotions, 3)
    apart = ~np.eye(len(raised), dtype=np.bool_)
    assert moved[apart].mean() < 0.01
    assert moved[raised].mean() < 0.01
    assert moved.max() < 0.1


def test_real_emotions_go_together_more_than_when_rare_label_sets_are_raised(real_emotions):
    """LP-ROS (Charte et al. 2015) raises rare sets of labels, not texts of rare labels."""
    truth = real_emotions.truth
    wanted = len(resampled(real_emotions, "cooccurrence", 3))
    _, sets, counts = np.unique(truth, axis=0, return_inverse=True, return_counts=True)
    draw, chosen = np.random.default_rng(0), [np.arange(len(truth))]
    small = [np.flatnonzero(sets == one) for one in np.flatnonzero(counts < counts.mean())]
    chosen += [draw.choice(small[place % len(small)], 1) for place in range(wanted - len(truth))]
    theirs = truth[np.concatenate(chosen)]
    moved, _ = changes(real_emotions, 3)
    before = conditional_cooccurrence(truth)
    assert moved.mean() < np.abs(conditional_cooccurrence(theirs) - before).mean()
    ours = imbalance_ratios(truth[resampled(real_emotions, "cooccurrence", 3)])
    assert ours.mean() < imbalance_ratios(theirs).mean()


@pytest.mark.parametrize("seed", range(5))
def test_made_up_emotions_keep_the_company_of_rare_labels(seed, make_examples):
    examples = make_examples(emotions(seed=seed))
    moved, raised = changes(examples, seed)
    assert raised.tolist() == [False, False, False, True, True]
    # Texts of a rare label are all repeated alike, but for those with a still rarer one.
    assert moved[raised].max() < 0.02
    places = resampled(examples, "cooccurrence", seed)
    before, after = imbalance_ratios(examples.truth), imbalance_ratios(examples.truth[places])
    assert after.mean() < 0.7 * before.mean()


def test_a_rare_label_alone_is_repeated_by_the_root_of_its_rarity(make_examples):
    truth = np.zeros((1_100, 2), dtype=np.bool_)
    truth[:1_000, 0], truth[1_000:1_040, 1] = True, True
    assert repeats(truth)[[0, 1_000, 1_050]] == pytest.approx([1, np.sqrt(520 / 40), 1])
    places = resampled(make_examples(truth), "cooccurrence", 0)
    seen = np.bincount(places, minlength=1_100)
    assert (seen[:1_000] == 1).all()
    assert (seen[1_040:] == 1).all()
    # 40 texts, each due 3.606 times.
    assert seen[1_000:1_040].sum() in (144, 145)
    assert set(seen[1_000:1_040]) <= {3, 4}


@given(truth=TRUTHS, seed=st.integers(0, 1_000))
def test_texts_are_repeated_whole_and_none_is_lost(truth, seed, make_examples):
    examples = make_examples(truth)
    places = resampled(examples, "cooccurrence", seed)
    seen = np.bincount(places, minlength=len(truth))
    due = repeats(truth)
    assert len(seen) == len(truth)
    assert ((np.floor(due) <= seen) & (seen <= np.ceil(due))).all()
    assert (due <= MOST_REPEATS).all()
    for labels in np.unique(truth, axis=0):
        same = (truth == labels).all(axis=1)
        assert abs(seen[same].sum() - due[same].sum()) < 1 + 1e-6


@given(truth=TRUTHS)
def test_the_largest_imbalance_never_grows(truth):
    """Of the due repeats, that is in expectation; rounding may move a single text."""
    before, after = truth.sum(axis=0), truth.T.astype(np.float64) @ repeats(truth)
    before, after = before[before > 0], after[before > 0]
    if len(before):
        assert after.max() / after.min() <= before.max() / before.min() * (1 + 1e-9)


def test_equal_labels_are_left_alone(make_examples):
    examples = make_examples(np.eye(4, dtype=np.bool_).repeat(5, axis=0))
    assert resampled(examples, "cooccurrence", 0).tolist() == list(range(20))


@pytest.mark.parametrize("truth", [np.zeros((3, 2)), np.zeros((0, 2))])
def test_texts_without_labels_stand_once(truth, make_examples):
    assert resampled(make_examples(truth), "cooccurrence", 0).tolist() == list(range(len(truth)))


# Classes


def test_oversampling_makes_all_classes_as_large_as_the_largest(make_examples):
    examples = make_examples(UNEQUAL)
    places = resampled(examples, "over", 0)
    assert np.bincount(UNEQUAL[places]).tolist() == [30, 30, 30]
    assert set(places) == set(range(45))
    assert (examples.at(places).support == 30).all()


def test_undersampling_makes_all_classes_as_small_as_the_smallest(make_examples):
    places = resampled(make_examples(UNEQUAL), "under", 0)
    assert np.bincount(UNEQUAL[places]).tolist() == [3, 3, 3]
    assert len(set(places)) == 9


@pytest.mark.parametrize("sampler", ["over", "under"])
def test_a_label_without_texts_stays_without(sampler, make_examples):
    examples = make_examples(np.repeat([0, 2], [5, 2]))
    support = examples.at(resampled(examples, sampler, 0)).support
    assert support.tolist() == ([5, 0, 5] if sampler == "over" else [2, 0, 2])


@pytest.mark.parametrize("sampler", ["over", "under", "cooccurrence"])
def test_the_seed_decides(sampler, make_examples):
    examples = make_examples(emotions() if sampler == "cooccurrence" else UNEQUAL)
    first, again, other = (resampled(examples, sampler, seed).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first == sorted(first)


@pytest.mark.parametrize("given", [UNEQUAL, emotions(50)])
def test_no_sampler_takes_each_text_once(given, make_examples):
    examples = make_examples(given)
    assert resampled(examples, "none", 0).tolist() == list(range(len(given)))


@pytest.mark.parametrize(
    ("given", "sampler", "told"),
    [
        (emotions(50), "over", "needs task multiclass, found multilabel; choose cooccurrence"),
        (emotions(50), "under", "needs task multiclass"),
        (UNEQUAL, "cooccurrence", "needs task multilabel, found multiclass; choose over or under"),
        (UNEQUAL, "smote", "makes up features, not texts"),
        (UNEQUAL, "adasyn", "sampler 'adasyn', expected one of none, over, under"),
        (np.zeros(5, dtype=np.int64), "over", "all 5 texts have the same label"),
    ],
)
def test_samplers_that_do_not_fit(given, sampler, told, make_examples):
    with pytest.raises(InputError, match=told):
        resampled(make_examples(given), sampler, 0)
