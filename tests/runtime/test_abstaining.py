"""When no label is given, and why: thresholds, margin, fallback, sets, promises."""

from dataclasses import replace

import numpy as np
import pytest
from limen.decision import REASONS, Scored, decide, score
from limen.format import (
    AbstainPolicy,
    Curve,
    DecisionBlock,
    Isotonic,
    OperatingPoint,
    Platt,
    Promise,
)

ARGMAX = OperatingPoint("argmax", None)
HALF = OperatingPoint("half", (0.5, 0.5, 0.5))
PRECISION = Promise("precision", 0.9, 0.95, 100)
COVERAGE = Promise("coverage", 0.9, None, 100)


def one_label(link="softmax", rule="multiclass", **fields):
    return DecisionBlock(rule, ("a", "b", "c"), link, (ARGMAX, HALF), "argmax", **fields)


def any_number(rule="multilabel", **fields):
    several = rule == "one_vs_rest"
    return DecisionBlock(
        rule, ("a", "b", "c"), "sigmoid", (HALF,), "half", several=several, **fields
    )


def told(scores, decision, point):
    """For every text the labels given, and why none was."""
    scores = np.array(scores, dtype=np.float32)
    found = decide(Scored(scores, scores), decision, point)
    names = np.array(decision.labels)
    return [
        ("".join(names[marks]), REASONS[reason])
        for marks, reason in zip(found.chosen, found.reasons, strict=True)
    ]


@pytest.mark.parametrize("rule", ["multiclass", "one_vs_rest", "one_vs_one"])
def test_a_score_below_its_threshold(rule):
    decision = one_label("sigmoid" if rule != "multiclass" else "softmax", rule)
    rows = [[0.5, 0.3, 0.2], [0.45, 0.3, 0.25]]
    assert told(rows, decision, HALF) == [("a", None), ("", "threshold")]
    assert told(rows, decision, ARGMAX) == [("a", None), ("a", None)]


def test_a_margin_that_is_reached_exactly_is_enough():
    decision = one_label(abstain=AbstainPolicy(margin=0.25))
    rows = [[0.5, 0.25, 0.25], [0.5, 0.26, 0.24], [0.25, 0.5, 0.25]]
    assert told(rows, decision, ARGMAX) == [("a", None), ("", "margin"), ("b", None)]


def test_a_margin_is_compared_in_float32():
    rows = np.array([[0.4, 0.3, 0.3]], dtype=np.float32)
    margin = float(rows[0, 0] - rows[0, 1])
    for value, expected in (
        (margin, ("a", None)),
        (float(np.nextafter(np.float32(margin), np.float32(1))), ("", "margin")),
        (margin + 1e-12, ("a", None)),
    ):
        decision = one_label(abstain=AbstainPolicy(margin=value))
        assert told(rows, decision, ARGMAX) == [expected]


def test_the_threshold_is_named_before_the_margin():
    decision = one_label(abstain=AbstainPolicy(margin=0.2))
    rows = [[0.4, 0.35, 0.25], [0.5, 0.4, 0.1]]
    assert told(rows, decision, HALF) == [("", "threshold"), ("", "margin")]


def test_votes_that_overrule_scores_have_a_margin_below_zero():
    """a wins two pairs barely, b one pair clearly: most votes, and not the largest score."""
    decision = one_label("sigmoid", "one_vs_one")
    logits = np.array([[-0.1, -0.1, -9.0]], dtype=np.float32)
    scored = score(logits, decision)
    found = decide(scored, decision, ARGMAX)
    assert found.top.tolist() == [0]
    assert scored.scores.argmax() == 1
    assert found.margins[0] == scored.scores[0, 0] - scored.scores[0, 1] < 0
    assert found.chosen.tolist() == [[True, False, False]]
    careful = decide(scored, replace(decision, abstain=AbstainPolicy(margin=1e-6)), ARGMAX)
    assert REASONS[careful.reasons[0]] == "margin"


def test_no_part_said_yes():
    decision = one_label("labels", "one_vs_rest")
    logits = np.array([[0, 1, 1], [0, 0, 0], [0.49, 0.5, 0.51]], dtype=np.float32)
    for point in (ARGMAX, HALF):
        found = decide(score(logits, decision), decision, point)
        assert found.chosen.tolist() == [[False, True, False], [False] * 3, [False, True, False]]
        assert [REASONS[reason] for reason in found.reasons] == [None, "no_yes", None]
        assert found.top.tolist() == [1, 0, 1]


def test_no_part_said_yes_is_a_decision_where_any_number_may():
    decision = DecisionBlock(
        "one_vs_rest", ("a", "b"), "labels", (HALF_OF_TWO,), "half", several=True
    )
    found = decide(score(np.zeros((1, 2), dtype=np.float32), decision), decision, HALF_OF_TWO)
    assert (found.chosen.any(), REASONS[found.reasons[0]]) == (False, None)


HALF_OF_TWO = OperatingPoint("half", (0.5, 0.5))


@pytest.mark.parametrize("rule", ["multilabel", "one_vs_rest"])
def test_the_fallback_gives_the_best_label_where_none_is_reached(rule):
    rows = [[0.2, 0.4, 0.3], [0.6, 0.1, 0.9], [0.4, 0.4, 0.1]]
    assert told(rows, any_number(rule), HALF) == [("", None), ("ac", None), ("", None)]
    decision = any_number(rule, abstain=AbstainPolicy(fallback="top1"))
    assert told(rows, decision, HALF) == [("b", None), ("ac", None), ("a", None)]


