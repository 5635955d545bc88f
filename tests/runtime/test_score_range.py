"""Scores of finite logits, however large or small, are finite and in [0, 1], and multi-class ones
sum to 1; logits that are no numbers are refused.
"""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.decision import decide, decision_function, score
from limen.errors import EngineError
from limen.format import Curve, Isotonic, OperatingPoint, Platt, Temperature

plain = SimpleNamespace(**run_path(str(Path(__file__).with_name("plain_rules.py"))))
LARGEST = float(np.finfo(np.float32).max)
SUBNORMAL, NORMAL = 2.0**-149, 2.0**-126
EXTREMES = [0.0, -0.0, 1e4, -1e4, LARGEST, -LARGEST, SUBNORMAL, -SUBNORMAL, NORMAL, -NORMAL]
EXTREMES += [88.8, -88.8, 104.0, -104.0, 709.0, -709.0, -730.0, -740.0, 745.5, -745.5, 0.5, 1.0]
LOGITS = st.sampled_from(EXTREMES) | st.floats(-LARGEST, LARGEST, width=32, allow_subnormal=True)
STEEP = Curve((0.0, 5e-324, 1e-310, 1.0), (0.0, 0.4, 0.6, 1.0))
"""Knots so close that the slope between them is infinite."""
ENDS = [Temperature((1e-6,)), Temperature((1e6,)), Platt((1e6,), (1e6,)), Platt((1e6,), (-1e6,))]
ENDS += [Platt((0.0,), (-1e6,)), Isotonic((Curve((0.5,), (0.0,)),)), Isotonic((STEEP,))]
HARD = {
    f"{name} {kind}": plain.decision(*rule, end)
    for rule in plain.RULES
    if rule[1] != "labels"
    for name in [" ".join(map(str, (*rule[:3], *rule[3].values())))]
    for kind, end in enumerate(ENDS)
}
DECISIONS = plain.DECISIONS | HARD


@pytest.fixture(scope="session", params=DECISIONS)
def decision(request):
    return DECISIONS[request.param]


def whole(decision):
    """Whether the scores of a text sum to 1: the graph's own log-probabilities need not."""
    given = decision.link in ("log", "labels") and decision.calibration is None
    return decision.rule == "multiclass" and not given


@settings(max_examples=15)
@given(data=st.data())
def test_finite_logits_give_scores_in_range(decision, data):
    row = st.lists(LOGITS, min_size=decision.outputs, max_size=decision.outputs)
    logits = np.array(data.draw(st.lists(row, min_size=1, max_size=8)), dtype=np.float32)
    assert_in_range(logits, decision)


def test_all_extremes_beside_each_other(decision):
    draw = np.random.default_rng(1)
    logits = draw.choice(np.array(EXTREMES, dtype=np.float32), (300, decision.outputs))
    alike = np.repeat(np.array(EXTREMES, dtype=np.float32)[:, None], decision.outputs, axis=1)
    assert_in_range(np.concatenate([logits, alike]), decision)


def assert_in_range(logits, decision):
    found = score(logits, decision)
    assert np.isfinite(found.scores).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert np.isfinite(found.ranking).all()
    assert found.ties is None or np.isfinite(found.ties).all()
    assert np.isfinite(decision_function(logits, decision)).all()
    if whole(decision):
        np.testing.assert_allclose(found.scores.sum(axis=1, dtype=np.float64), 1.0, atol=1e-6)
    margins = decide(found, decision, decision.points[0]).margins
    assert ((margins >= -1) & (margins <= 1)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_an_error_that_names_the_text(decision, bad):
    logits = np.zeros((4, decision.outputs), dtype=np.float32)
    logits[2, -1] = bad
    with pytest.raises(EngineError, match=r"text 12: .*not finite; export it as fp32"):
        score(logits, decision, start=10)
    with pytest.raises(EngineError, match=r"text 2: .*not finite"):
        decision_function(logits, decision)


def test_no_texts_give_no_rows(decision):
    found = score(np.empty((0, decision.outputs), dtype=np.float32), decision)
    labels = len(decision.labels)
    assert found.scores.shape == found.ranking.shape == (0, labels)
    decided = decide(found, decision, decision.points[0])
    assert decided.chosen.shape == (0, labels)
    assert decided.top.shape == decided.margins.shape == decided.reasons.shape == (0,)


def test_logits_are_left_as_they_were(decision):
    logits = np.linspace(-3, 3, 2 * decision.outputs, dtype=np.float32).reshape(2, -1)
    before = logits.copy()
    score(logits, decision)
    decision_function(logits, decision)
    assert logits.tobytes() == before.tobytes()


@pytest.mark.parametrize("gap", [20.0, 36.0, 40.0, 100.0, 700.0, 1e4])
def test_a_softmax_that_is_nearly_one_keeps_its_log_odds(gap):
    """Through p they would end at 36.7, or jump from there to the cap."""
    decision = plain.decision("multiclass", "softmax", 3, {}, Platt((1e-3,), (0.0,)))
    found = decision_function(np.array([[gap, 0.0, -gap]], dtype=np.float32), decision)
    expected = [1e-3 * gap, -1e-3 * gap, -2e-3 * gap]
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


@given(st.lists(LOGITS, min_size=4, max_size=4))
def test_log_odds_rank_like_their_logits(row):
    """Equal logits stay equal, and none changes its place."""
    decision = plain.decision("multiclass", "softmax", 4, {}, Platt((1.0,), (0.0,)))
    (found,) = decision_function(np.array([row], dtype=np.float32), decision)
    exact = np.array(row, dtype=np.float32).tolist()
    for one, own in zip(exact, found, strict=True):
        for other, its in zip(exact, found, strict=True):
            assert (own == its) if one == other else (own <= its) == (one < other) or own == its


@given(st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4))
def test_one_curve_for_all_never_changes_the_order(row):
    curve = Curve((0.1, 0.2, 0.4, 0.9), (0.3, 0.3, 0.7, 0.7))
    decision = plain.decision("one_vs_rest", "sigmoid", 4, {}, Isotonic((curve,)))
    logits = np.array([row], dtype=np.float32)
    found = decide(score(logits, decision), decision, OperatingPoint("argmax", None))
    assert found.top.tolist() == logits.argmax(axis=1).tolist()


def test_small_scores_of_curves_are_told_apart():
    """1e-20 and 2e-20 are two float32 numbers, and less 1/2 they were one."""
    curves = (Curve((0.5,), (1e-20,)), Curve((0.5,), (2e-20,)))
    decision = plain.decision("one_vs_rest", "sigmoid", 2, {}, Isotonic(curves))
    found = score(np.array([[0.0, -5.0]], dtype=np.float32), decision)
    assert decide(found, decision, OperatingPoint("argmax", None)).top.tolist() == [1]


@pytest.mark.parametrize("logit", [-730.0, -740.0, -744.0, -714.0])
def test_knots_that_are_very_close_keep_scores_between_theirs(logit):
    """The slope between them is infinite in float64."""
    decision = plain.decision("multilabel", "sigmoid", 1, {}, Isotonic((STEEP,)))
    found = score(np.array([[logit]], dtype=np.float32), decision)
    assert 0.4 <= float(found.scores[0, 0]) <= 0.6 + 1e-7
