"""What holds for every rule, link and calibration, whatever the logits: the order of labels and of
texts does not matter, thresholds only take away, and stored settings decide as before.
"""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.decision import decide, decision_function, score
from limen.decision.calibration import calibrate
from limen.format import (
    AbstainPolicy,
    Curve,
    DecisionBlock,
    Isotonic,
    OperatingPoint,
    Platt,
    Promise,
    Temperature,
    json_block,
)

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
plain = SimpleNamespace(**run_path(str(RUNTIME / "plain_rules.py")))
PROMISE = Promise("precision", 0.9, 0.95, 100)
SEEDS = st.integers(0, 2**32 - 1)
THRESHOLDS = st.none() | st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])
SIZES = {"softmax": (-9, 9), "sigmoid": (-6, 6), "log": (-9, 0), "labels": (-0.5, 1.5)}
few = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="session", params=plain.DECISIONS)
def decision(request):
    return plain.DECISIONS[request.param]


def drawn(decision, seed, texts=40):
    """Logits without ties, for which no comparison is close by chance."""
    low, high = SIZES[decision.link]
    shape = (texts, decision.outputs)
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


@st.composite
def points(draw, decision):
    labels = len(decision.labels)
    listed = st.lists(THRESHOLDS, min_size=labels, max_size=labels).map(tuple)
    thresholds = draw(st.none() | listed if decision.one_label else listed)
    sets = decision.one_label and thresholds is not None and draw(st.booleans())
    return OperatingPoint("p", thresholds, sets, draw(st.sampled_from([None, PROMISE])))


def each(calibration, outputs):
    """The calibration with numbers for each output."""
    match calibration:
        case Temperature(temperatures) if len(temperatures) == 1:
            return Temperature(temperatures * outputs)
        case Platt(slopes, intercepts) if len(slopes) == 1:
            return Platt(slopes * outputs, intercepts * outputs)
        case Isotonic(curves) if len(curves) == 1:
            return Isotonic(curves * outputs)
    return calibration


def turned(curve):
    """The curve of the other answer: 1 - p over 1 - p."""
    raw, calibrated = (
        tuple(1.0 - value for value in reversed(values)) for values in (curve.raw, curve.calibrated)
    )
    kept = [place for place in range(len(raw)) if place == 0 or raw[place] > raw[place - 1]]
    return Curve(tuple(raw[p] for p in kept), tuple(calibrated[p] for p in kept))


def rearranged(calibration, places, turns):
    """The calibration of outputs taken from `places`, some of them turned round."""
    if calibration is None:
        return None
    outputs = zip(places, turns, strict=True)
    match each(calibration, max(places) + 1):
        case Temperature(temperatures):
            return Temperature(tuple(temperatures[place] for place in places))
        case Platt(slopes, intercepts):
            return Platt(
                tuple(slopes[place] for place in places),
                tuple(-intercepts[place] if turn else intercepts[place] for place, turn in outputs),
            )
        case Isotonic(curves):
            return Isotonic(
                tuple(turned(curves[place]) if turn else curves[place] for place, turn in outputs)
            )


def permuted(decision, logits, order):
    """The same classifier with its labels in another order, and the logits its graph would give."""
    labels = tuple(decision.labels[place] for place in order)
    places, turns = list(order), [False] * len(order)
    if decision.rule == "one_vs_one":
        old = list(combinations(range(len(labels)), 2))
        pairs = [(order[first], order[later]) for first, later in old]
        places = [old.index((min(pair), max(pair))) for pair in pairs]
        turns = [first > later for first, later in pairs]
    elif decision.outputs == 1 and decision.rule == "multiclass":
        places, turns = [0], [order[0] == 1]
    shared = decision.rule == "multiclass" and decision.outputs > 1
    calibration = decision.calibration
    if not (shared and isinstance(calibration, Temperature)):
        calibration = rearranged(calibration, places, turns)
    moved = np.where(turns, turn_logits(logits[:, places], decision.link), logits[:, places])
    changed = replace(decision, labels=labels, calibration=calibration)
    return changed, moved.astype(np.float32)


def turn_logits(logits, link):
    return 1.0 - logits if link == "labels" else -logits


def is_clear(decision, logits):
    """Texts whose first two labels are not ranked alike, and whose pairs all have a winner."""
    if len(decision.labels) == 1:
        return np.ones(len(logits), dtype=np.bool_)
    ranks = np.sort(score(logits, decision).ranking, axis=1)
    clear = ranks[:, -1] - ranks[:, -2] > 1e-6
    if decision.rule == "one_vs_one":
        values = calibrate(logits.astype(np.float64), decision).signed
        clear &= (np.abs(values) > 1e-9).all(axis=1)
    return clear


@few
@given(data=st.data(), seed=SEEDS)
def test_the_order_of_the_labels_does_not_matter(decision, data, seed):
    if decision.rule == "one_vs_one" and decision.link == "log":
        return  # a log-probability has no negative; see the test below
    order = data.draw(st.permutations(range(len(decision.labels))))
    logits = drawn(decision, seed)
    other, moved = permuted(decision, logits, order)
    before, after = score(logits, decision), score(moved, other)
    np.testing.assert_allclose(after.scores, before.scores[:, order], rtol=2e-6, atol=1e-7)
    clear = is_clear(decision, logits)
    tops = [
        decide(scored, one, decision.points[0]).top
        for scored, one in ((before, decision), (after, other))
    ]
    np.testing.assert_array_equal(np.array(order)[tops[1][clear]], tops[0][clear])
    thresholds = np.random.default_rng(seed).uniform(0.1, 0.9, len(order))
    near = (np.abs(before.scores - thresholds.astype(np.float32)) < 1e-5).any(axis=1)
    point = replace(decision.points[0], thresholds=tuple(thresholds.tolist()))
    turned_point = replace(point, thresholds=tuple(thresholds[list(order)].tolist()))
    chosen = decide(before, decision, point).chosen[:, order]
    found = decide(after, other, turned_point).chosen
    sure = clear & ~near
    np.testing.assert_array_equal(found[sure], chosen[sure])


