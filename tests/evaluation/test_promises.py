"""Operating points that promise something keep their promise on texts that did not certify it."""

from itertools import pairwise

import numpy as np
import pytest
from limen.evaluation.cuts import cuts_of
from limen.evaluation.promised_points import coverage_point, promised_precision
from limen.evaluation.promises import candidates, certified, conformal, lower_bound
from limen.evaluation.steady_f1 import FitTexts
from limen.format.point_names import parse_point_name
from scipy.stats import binom

RUNS = 400


def population(texts, labels, seed):
    """Scores that are calibrated but for a tilt: the share of true texts rises with the score."""
    draw = np.random.default_rng(seed)
    scores = draw.beta(0.5, 1.5, (texts, labels)).astype(np.float32)
    return scores, draw.random((texts, labels)) < scores**0.9


def fit_texts(scores, truth, top=None):
    return FitTexts(scores, truth, np.arange(len(scores)) % 5, top)


@pytest.mark.parametrize(("hits", "given"), [(29, 29), (95, 100), (1, 1), (40, 80), (999, 1000)])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_lower_bound_is_where_the_hits_become_unlikely(hits, given, confidence):
    """At the bound, so many hits or more have the probability 1 - confidence."""
    bound = lower_bound(hits, given, confidence)
    assert binom.sf(hits - 1, given, bound) == pytest.approx(1 - confidence, rel=1e-6)


def test_without_hits_nothing_is_known():
    assert lower_bound(0, 0, 0.9) == lower_bound(0, 50, 0.9) == 0.0


def test_fixed_sequence_stops_at_the_first_failure():
    """The middle threshold fails; the lowest would hold again, but is never asked."""
    scores = np.array([0.9] * 60 + [0.6] * 60 + [0.3] * 2_000, dtype=np.float32)
    right = np.array([True] * 60 + [False] * 60 + [True] * 2_000)
    assert certified(scores, right, (0.8, 0.5, 0.2), 0.9, 0.95) == 0.8
    assert certified(scores, right, (0.2,), 0.9, 0.95) == 0.2
    assert certified(scores, right, (0.5, 0.2), 0.9, 0.95) is None


def test_candidates_fall_and_begin_where_precision_is_surest():
    scores, truth = population(2_000, 1, 3)
    order = candidates(cuts_of(scores[:, 0], truth[:, 0]), 0.8, 0.95)
    assert 0 < len(order) <= 20
    assert all(high > low for high, low in pairwise(order))


