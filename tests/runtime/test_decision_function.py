"""Decision values as scikit-learn's meta-estimators give them; with scikit-learn itself in
tests/evaluation/test_sklearn_parity.py.
"""

from dataclasses import replace
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.decision import decide, decision_function, score
from limen.format import Isotonic

plain = SimpleNamespace(**run_path(str(Path(__file__).with_name("plain_rules.py"))))


@pytest.fixture(params=plain.DECISIONS)
def decision(request):
    return plain.DECISIONS[request.param]


@pytest.fixture
def logits(decision):
    low, high = (-12, 0) if decision.link == "log" else (-6, 6)
    return np.random.default_rng(3).uniform(low, high, (60, decision.outputs)).astype(np.float32)


def expected(decision, row):
    """One value for each label; one alone where one output decides between two."""
    _, values = plain.calibrated(decision, row)
    if decision.rule == "one_vs_one":
        votes = replace(decision, pairs="vote")
        ranks = [rank[0] for rank in plain.scores_and_ranks(votes, row)[1]]
        return ranks[1] if len(row) == 1 else ranks
    if len(row) == 1 and decision.one_label:
        return values[0][0]
    by_curve = isinstance(decision.calibration, Isotonic) and decision.rule != "multiclass"
    half = 0.5 if by_curve or decision.link == "labels" else 0.0
    return [value - half for value, _ in values]


def test_values(decision, logits):
    found = decision_function(logits, decision)
    assert found.dtype == np.float64
    wanted = [expected(decision, row) for row in logits.tolist()]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_no_value_is_larger_than_that_of_the_label_that_ranks_first(decision, logits):
    decision = replace(decision, pairs="vote")
    values = decision_function(logits, decision)
    top = decide(score(logits, decision), decision, decision.points[0]).top
    if values.ndim == 2:
        np.testing.assert_array_equal(values.max(axis=1), values[np.arange(len(top)), top])
    else:
        least = 0.5 if decision.rule == "one_vs_one" else 0.0
        np.testing.assert_array_equal(values > least, top == 1)


def test_votes_come_first_and_confidence_breaks_their_ties():
    decision = plain.decision("one_vs_one", "sigmoid", 3, {})
    logits = np.array([[-2.0, 1.0, -3.0], [4.0, 4.0, 1e30], [0.0, 0.0, 0.0]], dtype=np.float32)
    found = decision_function(logits, decision)
    np.testing.assert_allclose(found[0], [1 + 1 / 6, 1 + 1 / 6, 1 - 2 / 9], rtol=1e-12)
    np.testing.assert_allclose(found[1], [-8 / 27, 1 - 1 / 3, 2 + 1 / 3], rtol=1e-12)
    np.testing.assert_allclose(found[2], [2, 1, 0], rtol=1e-12)


def test_two_labels_have_one_value(binary):
    assert binary.decision_function([]).shape == (0,)
    texts = ["happy bright", "the day is", ""]
    np.testing.assert_array_equal(binary.decision_function(texts), binary.logits(texts)[:, 0])


def test_a_models_values_are_those_of_its_logits(multilabel, multiclass):
    texts = ["happy bright", "the day is", ""]
    for model in (multilabel, multiclass):
        found = model.decision_function(iter(texts))
        np.testing.assert_array_equal(found, model.logits(texts).astype(np.float64))
        assert model.decision_function([]).shape == (0, len(model.labels))
        np.testing.assert_array_equal(
            model.at("half" if model is multilabel else "custom").decision_function(texts), found
        )
