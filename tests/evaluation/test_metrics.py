"""What decisions and scores are worth: by hand, and as scikit-learn counts it."""

import json
import warnings
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.calibration_error import BINS, bin_gaps, classwise_errors, reliability
from limen.evaluation.judged import Judged
from limen.evaluation.metrics import judge
from sklearn import metrics as sk

NAN = np.nan


def names(count):
    return tuple(f"label {place}" for place in range(count))


def several(truth, chosen, scores=None, **more):
    """A multi-label judgement of rows of 0 and 1."""
    truth, chosen = np.array(truth, dtype=bool), np.array(chosen, dtype=bool)
    if scores is not None:
        scores = np.array(scores, dtype=np.float32)
    return Judged(names(truth.shape[1]), truth, chosen, False, scores, **more)


def one(true, decided, labels, scores=None, **more):
    """A judgement of one label a text; -1 decides for none."""
    eye = np.vstack([np.eye(labels, dtype=bool), np.zeros(labels, dtype=bool)])
    if scores is not None:
        scores = np.array(scores, dtype=np.float32)
    return Judged(names(labels), eye[list(true)], eye[list(decided)], True, scores, **more)


@st.composite
def drawn(draw, exclusive=None):
    """A judgement of random decisions and scores, a few of which are equal."""
    exclusive = draw(st.booleans()) if exclusive is None else exclusive
    texts, labels = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = (random.integers(0, 11, (texts, labels)) / 10).astype(np.float32)
    if exclusive:
        decided = random.integers(-1, labels, texts)
        return one(random.integers(0, labels, texts), decided, labels, scores)
    rate = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    truth, chosen = random.random((2, texts, labels)) < rate
    return several(truth, chosen, scores)


def by_scikit_learn(function, judged, **options):
    """A figure of scikit-learn over the labels' columns; a single column is a label by itself."""
    truth, chosen = judged.truth.astype(int), judged.chosen.astype(int)
    if truth.shape[1] == 1:
        options = {"average": "binary"} | {
            key: value for key, value in options.items() if key != "average"
        }
        truth, chosen = truth.ravel(), chosen.ravel()
    return function(truth, chosen, **options)


def same(found, expected):
    expected = None if expected is None or np.isnan(expected) else pytest.approx(expected, abs=1e-9)
    assert found == expected