@few
@given(seed=SEEDS, data=st.data())
def test_raising_a_threshold_never_adds_a_label(decision, seed, data):
    """Without the fallback, which a threshold can bring about."""
    point = data.draw(points(decision))
    if point.thresholds is None:
        point = replace(point, thresholds=(0.0,) * len(decision.labels))
    rise = data.draw(st.lists(THRESHOLDS, min_size=len(decision.labels)))
    higher = tuple(
        None if old is None or new is None else max(old, new)
        for old, new in zip(point.thresholds, rise, strict=False)
    )
    scored = score(drawn(decision, seed), decision)
    before = decide(scored, decision, point).chosen
    after = decide(scored, decision, replace(point, thresholds=higher)).chosen
    assert not (after & ~before).any()


@few
@given(seed=SEEDS, low=st.floats(0, 1), high=st.floats(0, 1))
def test_raising_the_margin_never_adds_a_label(decision, seed, low, high):
    scored = score(drawn(decision, seed), decision)
    bold, shy = (
        decide(scored, replace(decision, abstain=AbstainPolicy(margin)), decision.points[0]).chosen
        for margin in sorted((low, high))
    )
    assert not (shy & ~bold).any()


@few
@given(seed=SEEDS, data=st.data())
def test_texts_are_decided_alike_in_any_batch_and_order(decision, seed, data):
    """Bit for bit."""
    logits = drawn(decision, seed, texts=12)
    point = data.draw(points(decision))
    order = data.draw(st.permutations(range(12)))
    cuts = sorted(data.draw(st.sets(st.integers(1, 11), max_size=4)))
    whole = decide(score(logits, decision), decision, point)
    parts = np.split(np.array(order), cuts)
    for field in ("chosen", "top", "margins", "reasons"):
        found = np.concatenate(
            [getattr(decide(score(logits[p], decision), decision, point), field) for p in parts]
        )
        assert found.tobytes() == getattr(whole, field)[order].tobytes()
    values = np.concatenate([decision_function(logits[p], decision) for p in parts])
    assert values.tobytes() == decision_function(logits, decision)[order].tobytes()


@few
@given(seed=SEEDS, data=st.data())
def test_rules_give_as_many_labels_as_they_say(decision, seed, data):
    point = data.draw(points(decision))
    scored = score(drawn(decision, seed), decision)
    found = decide(scored, decision, point)
    rows = np.arange(len(found.top))
    given_labels = found.chosen.sum(axis=1)
    if decision.one_label and not point.sets:
        assert (given_labels == (found.reasons == 0)).all()
        assert (found.chosen[rows, found.top] == (found.reasons == 0)).all()
    if decision.rule != "one_vs_one":
        np.testing.assert_array_equal(scored.scores[rows, found.top], scored.scores.max(axis=1))
        assert (found.margins >= 0).all()


@few
@given(seed=SEEDS, data=st.data())
def test_stored_settings_decide_as_before(decision, seed, data):
    policy = AbstainPolicy(data.draw(st.floats(0, 1)), data.draw(st.sampled_from(["none", "top1"])))
    own = replace(decision, points=(data.draw(points(decision)),), abstain=policy)
    stored = json_block.parse(json_block.dump(own.to_json()), "limen.decision")
    again = DecisionBlock.from_json(stored)
    logits = drawn(decision, seed)
    before = decide(score(logits, own), own, own.points[0])
    after = decide(score(logits, again), again, again.points[0])
    assert score(logits, again).scores.tobytes() == score(logits, own).scores.tobytes()
    assert after.chosen.tobytes() == before.chosen.tobytes()
    assert after.reasons.tobytes() == before.reasons.tobytes()


@pytest.mark.parametrize("pairs", ["vote", "max"])
@few
@given(seed=SEEDS, data=st.data())
def test_log_probabilities_of_pairs_that_are_turned_round(pairs, seed, data):
    """Scores follow; so does the first label, except among equal votes: there scikit-learn adds
    probabilities of the later label, which does not know turning.
    """
    decision = plain.decision("one_vs_one", "log", 4, {"pairs": pairs})
    order = data.draw(st.permutations(range(4)))
    shares = np.random.default_rng(seed).uniform(0.01, 0.99, (40, 6))
    odds = np.log(shares / (1.0 - shares)).astype(np.float32)
    signed = plain.decision("one_vs_one", "sigmoid", 4, {"pairs": pairs})
    _, moved = permuted(signed, odds, order)
    before, after = (score(-np.logaddexp(0.0, -x), decision) for x in (odds, moved))
    np.testing.assert_allclose(after.scores, before.scores[:, order], rtol=1e-5)
    tops = [decide(scored, decision, decision.points[0]).top for scored in (before, after)]
    votes = np.sort(np.round(before.ranking), axis=1)
    clear = votes[:, -1] > votes[:, -2] if pairs == "vote" else is_clear(signed, odds)
    np.testing.assert_array_equal(np.array(order)[tops[1][clear]], tops[0][clear])
