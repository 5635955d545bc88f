"""Thresholds with the best F1, steadied: what they are, and that they do better on fresh texts."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limen.evaluation.steady_f1 import (
    FEW,
    MOST_GIVEN,
    WEIGHTS,
    FitTexts,
    draw,
    expected_threshold,
    fit_f1,
    lowest_allowed,
)
from limen.evaluation.thresholds import best_f1

FREE = settings(deadline=None, max_examples=50)
SHIFTS = np.array([-1.0, -3.0, -4.0, -5.0, -6.0, -6.5])
"""Mean log-odds of six labels, true of 35 % of the texts down to 1 %."""
ONE_BELOW = float(np.nextafter(np.float32(1), np.float32(0)))


def population(texts, random, shifts=SHIFTS, seen=lambda odds: odds):
    """Texts whose labels are true with the probabilities of their scores; `seen` bends these."""
    odds = random.normal(0, 2, (texts, len(shifts))) + shifts
    truth = random.random(odds.shape) < 1 / (1 + np.exp(-odds))
    return (1 / (1 + np.exp(-seen(odds)))).astype(np.float32), truth


def fit_texts(scores, truth, top=None):
    return FitTexts(scores, truth, np.arange(len(scores)) % 5, top)


def shuffled(texts, order):
    top = None if texts.top is None else texts.top[order]
    return FitTexts(texts.scores[order], texts.truth[order], texts.folds[order], top)


def mean_f1(scores, truth, thresholds):
    reached = scores >= np.array(thresholds, dtype=np.float32)
    hits = (reached & truth).sum(axis=0)
    return (2 * hits / np.maximum(reached.sum(axis=0) + truth.sum(axis=0), 1)).mean()


SCORE = st.one_of(st.sampled_from([0.0, 0.5, 1.0, ONE_BELOW]), st.floats(0, 1, width=32))


@FREE
@given(
    st.lists(
        st.lists(st.tuples(SCORE, st.booleans()), min_size=2, max_size=2), min_size=1, max_size=30
    )
)
@example([[(0.0, True), (1.0, False)]])
@example([[(0.0, False), (1.0, True)]] * 4)
@example([[(1.0, True), (0.0, True)]] * 4 + [[(ONE_BELOW, False), (0.0, True)]] * 4)
@example([[(ONE_BELOW, True), (1e-40, True)], [(1.0, False), (0.0, False)]])
def test_thresholds_are_inside_0_and_1(rows):
    """Also as float32 numbers, in which they are compared."""
    scores = np.array([[score for score, _ in row] for row in rows], dtype=np.float32)
    truth = np.array([[true for _, true in row] for row in rows])
    found = np.array(fit_f1(fit_texts(scores, truth)).thresholds)
    assert ((found > 0) & (found < 1)).all()
    assert ((found.astype(np.float32) > 0) & (found.astype(np.float32) < 1)).all()


def test_a_label_without_true_texts_gets_the_expected_threshold_or_its_floor():
    scores, truth = population(300, np.random.default_rng(1))
    truth[:, 2] = False
    scores[:, 2] = np.where(np.arange(300) < 2, 0.9, 1e-4)
    expected = expected_threshold(scores[:, 2])
    assert lowest_allowed(scores[:, 2], 0) < expected
    assert fit_f1(fit_texts(scores, truth)).thresholds[2] == pytest.approx(expected, rel=1e-6)
    scores[:, 2] = np.linspace(0.01, 0.02, 300)
    floor = lowest_allowed(scores[:, 2], 0)
    assert floor > expected_threshold(scores[:, 2])
    assert fit_f1(fit_texts(scores, truth)).thresholds[2] == floor


def test_rare_labels_are_those_with_fewer_than_fifty_true_texts():
    scores, truth = population(1_000, np.random.default_rng(2))
    for label, support in enumerate((FEW - 1, FEW, FEW + 1, 0, 1, 500)):
        truth[:, label] = False
        truth[np.argsort(-scores[:, label])[:support], label] = True
    found = fit_f1(fit_texts(scores, truth))
    assert found.rare == (0, 3, 4)
    assert found.weight in WEIGHTS


def test_without_a_rare_label_nothing_is_drawn():
    scores, truth = population(1_000, np.random.default_rng(3), SHIFTS[:3])
    found = fit_f1(fit_texts(scores, truth))
    assert found.rare == ()
    assert found.weight is None


@pytest.mark.parametrize("seed", range(3))
def test_labels_in_another_order_have_their_thresholds_in_that_order(seed):
    random = np.random.default_rng(seed)
    scores, truth = population(400, random)
    order = random.permutation(len(SHIFTS))
    found = fit_f1(fit_texts(scores, truth))
    again = fit_f1(fit_texts(scores[:, order], truth[:, order]))
    assert again.thresholds == tuple(found.thresholds[label] for label in order)
    assert again.weight == found.weight
    assert sorted(order[list(again.rare)]) == list(found.rare)


@pytest.mark.parametrize("digits", [1, 2, 7])
@pytest.mark.parametrize("one_label", [False, True])
def test_the_order_of_the_texts_does_not_matter(digits, one_label):
    """Not even where many scores are equal: draws are from the texts sorted by score and truth."""
    random = np.random.default_rng(digits)
    scores, truth = population(400, random)
    scores = np.round(scores, digits)
    texts = fit_texts(scores, truth, scores.argmax(axis=1) if one_label else None)
    assert fit_f1(shuffled(texts, random.permutation(400))) == fit_f1(texts)


def test_a_label_that_another_one_wins_counts_as_missed():
    """With a rule that gives one label, only texts that a label wins can be given to it."""
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], dtype=np.float32)
    truth = np.array([[True, False], [False, True], [True, False], [False, True]])
    texts = fit_texts(scores, truth, np.array([0, 0, 1, 1]))
    kept, true, lost = texts.of(0)
    assert (kept.tolist(), true.tolist(), lost) == (scores[:2, 0].tolist(), [True, False], 1)
    cuts = texts.cuts(0)
    assert (cuts.hits.tolist(), cuts.given.tolist(), cuts.positives) == ([0, 1, 1], [0, 1, 2], 2)
    together = texts.all_pairs()
    assert together.given.tolist() == [0, 1, 2, 3, 4]
    assert together.hits.tolist() == [0, 1, 1, 1, 2]
    assert together.positives == 4


@pytest.fixture
def fit_without_floors(monkeypatch):
    def fitted(texts):
        with monkeypatch.context() as patch:
            patch.setattr("limen.evaluation.steady_f1.MOST_GIVEN", 10**6)
            return fit_f1(texts)

    return fitted


@FREE
@given(st.lists(SCORE, min_size=1, max_size=40), st.integers(0, 12))
@example([ONE_BELOW] * 4, 0)
@example([1.0] * 3 + [ONE_BELOW], 0)
@example([1e-40] * 3 + [0.0], 0)
@example([0.5] * 2 + [float(np.nextafter(np.float32(0.5), np.float32(0)))] * 2, 0)
@example([0.5] * 3 + [float(np.nextafter(np.float32(0.5), np.float32(0)))], 0)
def test_a_floor_is_the_lowest_threshold_that_gives_no_more_than_allowed(scores, true):
    """So the next lower score would be one too many; scores of 1 reach every threshold."""
    ranked = np.sort(np.array(scores, dtype=np.float32))[::-1]
    floor, most = lowest_allowed(ranked[::-1], true), MOST_GIVEN * (true + 1)
    assert 0 <= floor <= ONE_BELOW
    assert float(np.float32(floor)) == floor
    reached = int((ranked >= np.float32(floor)).sum())
    if most >= len(ranked):
        assert floor == 0
    elif ranked[most] < ONE_BELOW:
        assert reached <= most
        assert reached + int((ranked == ranked[reached]).sum()) > most
    else:
        assert reached == int((ranked >= ONE_BELOW).sum())


@pytest.mark.parametrize("support", range(4))
def test_a_rare_label_whose_scores_say_nothing_is_not_given_to_every_text(
    support, fit_without_floors
):
    """Not to more than the bound's share of unseen texts of the same kind, on average over samples
    and but for chance in each; without the floor it is given to many times as many.
    """
    random = np.random.default_rng(support)
    texts, unseen = 200, 20_000
    most = MOST_GIVEN * (support + 1)

    def sample(count):
        return (1 / (1 + np.exp(random.normal(4.5, 0.2, (count, 1))))).astype(np.float32)

    with_floor, without = [], []
    for _ in range(20):
        truth = (random.permutation(texts) < support)[:, None]
        fitted_on, fresh = fit_texts(sample(texts), truth), sample(unseen)
        for fit, shares in ((fit_f1, with_floor), (fit_without_floors, without)):
            reached = fresh >= np.array(fit(fitted_on).thresholds, dtype=np.float32)
            shares.append(reached.mean() * texts)
    # What is above the m-th of N scores has a share of m / (N + 1) on average, and a standard
    # deviation of less than sqrt(m) / N.
    assert np.mean(with_floor) < most + 3 * np.sqrt(most / len(with_floor))
    assert max(with_floor) < most + 5 * np.sqrt(most)
    assert np.mean(without) > 5 * most


def test_labels_with_true_texts_enough_have_no_floor(fit_without_floors):
    scores, truth = population(1_000, np.random.default_rng(8))
    truth[:, 0] = np.random.default_rng(9).permutation(1_000) < FEW  # its scores say nothing
    texts = fit_texts(scores, truth)
    found, before = fit_f1(texts), fit_without_floors(texts)
    frequent = sorted({*range(len(SHIFTS))} - {*found.rare})
    assert 0 in frequent
    assert found.rare
    reached = int((scores[:, 0] >= np.float32(found.thresholds[0])).sum())
    assert reached > MOST_GIVEN * (FEW + 1)
    assert [found.thresholds[at] for at in frequent] == [before.thresholds[at] for at in frequent]


def test_rules_that_give_one_label_have_no_floors(fit_without_floors):
    random = np.random.default_rng(10)
    scores, _ = population(300, random, SHIFTS[:1].repeat(3))
    truth = np.eye(3, dtype=bool)[(np.arange(300) >= 296).astype(int)]
    texts = fit_texts(scores, random.permutation(truth), scores.argmax(axis=1))
    found = fit_f1(texts)
    assert found.rare == (1, 2)
    assert found == fit_without_floors(texts)
    assert fit_f1(fit_texts(scores, texts.truth)) != fit_without_floors(
        fit_texts(scores, texts.truth)
    )


def brute_expected_f1(scores):
    """F1 of giving the k surest of these texts, truth replaced by its expectation; the best k."""
    ranked = sorted(scores, reverse=True)
    return max(2 * sum(ranked[:k]) / (k + sum(ranked)) for k in range(1, len(ranked) + 1))


@FREE
@given(st.lists(st.floats(2**-10, 1, width=32), min_size=1, max_size=30))
def test_the_expected_threshold_is_half_of_the_expected_f1(scores):
    found = expected_threshold(np.array(scores, dtype=np.float32))
    assert found == pytest.approx(brute_expected_f1(scores) / 2)


def test_no_threshold_does_better_than_the_expected_one_where_scores_are_right():
    scores, truth = population(300_000, np.random.default_rng(4), SHIFTS[2:3])
    texts = fit_texts(scores, truth)
    expected = expected_threshold(scores[:, 0])
    assert best_f1(texts.cuts(0)) == pytest.approx(expected, abs=0.03)
    assert mean_f1(scores, truth, [expected]) == pytest.approx(texts.cuts(0).f1.max(), abs=0.002)


@FREE
@given(
    st.floats(0.001, 0.999),
    st.floats(0.001, 0.999),
    st.integers(0, FEW),
    st.sampled_from(WEIGHTS),
)
def test_drawing_ends_between_the_two_and_the_weight_draws_further(own, expected, support, weight):
    def drawn(weight):
        one = [np.array([number]) for number in (own, expected, support)]
        return float(draw(*one, weight)[0])

    low, high = sorted((own, expected))
    assert low - 1e-9 <= drawn(weight) <= high + 1e-9
    assert abs(drawn(2 * weight + 1) - expected) <= abs(drawn(weight) - expected) + 1e-9
    if support == 0:
        assert drawn(weight) == pytest.approx(expected)
    elif weight == 0:
        assert drawn(weight) == pytest.approx(own)


def gains(texts, seen, runs=30):
    """Macro-F1 on fresh texts less that of the exact search, fitted on many small samples."""
    random = np.random.default_rng(5)
    fresh = population(100_000, random, seen=seen)
    found = []
    for _ in range(runs):
        fitted_on = fit_texts(*population(texts, random, seen=seen))
        exact = [best_f1(fitted_on.cuts(label)) for label in range(len(SHIFTS))]
        found.append(mean_f1(*fresh, fit_f1(fitted_on).thresholds) - mean_f1(*fresh, exact))
    return np.array(found)


@pytest.mark.parametrize("texts", [200, 1_000])
@pytest.mark.parametrize(
    "seen",
    [
        lambda odds: odds,
        lambda odds: odds / 2 - 1.5,
        lambda odds: 4 * odds - 15,
        lambda odds: np.where(odds < -3, -200.0, odds),
    ],
    ids=["right", "timid", "far too sure", "often 0"],
)
def test_on_fresh_texts_it_does_better_than_the_exact_search(texts, seen):
    """On average, over samples of one population; whether scores are right probabilities or not."""
    found = gains(texts, seen)
    error = found.std() / np.sqrt(len(found))
    assert found.mean() > 0
    if seen(1.0) == 1.0:
        assert found.mean() > 3 * error, "where scores are right it is no matter of chance"


def test_one_label_rules_do_not_lose_to_the_exact_search_on_fresh_texts():
    random = np.random.default_rng(6)
    found = []

    def sample(texts):
        logits = random.normal(0, 1.5, (texts, 4)) + np.array([1.5, 0.5, 0.0, -1.5])
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        drawn = (shares.cumsum(axis=1) > random.random((texts, 1))).argmax(axis=1)
        return shares.astype(np.float32), np.eye(4, dtype=bool)[drawn], shares.argmax(axis=1)

    def judged(scores, truth, top, thresholds):
        won = np.where(top[:, None] == np.arange(4), scores, -1.0).astype(np.float32)
        return mean_f1(won, truth, thresholds)

    fresh = sample(100_000)
    for _ in range(30):
        texts = fit_texts(*sample(400))
        exact = [best_f1(texts.cuts(label)) for label in range(4)]
        found.append(judged(*fresh, fit_f1(texts).thresholds) - judged(*fresh, exact))
    assert np.mean(found) > 0


@pytest.mark.parametrize("seed", range(6))
def test_the_weight_does_best_on_fifths_that_were_left_out(seed, monkeypatch):
    """Cross-validation written out once more, floors included; with the weight 0 alone nothing is
    drawn, and bagged thresholds are those without floors.
    """
    scores, truth = population(300, np.random.default_rng(seed))
    texts = fit_texts(scores, truth)
    found = fit_f1(texts)
    rare = list(found.rare)
    reached = {weight: np.zeros((300, len(rare)), dtype=bool) for weight in WEIGHTS}
    for fold in range(5):
        inside, outside = texts.folds != fold, texts.folds == fold
        expected = np.array([expected_threshold(scores[inside, label]) for label in rare])
        support = truth[inside][:, rare].sum(axis=0)
        floors = [
            lowest_allowed(scores[inside, label], int(true))
            for label, true in zip(rare, support, strict=True)
        ]
        with monkeypatch.context() as patch:
            patch.setattr("limen.evaluation.steady_f1.WEIGHTS", (0.0,))
            patch.setattr("limen.evaluation.steady_f1.MOST_GIVEN", 10**6)
            own = np.array(fit_f1(texts.at(inside)).thresholds)[rare]
        for weight, given_texts in reached.items():
            drawn = np.maximum(draw(own, expected, support, weight), floors).astype(np.float32)
            given_texts[outside] = scores[outside][:, rare] >= drawn
    hits = [(given_texts & truth[:, rare]).sum(axis=0) for given_texts in reached.values()]
    total = [
        given_texts.sum(axis=0) + truth[:, rare].sum(axis=0) for given_texts in reached.values()
    ]
    best = np.argmax((2 * np.array(hits) / np.maximum(total, 1)).mean(axis=1))
    assert found.weight == WEIGHTS[best]


def test_samples_too_large_to_be_drawn_at_once_are_drawn_in_steps(monkeypatch):
    """The same draws, so the same thresholds."""
    texts = fit_texts(*population(500, np.random.default_rng(7)))
    found = fit_f1(texts)
    monkeypatch.setattr("limen.evaluation.steady_f1._MOST_DRAWN", 3_000)
    assert fit_f1(texts) == found