def test_metrics_by_hand():
    """Label 0: 1 hit, 1 miss, 1 false alarm; label 1: 2 hits; label 2 never; label 3: 1 miss."""
    truth = [[1, 1, 0, 0], [1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    chosen = [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    found = judge(several(truth, chosen))
    assert [label.f1 for label in found.labels] == [0.5, 1.0, None, 0.0]
    assert [label.precision for label in found.labels] == [0.5, 1.0, None, None]
    assert [label.recall for label in found.labels] == [0.5, 1.0, None, 0.0]
    assert [label.support for label in found.labels] == [2, 2, 0, 1]
    assert [label.predicted for label in found.labels] == [2, 2, 0, 0]
    decided = found.decisions
    assert decided.macro_f1 == 0.5
    assert found.averaged_over["macro_f1"] == 3
    assert decided.micro_f1 == pytest.approx(6 / 9)
    assert decided.weighted_f1 == pytest.approx((2 * 0.5 + 2 * 1.0) / 5)
    assert decided.samples_f1 == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert found.averaged_over["samples_f1"] == 3
    assert decided.subset_accuracy == 0.5
    assert decided.hamming_loss == pytest.approx(3 / 16)
    assert decided.abstained == 0.5
    assert decided.labels_per_text == 1.0
    assert decided.true_labels_per_text == 1.25
    assert decided.coverage == 0.75
    assert decided.missed_labels == 0.25
    assert decided.accuracy is None


def test_a_single_label():
    truth = [[1], [1], [0], [0], [0]]
    decided = judge(several(truth, [[1], [0], [0], [0], [0]])).decisions
    assert decided.macro_f1 == decided.micro_f1 == pytest.approx(2 / 3)
    assert decided.subset_accuracy == pytest.approx(0.8)


def test_a_text_without_a_decision_is_wrong():
    decided = judge(one([0, 1], [0, -1], 2)).decisions
    assert decided.accuracy == 0.5
    assert decided.abstained == 0.5
    assert decided.balanced_accuracy == 0.5


def test_sets_are_judged_by_what_they_cover():
    """Classes 0, 1, 2, 0; sets {0, 1}, {1}, {0, 1}, none."""
    truth = np.eye(3, dtype=bool)[[0, 1, 2, 0]]
    chosen = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], dtype=bool)
    found = judge(Judged(names(3), truth, chosen, True, sets=True)).decisions
    assert found.coverage == 0.5
    assert found.missed_labels == 0.5
    assert found.labels_per_text == 1.25
    assert found.abstained == 0.25
    assert found.accuracy == 0.25


@given(drawn())
@examples(deadline=None)
def test_decisions_are_judged_as_by_scikit_learn(judged):
    found = judge(judged)
    decided = found.decisions
    for average in ("macro", "weighted"):
        expected = by_scikit_learn(sk.f1_score, judged, average=average, zero_division=NAN)
        if average == "weighted" and not judged.truth.any():
            expected = NAN  # scikit-learn divides the weights by their sum, 0
        same(getattr(decided, f"{average}_f1"), expected)
    flat = {"zero_division": NAN}
    true, given_ = judged.truth.ravel(), judged.chosen.ravel()
    same(decided.micro_f1, sk.f1_score(true, given_, **flat))
    same(decided.micro_precision, sk.precision_score(true, given_, **flat))
    same(decided.micro_recall, sk.recall_score(true, given_, **flat))
    same(decided.hamming_loss, sk.hamming_loss(true, given_))
    for place, label in enumerate(found.labels):
        column = judged.truth[:, place], judged.chosen[:, place]
        same(label.precision, sk.precision_score(*column, **flat))
        same(label.recall, sk.recall_score(*column, **flat))
        same(label.f1, sk.f1_score(*column, **flat))
    if judged.truth.shape[1] > 1:
        same(
            decided.samples_f1, sk.f1_score(judged.truth, judged.chosen, average="samples", **flat)
        )
        same(decided.subset_accuracy, sk.accuracy_score(judged.truth, judged.chosen))


@given(drawn(exclusive=True))
@examples(deadline=None)
def test_one_label_is_judged_as_by_scikit_learn(judged):
    decided = judge(judged).decisions
    true = judged.truth.argmax(axis=1)
    given_ = np.where(judged.chosen.any(axis=1), judged.chosen.argmax(axis=1), -1)
    same(decided.accuracy, sk.accuracy_score(true, given_))
    with warnings.catch_warnings():
        # Classes that are never true, and -1, which stands for none.
        warnings.simplefilter("ignore", UserWarning)
        same(decided.balanced_accuracy, sk.balanced_accuracy_score(true, given_))


@given(drawn())
@examples(deadline=None)
def test_scores_are_judged_as_by_scikit_learn(judged):
    found = judge(judged)
    precisions, areas = [], []
    for place, label in enumerate(found.labels):
        true, scores = judged.truth[:, place], judged.scores[:, place]
        precision = sk.average_precision_score(true, scores) if true.any() else NAN
        area = sk.roc_auc_score(true, scores) if true.any() and not true.all() else NAN
        same(label.pr_auc, precision)
        same(label.roc_auc, area)
        precisions.append(precision)
        areas.append(area)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing
        same(found.scores.map_macro, np.nanmean(precisions))
        same(found.scores.roc_auc_macro, np.nanmean(areas))
    assert found.averaged_over["map_macro"] == np.sum(~np.isnan(precisions))
    assert found.averaged_over["roc_auc_macro"] == np.sum(~np.isnan(areas))


def test_losses_of_scores_that_share_one_are_by_text():
    random = np.random.default_rng(3)
    scores = random.dirichlet(np.ones(4), 200).astype(np.float32)
    true = random.integers(0, 4, 200)
    found = judge(one(true, scores.argmax(axis=1), 4, scores)).scores
    wide = scores.astype(np.float64)
    wide /= wide.sum(axis=1, keepdims=True)
    assert found.loss_unit == "text"
    assert found.log_loss == pytest.approx(sk.log_loss(true, wide), rel=1e-5)
    assert found.brier == pytest.approx(sk.brier_score_loss(true, wide), rel=1e-5)


@pytest.mark.parametrize("exclusive", [False, True])
def test_losses_of_other_scores_are_by_pair(exclusive):
    """A one-vs-rest classifier gives one label, but its scores do not share 1."""
    random = np.random.default_rng(3)
    scores = random.random((200, 4)).astype(np.float32)
    truth = np.eye(4, dtype=bool)[random.integers(0, 4, 200)]
    found = judge(Judged(names(4), truth, truth, exclusive, scores)).scores
    assert found.loss_unit == "pair"
    assert found.log_loss == pytest.approx(sk.log_loss(truth.ravel(), scores.ravel()), rel=1e-5)
    assert found.brier == pytest.approx(
        sk.brier_score_loss(truth.ravel(), scores.ravel()), rel=1e-5
    )


def test_a_score_rounded_to_zero_costs_much_but_not_everything():
    found = judge(several([[1], [0]], [[0], [0]], [[0.0], [1.0]])).scores
    assert found.log_loss == pytest.approx(-np.log(np.finfo(np.float32).eps))


def slow_error(scores, truth):
    """Guo et al. 2017, word for word: bins ((m - 1) / M, m / M]; 0 goes into the first."""
    total = 0.0
    for place in range(BINS):
        low = -1.0 if place == 0 else place / BINS
        inside = (scores > low) & (scores <= (place + 1) / BINS)
        if inside.any():
            total += inside.sum() * abs(truth[inside].mean() - scores[inside].mean())
    return total / len(scores)


@given(st.integers(0, 2**32 - 1), st.booleans())
@examples(deadline=None)
def test_calibration_error_is_its_definition(seed, exclusive):
    random = np.random.default_rng(seed)
    scores = random.beta(0.5, 0.7, (40, 3)).astype(np.float32)
    scores[:3] = [[0.0, 1.0, 0.5], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    truth = np.eye(3, dtype=bool)[random.integers(0, 3, 40)]
    wide = scores.astype(np.float64)
    asked = (wide.max(axis=1), truth[np.arange(40), wide.argmax(axis=1)])
    if not exclusive:
        asked = (wide.ravel(), truth.ravel())
    found = reliability(scores, truth, exclusive=exclusive)
    assert found.error == pytest.approx(slow_error(*asked), abs=1e-9)
    assert found.counts.sum() == len(asked[0])
    gaps = bin_gaps(scores, truth, exclusive=exclusive)
    assert np.abs(gaps.sum(axis=0)).sum() / len(asked[0]) == pytest.approx(found.error)
    each = [slow_error(wide[:, label], truth[:, label]) for label in range(3)]
    assert classwise_errors(scores, truth) == pytest.approx(each, abs=1e-9)


def test_calibrated_scores_have_a_small_error_and_tilted_ones_a_large_one():
    random = np.random.default_rng(1)
    shares = random.random((20_000, 2))
    truth = random.random((20_000, 2)) < shares
    errors = [
        judge(several(truth, truth, scores)).scores.ece for scores in (shares, np.sqrt(shares))
    ]
    assert errors[0] < 0.02
    assert errors[1] > 0.1


def missing(figures):
    return {name for name, value in asdict(figures).items() if value is None}


@given(drawn(), st.booleans())
@examples(deadline=None)
def test_what_has_no_value_is_listed_with_a_reason_and_nothing_else(judged, scored):
    found = judge(judged if scored else replace(judged, scores=None))
    listed = {(one.figure, one.label) for one in found.undefined}
    expected = {(name, None) for name in missing(found.decisions)}
    if found.scores is not None:
        expected |= {(name, None) for name in missing(found.scores)}
    everywhere = {figure for figure, label in listed if label is None}
    for label in found.labels:
        expected |= {(name, label.label) for name in missing(label) - everywhere}
    assert {(figure, label) for figure, label in listed if label is not None} == {
        (figure, label) for figure, label in expected if label is not None
    }
    assert expected <= listed
    assert len(listed) == len(found.undefined)
    assert all(one.reason for one in found.undefined)


def test_average_precision_of_true_texts_alone_is_one_and_no_more():
    scores = np.array([0.9, 0.7, 0.5, 0.2, 0.3, 0.0, 0.0, 0.0, 0.1], dtype=np.float32)[:, None]
    yes = np.ones((9, 1), dtype=np.bool_)
    found = judge(Judged(("only",), yes, yes, exclusive=True, scores=scores)).scores
    assert (found.map_macro, found.map_micro) == (1.0, 1.0)


@given(drawn())
@examples(deadline=None)
def test_every_figure_is_inside_its_range(judged):
    found = judge(judged)
    for figures in (found.decisions, found.scores):
        for name, value in asdict(figures).items():
            if isinstance(value, float) and not name.endswith("_per_text") and name != "log_loss":
                assert 0.0 <= value <= (2.0 if name == "brier" else 1.0), name


@given(drawn())
@examples(deadline=None)
def test_json_holds_everything_and_null_for_what_has_no_value(judged):
    found = judge(judged)
    text = json.dumps(found.to_json(), allow_nan=False)
    read = json.loads(text)
    assert read["decisions"] == asdict(found.decisions)
    assert read["labels"] == [asdict(label) for label in found.labels]
    assert read["scores"] == asdict(found.scores)
    assert len(read["undefined"]) == len(found.undefined)


def test_figures_are_found_by_name():
    found = judge(several([[1], [0]], [[1], [0]], [[0.9], [0.1]]))
    assert found.figure("macro_f1") == 1.0
    assert found.figure("map_macro") == 1.0
    assert judge(several([[1]], [[1]])).figure("map_macro") is None
    with pytest.raises(KeyError):
        found.figure("macro_f2")


def test_thresholds_are_shown_and_their_absence_is_told_apart():
    truth = [[1, 0], [0, 1]]
    found = judge(several(truth, truth, thresholds=(0.25, None)))
    assert [label.threshold for label in found.labels] == [0.25, None]
    assert ("threshold", "label 1") in {(one.figure, one.label) for one in found.undefined}
    found = judge(several(truth, truth))
    assert ("threshold", None) in {(one.figure, one.label) for one in found.undefined}


@pytest.mark.parametrize("scores", [0.0, 0.5, 1.0])
def test_equal_scores_rank_nothing(scores):
    truth = [[1, 0], [0, 1], [0, 0], [0, 1]]
    found = judge(several(truth, truth, np.full((4, 2), scores)))
    assert [label.roc_auc for label in found.labels] == [0.5, 0.5]
    assert [label.pr_auc for label in found.labels] == [0.25, 0.5]


def test_one_text_is_enough():
    found = judge(several([[1, 0]], [[1, 0]], [[0.7, 0.2]]))
    assert found.decisions.macro_f1 == 1.0
    assert found.averaged_over["macro_f1"] == 1
    assert found.scores.roc_auc_macro is None
    assert found.scores.map_macro == 1.0


ONES = np.ones((3, 2), dtype=bool)
HALVES = np.full((3, 2), 0.5, dtype=np.float32)
REFUSED = {
    "no text": ((ONES[:0], ONES[:0], False), {}, "0 texts and 2 labels"),
    "other shape": ((ONES, ONES[:2], False), {}, r"chosen: bool of shape \(2, 2\)"),
    "numbers": ((ONES, ONES.astype(int), False), {}, "chosen: int64"),
    "wide scores": ((ONES, ONES, False), {"scores": HALVES.astype(float)}, "scores: float64"),
    "NaN": ((ONES, ONES, False), {"scores": HALVES * NAN}, "6 scores are NaN"),
    "above 1": ((ONES, ONES, False), {"scores": HALVES * 3}, "1.5, of text 0 and label 0"),
    "below 0": ((ONES, ONES, False), {"scores": -HALVES}, "-0.5"),
    "thresholds": ((ONES, ONES, False), {"thresholds": (0.5,)}, "1 thresholds for 2 labels"),
    "two true": ((ONES, ONES, True), {}, "3 texts do not have 1 true labels"),
    "two given": ((np.eye(3, 2, -1, dtype=bool) | [True, False], ONES, True), {}, "text 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_judged_is_refused_with_its_numbers(case):
    values, more, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        Judged(("a", "b"), *values, **more)


def test_several_labels_of_an_exclusive_classifier_need_sets():
    truth = np.eye(2, dtype=bool)
    with pytest.raises(InputError, match="0 to 1 given labels"):
        Judged(("a", "b"), truth, np.ones((2, 2), dtype=bool), True)
    assert judge(Judged(("a", "b"), truth, np.ones((2, 2), dtype=bool), True, sets=True))
