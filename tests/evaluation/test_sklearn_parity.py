"""Files made of fitted scikit-learn parts decide like scikit-learn: from texts to labels."""

from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.decision import decide, decision_function, score
from limen.format import DecisionBlock, OperatingPoint
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC
from sklearn.utils.multiclass import _ovr_decision_function

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("sklearn_files.py"))))
load, linear, NAMES = made.load, made.linear, made.NAMES
CLOSE = 1e-4
PARTS = {
    "LinearSVC": lambda: LinearSVC(random_state=0),
    "LogisticRegression": lambda: LogisticRegression(),
    "MultinomialNB": lambda: MultinomialNB(),
    "Perceptron": lambda: Perceptron(random_state=0),
}


@pytest.fixture(scope="module", params=[2, 3, 4, 6])
def texts(request):
    return made.make_texts(request.param)


@pytest.fixture(scope="module", params=PARTS)
def part(request):
    return request.param


def link_of(part):
    return "log" if part == "MultinomialNB" else "sigmoid"


def logits_of(fitted, table):
    """What every part says about every text, by scikit-learn: (texts, parts)."""
    return np.stack(
        [
            one.predict_log_proba(table)[:, 1]
            if isinstance(one, MultinomialNB)
            else one.decision_function(table)
            for one in fitted
        ],
        axis=1,
    )


def odds_of(fitted, table):
    """The same, as log-odds: 0 is where a part turns."""
    weights, intercepts = linear(fitted)
    return table @ weights + intercepts


def given(model, texts):
    """The one label of every text; None where it abstains."""
    return np.array([found.labels[0] if found.labels else None for found in model.predict(texts)])


def apart(values):
    """How much larger the largest value is than the next."""
    ordered = np.sort(values, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def is_clear(odds, values):
    """Texts for which no comparison is close: that of a part with 0, and that of the first two
    labels. Equal to the last digit is not close: whole numbers add up alike in float32.
    """
    gaps = np.abs(odds) if values.ndim == 1 else np.column_stack([np.abs(odds), apart(values)])
    clear = ((gaps >= CLOSE) | (gaps == 0)).all(axis=1)
    assert (~clear).mean() < 0.01
    return clear


def test_one_vs_one(texts, part, tmp_path):
    whole = OneVsOneClassifier(PARTS[part]()).fit(texts.table(texts.train), texts.classes)
    model = load(tmp_path, whole.estimators_, "one_vs_one", link_of(part), whole.classes_)
    table, odds = texts.table(texts.test), odds_of(whole.estimators_, texts.table(texts.test))
    np.testing.assert_allclose(
        model.logits(texts.test), logits_of(whole.estimators_, table), rtol=1e-4, atol=1e-5
    )
    wanted, found = whole.decision_function(table), model.decision_function(texts.test)
    assert found.shape == wanted.shape
    assert found.ndim == (1 if len(whole.classes_) == 2 else 2)
    clear = is_clear(odds, wanted)
    np.testing.assert_allclose(found[clear], wanted[clear], rtol=1e-4, atol=1e-5)
    expected = whole.predict(table)
    np.testing.assert_array_equal(given(model, texts.test)[clear], expected[clear])


@pytest.mark.parametrize("labels", [3, 4, 9, 20])
def test_votes_and_confidence_are_scikit_learns_to_the_last_bit(labels):
    """Small whole numbers, so that many labels are equal, and numbers of every size."""
    draw = np.random.default_rng(labels)
    pairs = labels * (labels - 1) // 2
    point = OperatingPoint("argmax", None)
    decision = DecisionBlock(
        "one_vs_one", tuple(map(str, range(labels))), "sigmoid", (point,), "argmax"
    )
    for logits in (
        draw.integers(-2, 3, (200, pairs)).astype(np.float32),
        draw.integers(-2, 3, (200, pairs)).astype(np.float32) / np.float32(10),
        draw.normal(0, 10.0 ** draw.integers(-6, 7, (200, pairs))).astype(np.float32),
    ):
        expected = _ovr_decision_function(logits > 0, logits.astype(np.float64), labels)
        np.testing.assert_array_equal(decision_function(logits, decision), expected)
        top = decide(score(logits, decision), decision, point).top
        np.testing.assert_array_equal(top, expected.argmax(axis=1))


def test_one_vs_one_by_yes_and_no(texts, tmp_path):
    whole = OneVsOneClassifier(Perceptron(random_state=0))
    whole.fit(texts.table(texts.train), texts.classes)
    model = load(tmp_path, whole.estimators_, "one_vs_one", "labels", whole.classes_)
    table = texts.table(texts.test)
    votes = np.zeros((len(table), len(whole.classes_)))
    pairs = combinations(range(len(whole.classes_)), 2)
    for one, (first, later) in zip(whole.estimators_, pairs, strict=True):
        won = one.predict(table) == 1
        votes[:, later] += won
        votes[:, first] += ~won
    np.testing.assert_array_equal(given(model, texts.test), whole.classes_[votes.argmax(axis=1)])
    values = model.decision_function(texts.test)
    np.testing.assert_array_equal(values, votes if votes.shape[1] > 2 else votes[:, 1])


def test_one_vs_rest(texts, part, tmp_path):
    whole = OneVsRestClassifier(PARTS[part]()).fit(texts.table(texts.train), texts.classes)
    table, fitted = texts.table(texts.test), whole.estimators_
    rule = "one_vs_rest" if len(fitted) > 1 else "multiclass"
    link = link_of(part) if len(fitted) > 1 else "sigmoid"
    model = load(tmp_path, fitted, rule, link, whole.classes_)
    odds = odds_of(fitted, table)
    expected = logits_of(fitted, table) if link == link_of(part) else odds
    np.testing.assert_allclose(model.logits(texts.test), expected, rtol=1e-4, atol=1e-5)
    values = model.decision_function(texts.test)
    np.testing.assert_allclose(
        values, odds if len(fitted) > 1 else odds[:, 0], rtol=1e-3, atol=1e-3
    )
    if hasattr(whole, "decision_function"):
        wanted = whole.decision_function(table)
        assert values.shape == wanted.shape
        np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-5)
    ranked = odds if len(fitted) > 1 else odds[:, 0]
    clear = is_clear(odds if ranked.ndim == 1 else np.ones_like(odds), ranked)
    found, expected = given(model, texts.test), whole.predict(table)
    np.testing.assert_array_equal(found[clear], expected[clear])
    if hasattr(whole, "predict_proba"):
        scores = model.scores(texts.test).astype(np.float64)
        shares = scores / scores.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shares, whole.predict_proba(table), rtol=1e-4, atol=1e-5)


