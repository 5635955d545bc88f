"""What a prediction shows: a mapping of scores, a plain dictionary, one line of text."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen import Prediction, Scores
from limen.prediction import prediction

LABELS = ("joy, bright", "분노", "🙂")
ROW = np.array([0.25, 0.999, 0.5], dtype=np.float32)


def predicted(*chosen, exclusive=False, truncated=False, row=ROW):
    marks = np.array([label in chosen for label in LABELS])
    return prediction(LABELS, row, marks, exclusive=exclusive, truncated=truncated)


def test_scores_are_a_mapping_in_label_order():
    scores = Scores(LABELS, ROW)
    assert list(scores) == list(LABELS)
    assert len(scores) == 3
    assert scores["분노"] == float(np.float32(0.999))
    assert dict(scores) == dict(zip(LABELS, map(float, ROW), strict=True))
    assert "🙂" in scores
    assert "joy" not in scores
    assert scores.get("joy") is None
    assert scores == dict(scores)


def test_scores_are_python_floats():
    assert {type(score) for score in Scores(LABELS, ROW).values()} == {float}


@pytest.mark.parametrize("name", ["joy", "", 0, None])
def test_an_unknown_label_is_a_key_error(name):
    with pytest.raises(KeyError) as caught:
        Scores(LABELS, ROW)[name]
    assert caught.value.args == (name,)


def test_scores_cannot_be_set():
    with pytest.raises(TypeError):
        Scores(LABELS, ROW)["🙂"] = 1.0


def test_scores_show_three_digits():
    assert repr(Scores(LABELS, ROW)) == "{'joy, bright': 0.250, '분노': 0.999, '🙂': 0.500}"


def test_labels_come_in_label_order():
    assert predicted("🙂", "joy, bright").labels == ("joy, bright", "🙂")
    assert predicted().labels == ()


def test_top_is_the_largest_score_and_the_earlier_of_equals():
    assert predicted("🙂").top == "분노"
    assert predicted(row=np.array([0.5, 0.5, 0.5], dtype=np.float32)).top == LABELS[0]


def test_only_an_exclusive_rule_abstains():
    assert predicted(exclusive=True).abstained is True
    assert predicted("분노", exclusive=True).abstained is False
    assert predicted(exclusive=False).abstained is False


def test_to_dict_is_plain_and_ready_for_json():
    plain = predicted("분노", truncated=True).to_dict()
    assert plain == {
        "abstained": False,
        "labels": ["분노"],
        "scores": {"joy, bright": 0.25, "분노": 0.999, "🙂": 0.5},
        "top": "분노",
        "truncated": True,
    }
    assert json.loads(json.dumps(plain)) == plain


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), st.booleans(), st.booleans())
def test_to_dict_keeps_six_digits_and_decision_of_any_row(row, exclusive, truncated):
    found = predicted("🙂", exclusive=exclusive, truncated=truncated, row=np.array(row, np.float32))
    plain = json.loads(json.dumps(found.to_dict()))
    assert list(plain["scores"]) == list(LABELS)
    assert list(plain["scores"].values()) == pytest.approx(row, abs=5.1e-7, rel=0)
    assert (plain["labels"], plain["top"]) == (["🙂"], found.top)
    assert (plain["abstained"], plain["truncated"]) == (False, truncated)


def test_str_shows_labels_with_scores():
    assert str(predicted("joy, bright", "분노")) == "joy, bright 0.25  분노 1.00"


def test_str_shows_the_best_label_where_there_is_none():
    assert str(predicted()) == "(none; best 분노 1.00)"


def test_str_shows_truncation():
    assert str(predicted("🙂", truncated=True)) == "🙂 0.50  [truncated]"
    assert str(predicted(truncated=True)) == "(none; best 분노 1.00)  [truncated]"


def test_a_prediction_cannot_be_changed():
    with pytest.raises(AttributeError):
        predicted("🙂").labels = ()


def test_predictions_compare_by_value():
    assert predicted("🙂") == predicted("🙂")
    assert predicted("🙂") != predicted("분노")
    assert isinstance(predicted("🙂"), Prediction)


def test_a_models_prediction_does_not_change_with_later_ones(multilabel):
    before = multilabel("happy bright")
    kept = dict(before.scores)
    multilabel.predict(["angry mad"] * 50)
    assert dict(before.scores) == kept
