"""What a prediction shows: a mapping of scores, a plain dictionary, one line of text."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen import Prediction, Scores
from limen.decision import REASONS, Decided
from limen.errors import InputError
from limen.prediction import predictions

LABELS = ("joy, bright", "분노", "🙂")
ROW = np.array([0.25, 0.999, 0.5], dtype=np.float32)


def predicted(*chosen, reason=None, truncated=False, row=ROW):
    """The prediction of one text; `chosen` are the labels given."""
    marks = np.array([[label in chosen for label in LABELS]])
    top = np.array([row.argmax()])
    reasons = np.array([REASONS.index(reason)], dtype=np.uint8)
    (found,) = predictions(LABELS, row[None], Decided(marks, top, row[None], reasons), [truncated])
    return found


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
    assert caught.value.__notes__ == [f"labels: {', '.join(map(repr, LABELS))}"]


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


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason])
def test_abstaining_has_a_reason_that_is_shown(reason):
    found = predicted(reason=reason)
    assert (found.abstained, found.reason) == (True, reason)
    assert str(found).startswith("(none; best 분노 1.00: ")
    assert found.to_dict()["reason"] == reason


def test_no_labels_alone_are_no_abstention():
    assert (predicted().abstained, predicted().reason) == (False, None)


def test_margin_is_the_distance_to_the_next_score():
    assert predicted("분노").margin == pytest.approx(0.499, abs=1e-6)


def test_the_form_of_a_transformers_pipeline():
    found = predicted("분노").to_pipeline()
    assert [one["label"] for one in found] == ["분노", "🙂", "joy, bright"]
    assert [one["score"] for one in found] == pytest.approx([0.999, 0.5, 0.25], abs=1e-6)
    assert predicted("분노").to_pipeline(top_k=1) == found[:1]


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_labels_of_a_pipeline_are_an_input_error(top_k):
    with pytest.raises(InputError, match=rf"top_k={top_k}: at least 1"):
        predicted("분노").to_pipeline(top_k)
    assert len(predicted("분노").to_pipeline(99)) == 3


def test_a_pipeline_keeps_label_order_among_equals():
    found = predicted(row=np.array([0.5, 0.5, 0.5], dtype=np.float32)).to_pipeline()
    assert [one["label"] for one in found] == list(LABELS)


def test_to_json_is_one_line_that_reads_back():
    found = predicted("분노", truncated=True)
    assert "\n" not in found.to_json()
    assert "분노" in found.to_json()
    assert json.loads(found.to_json()) == found.to_dict()


def test_to_dict_is_plain_and_ready_for_json():
    plain = predicted("분노", truncated=True).to_dict()
    assert plain == {
        "abstained": False,
        "labels": ["분노"],
        "margin": 0.499,
        "reason": None,
        "scores": {"joy, bright": 0.25, "분노": 0.999, "🙂": 0.5},
        "top": "분노",
        "truncated": True,
    }
    assert json.loads(json.dumps(plain)) == plain


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), st.booleans())
def test_to_dict_keeps_six_digits_and_decision_of_any_row(row, truncated):
    found = predicted("🙂", truncated=truncated, row=np.array(row, np.float32))
    plain = json.loads(json.dumps(found.to_dict()))
    assert list(plain["scores"]) == list(LABELS)
    assert list(plain["scores"].values()) == pytest.approx(row, abs=5.1e-7, rel=0)
    assert (plain["labels"], plain["top"]) == (["🙂"], found.top)
    assert (plain["abstained"], plain["truncated"]) == (False, truncated)


def test_str_shows_labels_with_scores():
    assert str(predicted("joy, bright", "분노")) == "joy, bright 0.25  분노 1.00"


@pytest.mark.parametrize(
    ("score", "shown"), [(0.0, "0.00"), (1e-9, "<0.01"), (0.0049, "<0.01"), (0.0051, "0.01")]
)
def test_str_shows_no_zero_for_a_score_above_it(score, shown):
    row = np.array([0.9, score, 0.9], dtype=np.float32)
    assert str(predicted(LABELS[1], row=row)) == f"{LABELS[1]} {shown}"


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