def test_the_fallback_tells_labels_apart_whose_scores_are_rounded_alike():
    decision = any_number(abstain=AbstainPolicy(fallback="top1"))
    logits = np.array([[-200.0, -199.0, -201.0]], dtype=np.float32)
    scored = score(logits, decision)
    assert scored.scores.tolist() == [[0.0, 0.0, 0.0]]
    assert decide(scored, decision, HALF).chosen.tolist() == [[False, True, False]]


def test_a_label_without_a_threshold_is_never_given():
    never = OperatingPoint("some", (0.5, None, 0.5))
    rows = [[0.6, 1.0, 0.7], [0.1, 1.0, 0.2], [0.3, 0.2, 0.1]]
    fallback = any_number(abstain=AbstainPolicy(fallback="top1"))
    assert told(rows, any_number(), never) == [("ac", None), ("", None), ("", None)]
    assert told(rows, fallback, never) == [("ac", None), ("", None), ("a", None)]
    one = [("", "threshold"), ("", "threshold"), ("", "threshold")]
    assert told(rows, one_label(), never) == one
    everything = OperatingPoint("none", (None, None, None))
    assert told(rows, fallback, everything) == [("", None)] * 3


def test_sets_hold_every_label_that_reaches_its_threshold():
    sets = OperatingPoint("coverage@0.90", (0.3, 0.3, 0.5), sets=True)
    rows = [[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.26, 0.26, 0.48]]
    for promise in (None, COVERAGE):
        point = replace(sets, promise=promise)
        expected = [("ab", None), ("c", None), ("", "empty_set")]
        assert told(rows, one_label(), point) == expected
        careful = one_label(abstain=AbstainPolicy(margin=0.9))
        assert told(rows, careful, point) == expected


def test_sets_of_yes_and_no_are_empty_where_no_part_said_yes():
    decision = one_label("labels", "one_vs_rest")
    point = replace(HALF, sets=True)
    assert told([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]], decision, point) == [
        ("", "empty_set"),
        ("bc", None),
    ]


def test_margin_and_fallback_leave_promised_points_alone():
    rows = [[0.4, 0.35, 0.25]]
    low = OperatingPoint("p", (0.3, 0.3, 0.3))
    careful = one_label(abstain=AbstainPolicy(margin=0.5))
    assert told(rows, careful, low) == [("", "margin")]
    assert told(rows, careful, replace(low, promise=PRECISION)) == [("a", None)]
    helpful = any_number(abstain=AbstainPolicy(fallback="top1"))
    assert told(rows, helpful, HALF) == [("a", None)]
    for promise in (PRECISION, COVERAGE):
        assert told(rows, helpful, replace(HALF, promise=promise)) == [("", None)]


def test_one_label_has_its_score_as_margin():
    point = OperatingPoint("half", (0.5,))
    decision = DecisionBlock("multilabel", ("a",), "sigmoid", (point,), "half")
    scores = np.array([[0.25], [0.75]], dtype=np.float32)
    found = decide(Scored(scores, scores), decision, point)
    assert found.margins.tolist() == [0.25, 0.75]
    assert found.top.tolist() == [0, 0]
    assert found.chosen.tolist() == [[False], [True]]


def test_ties_go_to_the_earlier_label():
    rows = [[0.25, 0.25, 0.25], [0.1, 0.4, 0.4]]
    for decision in (one_label(), one_label("sigmoid", "one_vs_rest")):
        assert told(rows, decision, ARGMAX) == [("a", None), ("b", None)]
    pairs = one_label("sigmoid", "one_vs_one")
    for surest in ("vote", "max"):
        decision = replace(pairs, pairs=surest)
        logits = np.array([[0.0, 0.0, 0.0], [-1.0, 1.0, -1.0]], dtype=np.float32)
        found = decide(score(logits, decision), decision, ARGMAX)
        assert found.top.tolist() == [0, 0]


def test_scores_that_are_rounded_alike_are_told_apart_by_logits():
    decision = one_label()
    logits = np.array([[120.0, 120.00001, 0.0], [90.0, 200.0, 200.0]], dtype=np.float32)
    scored = score(logits, decision)
    assert decide(scored, decision, ARGMAX).top.tolist() == [1, 1]
    rest = one_label("sigmoid", "one_vs_rest")
    scored = score(logits, rest)
    assert scored.scores.tolist() == [[1.0, 1.0, 0.5], [1.0, 1.0, 1.0]]
    assert decide(scored, rest, ARGMAX).top.tolist() == [1, 1]


def test_the_one_output_decides_by_its_sign_where_both_scores_are_one_half():
    decision = DecisionBlock("multiclass", ("a", "b"), "sigmoid", (ARGMAX,), "argmax")
    logits = np.array([[1e-9], [0.0], [-1e-9], [60.0], [-60.0]], dtype=np.float32)
    scored = score(logits, decision)
    assert scored.scores[:3].tolist() == [[0.5, 0.5]] * 3
    assert decide(scored, decision, ARGMAX).top.tolist() == [1, 0, 0, 1, 0]


@pytest.mark.parametrize("rule", ["multiclass", "one_vs_rest"])
def test_labels_that_a_calibration_makes_equal_are_told_apart_by_log_odds(rule):
    link = "softmax" if rule == "multiclass" else "sigmoid"
    logits = np.array([[1.0, 2.0, 0.0], [2.0, 2.0, 0.0]], dtype=np.float32)
    for calibration in (Platt((0.0,), (0.3,)), Isotonic((Curve((0.5,), (0.4,)),))):
        decision = one_label(link, rule, calibration=calibration)
        scored = score(logits, decision)
        assert len(set(scored.scores[0].tolist())) == 1
        assert decide(scored, decision, ARGMAX).top.tolist() == [1, 0]
