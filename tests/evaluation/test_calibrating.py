"""Fitted calibrations: known distortions are found again, and scores come nearer to the truth."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.decision import scores_from_logits
from limen.evaluation.calibrating import (
    KINDS,
    LEAST_FOR_CURVE,
    LEAST_FOR_PLATT,
    fit_calibration,
    targets_of,
)
from limen.evaluation.calibration_error import classwise_errors, reliability
from limen.evaluation.choosing_calibration import choose_calibration, kinds_for, log_loss
from limen.evaluation.parts import folds
from limen.format import DecisionBlock, OperatingPoint, read
from threadpoolctl import threadpool_limits

RULES = [
    ("multiclass", "softmax", 4),
    ("multiclass", "log", 4),
    ("multiclass", "sigmoid", 2),
    ("multilabel", "sigmoid", 3),
    ("multilabel", "log", 3),
    ("one_vs_rest", "sigmoid", 3),
    ("one_vs_one", "sigmoid", 4),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads of BLAS wait for each other by spinning: on a busy machine that takes minutes."""
    with threadpool_limits(1, user_api="blas"):
        yield


def block(rule, link, labels):
    names = tuple(f"label {number}" for number in range(labels))
    half = OperatingPoint("half", (0.5,) * labels)
    return DecisionBlock(rule, names, link, (half,), "half")


def sigmoid(odds):
    return 1 / (1 + np.exp(-odds))


def log_sigmoid(odds):
    return -np.logaddexp(0, -odds)


def log_softmax(odds):
    return odds - np.logaddexp.reduce(odds, axis=1, keepdims=True)


def drawn(shares, random):
    """One true label a text, with these probabilities: bool, (texts, labels)."""
    found = (shares.cumsum(axis=1) > random.random((len(shares), 1))).argmax(axis=1)
    return np.eye(shares.shape[1], dtype=bool)[found]


def sample(rule, link, labels, texts=3_000, bent=lambda odds: odds, seed=1):
    """Logits and truth: labels are true with the probability of their odds, of which `bent` is
    seen.
    """
    random = np.random.default_rng(seed)
    decision = block(rule, link, labels)
    if rule == "one_vs_one":
        strength = random.normal(0, 1.5, (texts, labels))
        pairs = np.array(list(combinations(range(labels), 2)))
        odds = bent(strength[:, pairs[:, 1]] - strength[:, pairs[:, 0]])
        truth = drawn(np.exp(log_softmax(strength)), random)
        return odds, truth, decision
    odds = random.normal(-0.5, 1.5, (texts, decision.outputs))
    if rule == "multiclass" and decision.outputs > 1:
        truth = drawn(np.exp(log_softmax(odds)), random)
        return (log_softmax(bent(odds)) if link == "log" else bent(odds)), truth, decision
    yes = random.random(odds.shape) < sigmoid(odds)
    if rule == "multiclass":
        yes = np.concatenate([~yes, yes], axis=1)
    elif rule == "one_vs_rest":
        yes = drawn(sigmoid(odds) / sigmoid(odds).sum(axis=1, keepdims=True), random)
    return (log_sigmoid(bent(odds)) if link == "log" else bent(odds)), yes, decision


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
@pytest.mark.parametrize(
    ("rule", "link", "labels"),
    [one for one in RULES if one[0] not in ("one_vs_one", "one_vs_rest")],
)
def test_a_temperature_is_found_again(rule, link, labels, temperature):
    data = sample(rule, link, labels, 20_000, lambda odds: odds * temperature)
    found = fit_calibration(*data, "temperature")
    assert found.temperatures == (pytest.approx(temperature, rel=0.05),)