def test_one_vs_rest_by_yes_and_no(texts, tmp_path):
    """A yes is a vote, the earlier of several has it, and without one there is no label."""
    whole = OneVsRestClassifier(Perceptron(random_state=0))
    whole.fit(texts.table(texts.train), texts.classes)
    if len(whole.classes_) == 2:
        whole = OneVsRestClassifier(Perceptron(random_state=0))
        whole.fit(
            texts.table(texts.train), np.eye(2, dtype=int)[(texts.classes == "bee").astype(int)]
        )
    table, labels = texts.table(texts.test), np.array(NAMES)[: len(whole.estimators_)]
    model = load(tmp_path, whole.estimators_, "one_vs_rest", "labels", labels)
    yes = np.stack([one.predict(table) == 1 for one in whole.estimators_], axis=1)
    expected = np.where(yes.any(axis=1), labels[yes.argmax(axis=1)], None)
    np.testing.assert_array_equal(given(model, texts.test), expected)
    np.testing.assert_array_equal(model.scores(texts.test), yes)
    reasons = {found.reason for found in model.predict(texts.test)}
    assert reasons == ({None, "no_yes"} if not yes.any(axis=1).all() else {None})
    assert (yes.sum(axis=1) != 1).any()


def marks_of(model, texts):
    return np.array(
        [[label in found.labels for label in model.labels] for found in model.predict(texts)]
    )


def test_one_vs_rest_of_several_labels(texts, part, tmp_path):
    whole = OneVsRestClassifier(PARTS[part]()).fit(texts.table(texts.train), texts.several)
    table, fitted = texts.table(texts.test), whole.estimators_
    labels = NAMES[: len(fitted)]
    model = load(tmp_path, fitted, "one_vs_rest", link_of(part), labels, several=True)
    odds = odds_of(fitted, table)
    np.testing.assert_allclose(
        model.logits(texts.test), logits_of(fitted, table), rtol=1e-4, atol=1e-5
    )
    close = np.abs(odds) < CLOSE
    expected = whole.predict(table).astype(bool)
    found = marks_of(model, texts.test)
    np.testing.assert_array_equal(found[~close], expected[~close])
    np.testing.assert_array_equal(found[odds == 0], True)
    assert (close & (odds != 0)).any(axis=1).mean() < 0.01
    if hasattr(whole, "decision_function"):
        values = model.decision_function(texts.test)
        np.testing.assert_allclose(values, whole.decision_function(table), rtol=1e-4, atol=1e-5)
    if hasattr(whole, "predict_proba"):
        scores = model.scores(texts.test)
        np.testing.assert_allclose(scores, whole.predict_proba(table), rtol=1e-4, atol=1e-5)
    plain = load(tmp_path, fitted, "multilabel", link_of(part), labels)
    assert marks_of(plain, texts.test).tolist() == found.tolist()


def test_the_threshold_next_to_one_half_is_scikit_learns(tmp_path):
    """Its comparison is strict and limen's is not: decision values of exactly 0 differ at 0.5."""
    texts = made.make_texts(4)
    whole = OneVsRestClassifier(Perceptron(random_state=0))
    whole.fit(texts.table(texts.train), texts.several)
    model = load(tmp_path, whole.estimators_, "multilabel", "sigmoid", NAMES[:4])
    table = texts.table(texts.test)
    zero = whole.decision_function(table) == 0
    expected = whole.predict(table).astype(bool)
    assert zero.any()
    np.testing.assert_array_equal(marks_of(model, texts.test), expected | zero)
    strict = float(np.nextafter(np.float32(0.5), np.float32(1)))
    above = model.at(dict.fromkeys(NAMES[:4], strict))
    np.testing.assert_array_equal(marks_of(above, texts.test), expected)


def test_logistic_regression(texts, tmp_path):
    whole = LogisticRegression().fit(texts.table(texts.train), texts.classes)
    table, two = texts.table(texts.test), len(whole.classes_) == 2
    model = load(tmp_path, [whole], "multiclass", "sigmoid" if two else "softmax", whole.classes_)
    wanted, values = whole.decision_function(table), model.decision_function(texts.test)
    assert values.shape == wanted.shape
    np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        model.scores(texts.test), whole.predict_proba(table), rtol=0, atol=1e-5
    )
    clear = is_clear(wanted[:, None] if two else np.ones_like(wanted), wanted)
    found, expected = given(model, texts.test), whole.predict(table)
    np.testing.assert_array_equal(found[clear], expected[clear])
