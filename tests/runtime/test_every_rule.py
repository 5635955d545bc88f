"""Every rule with every link and calibration, against docs/format.md written out slowly."""

from dataclasses import replace
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.decision import REASONS, decide, score
from limen.format import AbstainPolicy, OperatingPoint, Promise

plain = SimpleNamespace(**run_path(str(Path(__file__).with_name("plain_rules.py"))))
LOGITS = {
    "softmax": st.floats(-40, 40, width=32),
    "sigmoid": st.floats(-40, 40, width=32),
    "log": st.floats(-60, 0, width=32) | st.sampled_from([0.0, 1e-7, -1e-7, -1e-45]),
    "labels": st.sampled_from([0.0, 1.0]) | st.floats(-1, 2, width=32),
}
SHARES = st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])
PROMISE = Promise("precision", 0.9, 0.95, 100)


@pytest.fixture(scope="session", params=plain.DECISIONS)
def decision(request):
    return plain.DECISIONS[request.param]


def rows(decision):
    row = st.lists(
        LOGITS[decision.link], min_size=decision.outputs, max_size=decision.outputs
    ) | LOGITS[decision.link].map(lambda one: [one] * decision.outputs)
    return st.lists(row, min_size=1, max_size=4)


@st.composite
def points(draw, decision):
    """Thresholds, some None, with and without sets and a promise."""
    labels = len(decision.labels)
    listed = st.lists(SHARES | st.none(), min_size=labels, max_size=labels).map(tuple)
    thresholds = draw(st.none() | listed if decision.one_label else listed)
    sets = decision.one_label and thresholds is not None and draw(st.booleans())
    return OperatingPoint("p", thresholds, sets, draw(st.sampled_from([None, PROMISE])))


@settings(max_examples=30)
@given(data=st.data())
def test_scores_and_the_label_that_ranks_first(decision, data):
    logits = np.array(data.draw(rows(decision)), dtype=np.float32)
    found = score(logits, decision)
    assert found.scores.dtype == np.float32
    tops = decide(found, decision, decision.points[0]).top.tolist()
    for row, scores, top in zip(logits.tolist(), found.scores.tolist(), tops, strict=True):
        expected, ranks = plain.scores_and_ranks(decision, row)
        assert scores == pytest.approx(expected, rel=2e-7, abs=1e-15)
        assert top in plain.first_places(ranks, row)


@settings(max_examples=30)
@given(data=st.data())
def test_labels_margin_and_reason(decision, data):
    logits = np.array(data.draw(rows(decision)), dtype=np.float32)
    policy = AbstainPolicy(data.draw(SHARES), data.draw(st.sampled_from(["none", "top1"])))
    decision = replace(decision, abstain=policy)
    point = data.draw(points(decision))
    scored = score(logits, decision)
    found = decide(scored, decision, point)
    for index, scores in enumerate(scored.scores.tolist()):
        top = int(found.top[index])
        labels, margin, reason = plain.decided(decision, point, scores, top)
        assert np.flatnonzero(found.chosen[index]).tolist() == labels
        assert float(found.margins[index]) == margin
        assert REASONS[found.reasons[index]] == reason


def test_decisions_do_not_depend_on_neighbours(decision):
    """Bit for bit: alone, in any batch, in any order, and however the array lies in memory."""
    draw = np.random.default_rng(5)
    logits = draw.normal(-1, 5, (257, decision.outputs)).astype(np.float32)
    whole = score(logits, decision)
    order = draw.permutation(len(logits))
    views = {
        "alone": [score(row[None], decision) for row in logits],
        "in pairs": [score(logits[at : at + 2], decision) for at in range(0, len(logits), 2)],
        "in odd parts": [score(logits[at : at + 7], decision) for at in range(0, len(logits), 7)],
        "by columns": [score(np.asfortranarray(logits), decision)],
        "every other": [score(np.repeat(logits, 2, axis=0)[::2], decision)],
        "turned round": [score(logits[:, ::-1].copy()[:, ::-1], decision)],
    }
    for name, parts in views.items():
        assert joined(part.scores for part in parts) == whole.scores.tobytes(), name
        assert joined(part.ranking for part in parts) == whole.ranking.tobytes(), name
        if whole.ties is not None:
            assert joined(part.ties for part in parts) == whole.ties.tobytes(), name
    shuffled = score(logits[order], decision)
    assert shuffled.scores.tobytes() == whole.scores[order].tobytes()
    assert shuffled.ranking.tobytes() == whole.ranking[order].tobytes()


def joined(arrays):
    return np.concatenate([*arrays]).tobytes()


@pytest.mark.parametrize("labels", [9, 33, 200])
@pytest.mark.parametrize("rule", ["multiclass", "one_vs_one"])
@pytest.mark.parametrize("kind", ["none", "temperature", "platt", "isotonic"])
def test_wide_rows_are_summed_alike_alone_and_in_a_batch(labels, rule, kind):
    """numpy sums eight and more, and 128 and more, in another order than few."""
    if rule == "one_vs_one":
        labels = labels // 5 + 3
    link = "softmax" if rule == "multiclass" else "sigmoid"
    shared = rule == "multiclass"
    calibration = plain.calibrations(1, shared=shared, link=link)[kind]
    names = tuple(map(str, range(labels)))
    point = OperatingPoint("p", None)
    decision = replace(
        plain.decision(rule, link, 2, {}), labels=names, points=(point,), calibration=calibration
    )
    logits = np.random.default_rng(6).normal(0, 4, (65, decision.outputs)).astype(np.float32)
    whole = score(logits, decision)
    for batch in (logits, np.asfortranarray(logits), logits[::-1].copy()[::-1]):
        found = score(batch, decision)
        assert found.ranking.tobytes() == whole.ranking.tobytes()
        assert found.scores.tobytes() == whole.scores.tobytes()
    alone = [score(row[None], decision) for row in logits]
    assert joined(one.scores for one in alone) == whole.scores.tobytes()
    assert joined(one.ranking for one in alone) == whole.ranking.tobytes()