def simulated(seed, level, confidence, certify=600):
    """Precision on the whole population of a threshold certified on a draw from it."""
    draw = np.random.default_rng(seed)
    scores, truth = population(50_000, 1, 1)
    found = []
    for _ in range(RUNS):
        rows = draw.integers(0, len(scores), certify + certify // 2)
        select, last = rows[: certify // 2], rows[certify // 2 :]
        order = candidates(cuts_of(scores[select, 0], truth[select, 0]), level, confidence)
        threshold = certified(scores[last, 0], truth[last, 0], order, level, confidence)
        if threshold is None:
            found.append(None)
        else:
            given = scores[:, 0] >= np.float32(threshold)
            found.append(truth[given, 0].mean())
    return found


@pytest.mark.parametrize(("level", "confidence"), [(0.7, 0.9), (0.65, 0.95), (0.8, 0.8)])
def test_a_promised_precision_is_broken_no_more_often_than_it_says(level, confidence):
    """The population is known, so whether a promise is broken is, too. Of 400 certificates at most
    (1 - confidence) are expected to be wrong; the test allows what chance does in one of 10,000
    runs.
    """
    found = simulated(5, level, confidence)
    broken = sum(1 for one in found if one is not None and one < level)
    assert broken <= binom.ppf(0.9999, RUNS, 1 - confidence)
    made = [one for one in found if one is not None]
    assert len(made) > RUNS / 4, "the simulation must certify often enough to prove something"
    assert np.mean(made) >= level


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_coverage_holds_on_average_for_one_true_label(level):
    draw = np.random.default_rng(11)
    logits = draw.normal(0, 1.5, (40_000, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = (shares.cumsum(axis=1) > draw.random((40_000, 1))).argmax(axis=1)
    truth = np.eye(5, dtype=bool)[drawn]
    scores = shares.astype(np.float32)
    covered = []
    for _ in range(RUNS):
        rows = draw.integers(0, len(scores), 200)
        found = conformal(scores[rows], truth[rows], level)
        covered.append((truth & (scores >= np.float32(found.threshold))).any(axis=1).mean())
    error = np.std(covered) / np.sqrt(RUNS)
    assert level - 4 * error <= np.mean(covered) <= level + 0.02 + 4 * error


@pytest.mark.parametrize("level", [0.7, 0.9])
def test_share_of_missed_labels_holds_on_average(level):
    """Conformal risk control, with texts that have no label at all among them."""
    draw = np.random.default_rng(12)
    scores, truth = population(40_000, 6, 2)
    assert (~truth.any(axis=1)).mean() > 0.05
    missed = []
    for _ in range(RUNS):
        rows = draw.integers(0, len(scores), 200)
        found = conformal(scores[rows], truth[rows], level)
        lost = truth & (scores < np.float32(found.threshold))
        missed.append((lost.sum(axis=1) / np.maximum(truth.sum(axis=1), 1)).mean())
    error = np.std(missed) / np.sqrt(RUNS)
    assert 1 - level - 0.03 - 4 * error <= np.mean(missed) <= 1 - level + 4 * error


def test_too_few_texts_are_said_and_not_hidden():
    scores, truth = population(8, 3, 4)
    labels = ("a", "b", "c")
    point, notices = coverage_point(
        parse_point_name("coverage@0.90"), fit_texts(scores, truth), labels
    )
    assert point is None
    assert notices == (
        "coverage@0.90: not promised: it takes at least 9 certifying texts, there are 8",
    )
    few = fit_texts(scores, truth)
    point, (notice,) = promised_precision(
        parse_point_name("precision@0.90:conf0.95"), few, few, labels
    )
    assert point is None
    assert "at least 29 decisions without a wrong one" in notice


def test_nine_texts_are_enough_for_nine_tenths():
    scores, truth = population(9, 3, 4)
    assert conformal(scores, truth, 0.9).threshold is not None


def test_a_label_that_cannot_be_promised_is_never_given_and_named():
    draw = np.random.default_rng(6)
    good = draw.random(2_000) < 0.5
    truth = np.stack([good, draw.random(2_000) < 0.01], axis=1)
    scores = np.stack([np.where(good, 0.9, 0.1), draw.random(2_000)], axis=1).astype(np.float32)
    texts = fit_texts(scores, truth)
    name = parse_point_name("precision@0.90:conf0.95")
    point, (notice,) = promised_precision(name, texts, texts, ("good", "rare"))
    assert point.thresholds[1] is None
    assert point.promise.without == ("rare",)
    assert notice.endswith(": rare")
    assert 0.1 < point.thresholds[0] <= 0.9


def test_one_label_a_text_is_certified_by_one_threshold_for_all():
    draw = np.random.default_rng(7)
    top = draw.integers(0, 3, 3_000)
    sure = draw.random(3_000).astype(np.float32)
    right = draw.random(3_000) < sure
    truth = np.eye(3, dtype=bool)[np.where(right, top, (top + 1) % 3)]
    scores = np.zeros((3_000, 3), dtype=np.float32)
    scores[np.arange(3_000), top] = sure
    texts = fit_texts(scores, truth, top)
    name = parse_point_name("precision@0.80:conf0.90")
    point, notices = promised_precision(name, texts, texts, ("a", "b", "c"))
    assert notices == ()
    assert len(set(point.thresholds)) == 1
    assert not point.sets
    given = sure >= np.float32(point.thresholds[0])
    assert right[given].mean() >= 0.8
