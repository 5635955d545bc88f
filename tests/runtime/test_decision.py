"""Logits to scores to labels, against the formulas computed plainly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.decision import Scored, score, scores_from_logits
from limen.decision import decide as decide_scored
from limen.errors import EngineError
from limen.format import DecisionBlock, OperatingPoint

LARGEST = float(np.finfo(np.float32).max)
LOGITS = st.one_of(
    st.floats(-30, 30, width=32),
    st.floats(-LARGEST, LARGEST, width=32),
    st.sampled_from([0.0, 1e4, -1e4, LARGEST, -LARGEST, 1e-45]),
)
SHARES = st.floats(0, 1, width=32)
ARGMAX = OperatingPoint("argmax", None)


def decide(scores, decision, point):
    """Labels given, where the ranking is by the scores themselves."""
    return decide_scored(Scored(scores, scores), decision, point).chosen


def multilabel(labels):
    half = OperatingPoint("half", (0.5,) * labels)
    names = tuple(f"l{index}" for index in range(labels))
    return DecisionBlock("multilabel", names, "sigmoid", (half,), "half")


def multiclass(labels, link="softmax"):
    names = tuple(f"l{index}" for index in range(labels))
    return DecisionBlock("multiclass", names, link, (ARGMAX,), "argmax")


def rows(width, elements=LOGITS):
    return st.lists(st.tuples(*[elements] * width), max_size=5).map(
        lambda values: np.array(values, dtype=np.float32).reshape(-1, width)
    )


def sigmoid(logit):
    """The textbook's formula; where it would overflow in float64 its limit."""
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


def softmax(logits):
    odds = [math.exp(max(logit - max(logits), -745.0)) for logit in logits]
    return [one / sum(odds) for one in odds]


@given(rows(3))
def test_sigmoid(logits):
    scores = scores_from_logits(logits, multilabel(3))
    expected = [[sigmoid(float(logit)) for logit in row] for row in logits]
    assert scores.dtype == np.float32
    assert scores.shape == logits.shape
    np.testing.assert_allclose(scores, np.array(expected).reshape(-1, 3), rtol=1e-6, atol=1e-45)


@given(rows(4))
def test_softmax(logits):
    scores = scores_from_logits(logits, multiclass(4))
    expected = [softmax([float(logit) for logit in row]) for row in logits]
    assert scores.dtype == np.float32
    assert scores.shape == logits.shape
    np.testing.assert_allclose(scores, np.array(expected).reshape(-1, 4), rtol=1e-6, atol=1e-45)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-6)


@given(rows(1))
def test_one_output_gives_the_second_label_its_score_and_the_first_the_rest(logits):
    scores = scores_from_logits(logits, multiclass(2, "sigmoid"))
    expected = [[1 - sigmoid(float(row[0])), sigmoid(float(row[0]))] for row in logits]
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, np.array(expected).reshape(-1, 2), rtol=1e-6, atol=1e-16)


@given(rows(2), st.sampled_from([multilabel(2), multiclass(2)]))
def test_scores_of_finite_logits_are_finite_and_in_range(logits, decision):
    scores = scores_from_logits(logits, decision)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("extreme", [1e4, LARGEST])
def test_extremes_reach_the_ends(extreme):
    logits = np.array([[extreme, -extreme]], dtype=np.float32)
    assert scores_from_logits(logits, multilabel(2)).tolist() == [[1.0, 0.0]]
    assert scores_from_logits(logits, multiclass(2)).tolist() == [[1.0, 0.0]]
    single = multiclass(2, "sigmoid")
    assert scores_from_logits(logits[:, :1], single).tolist() == [[0.0, 1.0]]
    assert scores_from_logits(logits[:, 1:], single).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_an_error_that_names_the_text(bad):
    logits = np.zeros((4, 3), dtype=np.float32)
    logits[2, 1] = bad
    for decision in (multilabel(3), multiclass(3)):
        with pytest.raises(EngineError, match=r"text 2: .*not finite; export it as fp32"):
            scores_from_logits(logits, decision)


@given(rows(3, SHARES), st.tuples(SHARES, SHARES, SHARES))
def test_multilabel_takes_every_label_at_or_above_its_threshold(scores, thresholds):
    chosen = decide(scores, multilabel(3), OperatingPoint("own", thresholds))
    assert chosen.dtype == np.bool_
    assert chosen.tolist() == [
        [bool(np.float32(x) >= np.float32(t)) for x, t in zip(row, thresholds, strict=True)]
        for row in scores
    ]


@given(rows(3, SHARES), st.none() | st.tuples(SHARES, SHARES, SHARES))
def test_multiclass_takes_the_best_label_unless_it_is_below_its_own_threshold(scores, thresholds):
    chosen = decide(scores, multiclass(3), OperatingPoint("own", thresholds))
    for row, marks in zip(scores.tolist(), chosen.tolist(), strict=True):
        best = row.index(max(row))
        wanted = thresholds is None or row[best] >= thresholds[best]
        assert marks == [index == best and wanted for index in range(3)]


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 1 / 3, 0.5, 0.7, 0.9, 1.0])
def test_thresholds_are_inclusive_in_float32(threshold):
    point = OperatingPoint("own", (threshold, threshold))
    exact = np.float32(threshold)
    below = np.nextafter(exact, np.float32(-1))
    above = np.nextafter(exact, np.float32(2))
    scores = np.array([[exact, below], [above, exact]], dtype=np.float32)
    assert decide(scores, multilabel(2), point).tolist() == [[True, False], [True, True]]
    single = np.array([[exact, -1.0], [below, -1.0]], dtype=np.float32)
    assert decide(single, multiclass(2), point).tolist() == [[True, False], [False, False]]


def test_of_equal_scores_the_earlier_label_wins():
    scores = np.array([[0.25, 0.25, 0.25], [0.2, 0.4, 0.4]], dtype=np.float32)
    assert decide(scores, multiclass(3), ARGMAX).tolist() == [
        [True, False, False],
        [False, True, False],
    ]


def test_only_the_winners_own_threshold_counts():
    point = OperatingPoint("own", (0.9, 0.1, 0.9))
    scores = np.array([[0.3, 0.4, 0.3], [0.8, 0.1, 0.1]], dtype=np.float32)
    assert decide(scores, multiclass(3), point).tolist() == [
        [False, True, False],
        [False, False, False],
    ]


def test_the_one_output_chooses_between_two_labels():
    decision = multiclass(2, "sigmoid")
    logits = np.array([[-2.0], [0.0], [2.0]], dtype=np.float32)
    chosen = decide_scored(score(logits, decision), decision, ARGMAX).chosen
    assert chosen.tolist() == [[True, False], [True, False], [False, True]]


def test_a_multilabel_text_may_have_no_label_and_all():
    scores = np.array([[0.0, 0.0], [1.0, 1.0]], dtype=np.float32)
    decision = multilabel(2)
    assert decide(scores, decision, decision.points[0]).tolist() == [[False] * 2, [True] * 2]


@pytest.mark.parametrize("decision", [multilabel(3), multiclass(3), multiclass(2, "sigmoid")])
def test_no_texts_give_no_rows(decision):
    scores = scores_from_logits(np.empty((0, decision.outputs), dtype=np.float32), decision)
    assert scores.shape == (0, len(decision.labels))
    assert decide(scores, decision, decision.points[0]).shape == scores.shape


def test_logits_are_left_as_they_were():
    logits = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    before = logits.copy()
    scores_from_logits(logits, multiclass(3))
    scores_from_logits(logits, multilabel(3))
    assert logits.tobytes() == before.tobytes()