def test_a_temperature_of_pairs_is_found_again():
    """Each pair is asked about texts of its two labels, where strengths give its probability."""
    data = sample("one_vs_one", "sigmoid", 4, 20_000, lambda odds: odds * 3)
    found = fit_calibration(*data, "temperature")
    assert found.temperatures == (pytest.approx(3, rel=0.05),)


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, 0.0), (1.0, -2.0), (2.0, 1.0)])
@pytest.mark.parametrize("link", ["sigmoid", "log"])
def test_slope_and_intercept_are_found_again(link, slope, intercept):
    data = sample("multilabel", link, 3, 20_000, lambda odds: (odds - intercept) / slope)
    found = fit_calibration(*data, "platt")
    assert found.slopes == (pytest.approx(slope, rel=0.05),)
    assert found.intercepts == (pytest.approx(intercept, abs=0.1),)


def test_each_label_has_its_own_slope_and_intercept():
    slopes, intercepts = np.array([0.5, 1.0, 2.0]), np.array([-1.0, 0.0, 1.0])
    data = sample("multilabel", "sigmoid", 3, 20_000, lambda odds: (odds - intercepts) / slopes)
    found = fit_calibration(*data, "platt_each")
    assert found.slopes == pytest.approx(tuple(slopes), rel=0.05)
    assert found.intercepts == pytest.approx(tuple(intercepts), abs=0.1)


@pytest.mark.parametrize("true", [True, False])
@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_what_all_texts_say_is_not_taken_for_certain(kind, true):
    """98 texts alike are one of 100 short of certainty: Platt's smoothed targets, and as much for
    the curve.
    """
    logits = np.linspace(-3, 3, 98)[:, None]
    decision = block("multilabel", "sigmoid", 1)
    found = fit_calibration(logits, np.full((98, 1), true), decision, kind)
    scores = scores_from_logits(logits.astype(np.float32), replace(decision, calibration=found))
    assert scores == pytest.approx(0.99 if true else 0.01, abs=0.001)


def test_pairs_have_their_own_slopes():
    data = sample("one_vs_one", "sigmoid", 3, 30_000, lambda odds: odds * np.array([0.5, 1, 2]))
    assert fit_calibration(*data, "platt_each").slopes == pytest.approx((2.0, 1.0, 0.5), rel=0.07)


@pytest.mark.parametrize("kind", ["isotonic", "isotonic_each"])
def test_a_curve_of_the_truth_is_found_again(kind):
    """The scores are the squares of the probabilities: the curve is the square root."""
    logits, truth, decision = sample("multilabel", "log", 2, 20_000, lambda odds: odds)
    found = fit_calibration(2 * logits, truth, decision, kind)
    for curve in found.curves:
        at = np.linspace(0.01, 0.6, 30)
        assert np.interp(at, curve.raw, curve.calibrated) == pytest.approx(at**0.5, abs=0.06)


ROWS = st.lists(
    st.tuples(st.floats(-30, 30, width=32), st.booleans()), min_size=1, max_size=40
).map(lambda rows: ([[odds] for odds, _ in rows], [[true] for _, true in rows]))


