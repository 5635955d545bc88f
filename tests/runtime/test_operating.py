"""Another operating point, margin or fallback for a loaded classifier."""

import json

import numpy as np
import pytest
from limen.errors import InputError

TEXTS = ["happy bright happy", "mad wow", "day and", "", "happy mad wow tears", "sad tears sad"]


def given(model, text):
    found = model(text)
    return found.labels, found.reason


def test_without_arguments_nothing_changes(one_vs_one, multilabel):
    for model in (one_vs_one, multilabel):
        again = model.at()
        assert again.predict(TEXTS) == model.predict(TEXTS)
        assert (again.operating_point, again.abstain) == (model.operating_point, model.abstain)


def test_a_margin_makes_a_classifier_abstain(one_vs_one):
    assert one_vs_one.abstain.margin == 0.05
    assert given(one_vs_one, "mad wow") == ((), "margin")
    assert one_vs_one("mad wow").margin == pytest.approx(0.0257, abs=1e-3)
    bold = one_vs_one.at(margin=0)
    assert given(bold, "mad wow") == (("anger",), None)
    assert bold.operating_point == one_vs_one.operating_point
    shy = bold.at(margin=1.0)
    assert given(shy, "happy bright happy") == ((), "margin")
    assert one_vs_one.abstain.margin == 0.05


def test_a_margin_stays_when_the_point_changes(one_vs_one):
    shy = one_vs_one.at(margin=0.9).at("argmax")
    assert (shy.operating_point.name, shy.abstain.margin) == ("argmax", 0.9)
    assert given(shy, "mad wow") == ((), "margin")
    assert given(one_vs_one.at("argmax", margin=0.0), "day and") == (("anger",), None)


def test_a_margin_that_equals_the_difference_is_enough(multiclass):
    margin = multiclass("happy angry sad").margin
    assert multiclass.at(margin=margin)("happy angry sad").reason is None
    above = float(np.nextafter(np.float32(margin), np.float32(1)))
    assert multiclass.at(margin=above)("happy angry sad").reason == "margin"


def test_a_margin_leaves_a_promised_point_alone(one_vs_one, one_vs_rest):
    promised = one_vs_one.at(margin=0.9).at("precision@0.9:conf.95")
    assert promised.operating_point.promise.texts == 300
    assert given(promised, "mad wow") == (("anger",), None)
    sets = one_vs_rest.at(margin=0.9).at("coverage@0.9")
    assert given(sets, "bright sudden sad happy") == (("기쁨", "sorrow"), None)
    assert given(sets, "the day is") == ((), "empty_set")


def test_a_margin_is_refused_where_it_could_break_a_promise(one_vs_one):
    with pytest.raises(InputError, match="promises something that a margin or a fallback could"):
        one_vs_one.at("precision@0.9:conf.95", margin=0.9)


def test_a_fallback_gives_a_text_its_best_label(multilabel):
    text = "the day is"
    assert given(multilabel, text) == ((), None)
    helpful = multilabel.at(fallback="top1")
    assert given(helpful, text) == ((helpful(text).top,), None)
    assert given(helpful.at("half"), text) == ((helpful(text).top,), None)
    assert given(helpful.at(fallback="none"), text) == ((), None)
    assert helpful.at("half", fallback="none").abstain == multilabel.abstain
    assert given(helpful, "happy bright") == given(multilabel, "happy bright")


def test_own_thresholds_make_a_custom_point_without_a_promise(one_vs_one, one_vs_rest):
    promised = one_vs_one.at("precision@0.90:conf0.95")
    own = promised.at({"joy": 0.1})
    assert own.operating_point.name == "custom"
    assert own.operating_point.thresholds == (0.1, 0.7, 0.7, 0.7)
    assert own.operating_point.promise is None
    assert given(own, "mad wow") == ((), "margin")
    sets = one_vs_rest.at("coverage@0.90").at({"anger": 0.99})
    assert (sets.operating_point.sets, sets.operating_point.promise) == (True, None)
    assert sets.operating_point.thresholds == (0.3, 0.99, 0.4)


def test_a_label_that_is_never_given_can_get_a_threshold(one_vs_one):
    assert given(one_vs_one, "wow sudden 깜짝") == ((), "threshold")
    assert one_vs_one.at({"joy": 0.5}).operating_point.thresholds == (0.5, 0.7, 0.75, None)
    assert given(one_vs_one.at({"wow!": 0.5}), "wow sudden 깜짝") == (("wow!",), None)


@pytest.mark.parametrize("value", [float("nan"), -0.01, 1.01, 2, True, "0.5", 10**400, [0.1]])
def test_what_is_no_margin_is_refused(multiclass, value):
    with pytest.raises(InputError, match=r"margin: a number in \[0, 1\] expected"):
        multiclass.at(margin=value)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.float64(0.25), np.int64(1)])
def test_any_real_number_is_a_margin(multiclass, value):
    assert multiclass.at(margin=value).abstain.margin == float(value)


@pytest.mark.parametrize("value", ["best", "", 1, True])
def test_what_is_no_fallback_is_refused(multilabel, value):
    with pytest.raises(InputError, match="expected one of none, top1"):
        multilabel.at(fallback=value)


def test_options_that_a_rule_does_not_have_are_refused(multilabel, multiclass, one_vs_one):
    with pytest.raises(InputError, match="rule multilabel gives any number of labels: it has no"):
        multilabel.at(margin=0.1)
    for model in (multiclass, one_vs_one):
        with pytest.raises(InputError, match=f"rule {model.rule} gives one label: it needs no"):
            model.at(fallback="top1")


@pytest.mark.parametrize("wanted", [0.5, ["half"], ("half", 0.5), b"half"])
def test_what_is_no_point_is_refused(multilabel, wanted):
    with pytest.raises(InputError, match="where an operating point is expected; give a name or a"):
        multilabel.at(wanted)


def test_a_number_beyond_every_float_is_no_threshold(multilabel):
    with pytest.raises(InputError, match="threshold of '슬픔': a number in"):
        multilabel.at({"슬픔": 10**400})


def test_predictions_say_why_in_json(one_vs_one, one_vs_rest):
    found = json.loads(one_vs_one("mad wow").to_json())
    assert (found["labels"], found["abstained"], found["reason"]) == ([], True, "margin")
    assert found["top"] == "anger"
    assert found["margin"] == pytest.approx(
        found["scores"]["anger"] - found["scores"]["wow!"], abs=2e-6
    )
    sets = json.loads(one_vs_rest.at("coverage@0.90")("the day is").to_json())
    assert (sets["labels"], sets["abstained"], sets["reason"]) == ([], True, "empty_set")
    assert "(none; best" in str(one_vs_one("mad wow"))
    assert str(one_vs_one("mad wow")).endswith(": too little above the next label)")


def test_a_pipeline_lists_scores_where_votes_overrule_them(one_vs_one):
    found = one_vs_one("day and")
    assert found.margin < 0
    assert found.top == "anger"
    assert found.to_pipeline(1) == [{"label": "joy", "score": found.scores["joy"]}]


def test_scores_and_values_do_not_depend_on_the_point(one_vs_one):
    other = one_vs_one.at("argmax", margin=0.5)
    np.testing.assert_array_equal(other.scores(TEXTS), one_vs_one.scores(TEXTS))
    values = one_vs_one.decision_function(TEXTS)
    np.testing.assert_array_equal(other.decision_function(TEXTS), values)
    assert values.shape == (len(TEXTS), 4)
    tops = [found.top for found in other.predict(TEXTS)]
    assert [one_vs_one.labels[place] for place in values.argmax(axis=1)] == tops