@settings(deadline=None)
@given(ROWS, st.sampled_from(["platt", "isotonic", "temperature"]))
def test_whatever_the_texts_scores_stay_in_order_and_inside_0_and_1(rows, kind):
    logits, truth = np.array(rows[0]), np.array(rows[1])
    decision = block("multilabel", "sigmoid", 1)
    found = fit_calibration(logits, truth, decision, kind)
    if kind == "isotonic":
        (curve,) = found.curves
        assert all(0 < value < 1 for value in curve.calibrated)
        assert all(low <= high for low, high in pairwise(curve.calibrated))
    asked = np.linspace(-40, 40, 200, dtype=np.float32)[:, None]
    scores = scores_from_logits(asked, replace(decision, calibration=found))[:, 0]
    assert (np.diff(scores) >= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_curve_of_many_texts_keeps_to_the_cap():
    """1,200 scores with 1,200 texts each, one more of them true from score to score."""
    steps = 1_200
    odds = np.repeat(np.linspace(-4, 4, steps), steps)
    truth = np.tile(np.arange(steps), steps) < np.repeat(np.arange(steps), steps)
    decision = block("multilabel", "sigmoid", 1)
    found = fit_calibration(odds[:, None], truth[:, None], decision, "isotonic")
    (curve,) = found.curves
    assert len(curve.raw) == 200
    assert curve.raw[0] == pytest.approx(sigmoid(-4))
    assert curve.raw[-1] == pytest.approx(sigmoid(4))
    asked = np.linspace(-4, 4, 50)
    assert np.interp(sigmoid(asked), curve.raw, curve.calibrated) == pytest.approx(
        np.linspace(0, 1, 50), abs=0.01
    )


@pytest.mark.parametrize(
    ("kind", "least"), [("platt", LEAST_FOR_PLATT), ("isotonic", LEAST_FOR_CURVE)]
)
@pytest.mark.parametrize("true", [True, False], ids=["few true", "few false"])
def test_labels_with_too_few_texts_take_the_numbers_of_all(kind, least, true):
    logits, _, decision = sample("multilabel", "sigmoid", 3, 1_000)
    truth = np.full(logits.shape, not true)
    for label, count in enumerate((least - 1, least, 300)):
        surest = np.argsort(-logits[:, label] if true else logits[:, label])
        truth[surest[: 2 * count : 2], label] = true
    together = fit_calibration(logits, truth, decision, kind)
    each = fit_calibration(logits, truth, decision, f"{kind}_each")
    assert len(each) == 3

    def of(label, found):
        found = found.curves if kind == "isotonic" else list(zip(*numbers(found), strict=True))
        return found[label]

    def numbers(found):
        return found.slopes, found.intercepts

    assert of(0, each) == of(0, together)
    assert of(1, each) != of(0, together)
    assert of(2, each) != of(0, together)


def test_pairs_are_asked_only_about_texts_of_their_two_labels():
    truth = np.eye(4, dtype=bool)[[0, 1, 2, 3]]
    targets = targets_of(truth, block("one_vs_one", "sigmoid", 4))
    pairs = list(combinations(range(4), 2))
    assert targets.counts.tolist() == [[text in pair for pair in pairs] for text in range(4)]
    assert targets.truth.tolist() == [[text == pair[1] for pair in pairs] for text in range(4)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_what_a_pair_says_about_other_texts_changes_nothing(kind):
    logits, truth, decision = sample("one_vs_one", "sigmoid", 4)
    counts = targets_of(truth, decision).counts
    other = np.where(counts, logits, np.random.default_rng(3).normal(0, 20, logits.shape))
    found = fit_calibration(logits, truth, decision, kind)
    assert fit_calibration(other, truth, decision, kind) == found


def test_the_one_output_of_two_labels_is_about_the_second():
    truth = np.array([[True, False], [False, True]])
    targets = targets_of(truth, block("multiclass", "sigmoid", 2))
    assert targets.truth.tolist() == [[False], [True]]
    assert targets.counts.all()


@pytest.mark.parametrize(("rule", "link", "labels"), RULES)
def test_every_kind_fits_its_rule_and_its_scores_are_shares(rule, link, labels):
    logits, truth, decision = sample(rule, link, labels, 600)
    for kind in kinds_for(decision):
        calibrated = replace(decision, calibration=fit_calibration(logits, truth, decision, kind))
        scores = scores_from_logits(logits.astype(np.float32), calibrated)
        assert scores.shape == truth.shape
        assert ((scores >= 0) & (scores <= 1)).all()
        if rule == "multiclass":
            assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_kinds_worth_trying():
    assert kinds_for(block("multilabel", "labels", 3)) == ("none",)
    assert set(kinds_for(block("multilabel", "sigmoid", 3))) == set(KINDS)
    one = kinds_for(block("multiclass", "sigmoid", 2))
    assert set(one) == {"none", "temperature", "platt", "isotonic"}


@pytest.mark.parametrize("bent", [lambda odds: odds, lambda odds: 3 * odds + 1])
@pytest.mark.parametrize(("rule", "link", "labels"), RULES)
def test_the_simplest_of_the_good_kinds_is_chosen(rule, link, labels, bent):
    """Never one behind the best in the order of simplicity, and never one that is plainly worse."""
    logits, truth, decision = sample(rule, link, labels, 1_500, bent)
    split = np.arange(len(logits)) % 5
    chosen = choose_calibration(logits.astype(np.float32), truth, split, decision)
    losses = dict(chosen.losses)
    assert tuple(losses) == kinds_for(decision)
    best = min(losses, key=losses.get)
    assert list(losses).index(chosen.kind) <= list(losses).index(best)
    assert losses[chosen.kind] <= losses["none"]
    assert losses[chosen.kind] - losses[best] <= 0.01
    if losses["none"] - losses[best] > 0.05:
        assert chosen.kind != "none"


def test_losses_are_those_of_texts_that_were_left_out():
    """Written out once more: scikit-learn's log loss over folds."""
    from sklearn.metrics import log_loss as reference

    logits, truth, decision = sample("multiclass", "softmax", 4, 900, lambda odds: 2 * odds)
    split = np.arange(len(logits)) % 3
    chosen = choose_calibration(logits.astype(np.float32), truth, split, decision)
    for kind, loss in chosen.losses:
        parts = []
        for fold in range(3):
            inside = split != fold
            fitted = fit_calibration(
                logits[inside].astype(np.float32).astype(float), truth[inside], decision, kind
            )
            scores = scores_from_logits(
                logits[~inside].astype(np.float32), replace(decision, calibration=fitted)
            ).astype(float)
            scores /= scores.sum(axis=1, keepdims=True)
            parts.append(reference(truth[~inside].argmax(axis=1), scores, labels=range(4)))
        assert loss == pytest.approx(np.mean(parts), rel=1e-4)


def test_texts_in_one_fold_leave_nothing_to_choose_by():
    logits, truth, decision = sample("multilabel", "sigmoid", 3, 50)
    chosen = choose_calibration(logits.astype(np.float32), truth, np.zeros(50, int), decision)
    assert chosen.kind == "none"


def error_of(logits, truth, decision):
    scores = scores_from_logits(logits.astype(np.float32), decision)
    if decision.one_label:
        return reliability(scores, truth, exclusive=True).error
    return classwise_errors(scores, truth).mean()


@pytest.mark.parametrize(
    ("rule", "link", "labels", "kind"),
    [
        (*one, kind)
        for one in RULES
        if one[0] in ("multiclass", "multilabel")
        for kind in kinds_for(block(*one))[1:]
    ],
)
def test_scores_of_new_texts_come_nearer_to_the_truth(rule, link, labels, kind):
    """Much surer than they ought to be: every kind mends the greater part of the error."""
    logits, truth, decision = sample(rule, link, labels, 8_000, lambda odds: 2.5 * odds)
    seen, new = slice(0, 4_000), slice(4_000, None)
    calibration = fit_calibration(logits[seen], truth[seen], decision, kind)
    fitted = replace(decision, calibration=calibration)
    before = error_of(logits[new], truth[new], decision)
    assert error_of(logits[new], truth[new], fitted) < before / 2
    assert log_loss(logits[new], truth[new], fitted) < log_loss(logits[new], truth[new], decision)


@pytest.mark.parametrize("which", ["goemotions", "intents"])
@pytest.mark.parametrize("half", [0, 1])
def test_on_the_other_half_of_real_texts_the_error_falls(which, half, request):
    """Intents: the error of the best score; emotions: the mean of the labels' own errors."""
    file, data = request.getfixturevalue(which)
    decision = read(file).metadata.decision
    side = folds(data.keys, 2, "halves")
    own, other = data.at(side == half), data.at(side != half)
    split = folds(own.keys, 5, "calibration")
    kind = choose_calibration(own.logits, own.truth, split, decision).kind
    assert kind != "none"
    calibration = fit_calibration(own.logits.astype(float), own.truth, decision, kind)
    before = error_of(other.logits, other.truth, decision)
    after = error_of(other.logits, other.truth, replace(decision, calibration=calibration))
    assert after < (before / 2 if decision.one_label else before)
