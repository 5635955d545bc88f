"""Files made of fitted scikit-learn parts decide like scikit-learn: from texts to labels.

A text is a bag of words. The graph adds up a row of weights for every word, which is what a linear
model does with counts, and gives the decision value of every part.
"""

from dataclasses import dataclass
from itertools import combinations

import limen
import numpy as np
import onnx
import pytest
from limen.format import (
    DecisionBlock,
    EncoderBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    Metadata,
    OperatingPoint,
    Provenance,
    Rung,
    stamp,
)
from onnx import TensorProto, helper, numpy_helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = tuple(f"w{number}" for number in range(60))
NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")
CLOSE = 1e-4
PARTS = {
    "LinearSVC": lambda: LinearSVC(random_state=0),
    "LogisticRegression": lambda: LogisticRegression(),
    "MultinomialNB": lambda: MultinomialNB(),
    "Perceptron": lambda: Perceptron(random_state=0),
}


@dataclass(frozen=True)
class Texts:
    """Texts of so many classes, some of unknown words alone, with their counts."""

    train: list[str]
    classes: np.ndarray
    several: np.ndarray
    test: list[str]
    counts: CountVectorizer

    def table(self, texts):
        return self.counts.transform(texts).toarray().astype(np.float64)


def make_texts(classes, seed=7):
    """Texts of words that lean to their class; a share of them to two classes."""
    draw = np.random.default_rng(seed)
    lean = draw.dirichlet(np.full(len(WORDS), 0.4), size=classes)

    def text(place, other):
        shares = (lean[place] + lean[other] + 0.6 / len(WORDS)) / 2.6
        size = int(draw.integers(1, 12))
        return " ".join([*draw.choice(WORDS, size, p=shares), *["unknown"] * (size % 3 == 0)])

    def some(count):
        first, second = draw.integers(0, classes, (2, count))
        marks = np.zeros((count, classes), dtype=int)
        marks[np.arange(count), first] = marks[np.arange(count), second] = 1
        pairs = zip(first, second, strict=True)
        return [text(place, other) for place, other in pairs], first, marks

    train, first, marks = some(300)
    test, _, _ = some(400)
    test += ["unknown", "nothing here is known", "unknown w1", *WORDS]
    counts = CountVectorizer(token_pattern=r"\S+", lowercase=False, vocabulary=WORDS)
    named = np.array(NAMES)[first]
    return Texts(train, named, marks, test, counts)


@pytest.fixture(scope="module", params=[2, 3, 4, 6])
def texts(request):
    return make_texts(request.param)


@pytest.fixture(scope="module", params=PARTS)
def part(request):
    return request.param


def linear(fitted):
    """Weights (words, outputs) and intercepts of parts that say yes or no.

    The decision value of naive Bayes is the difference of its two joint log-likelihoods.
    """
    rows = []
    for one in fitted:
        if isinstance(one, MultinomialNB):
            weights = one.feature_log_prob_[1] - one.feature_log_prob_[0]
            rows.append((weights, one.class_log_prior_[1] - one.class_log_prior_[0]))
        else:
            rows.extend(zip(one.coef_, one.intercept_, strict=True))
    weights, intercepts = zip(*rows, strict=True)
    return np.stack(weights, axis=1), np.array(intercepts)


ENDINGS = {
    "sigmoid": [("Identity", ["sum"], "logits", {})],
    "softmax": [("Identity", ["sum"], "logits", {})],
    "labels": [
        ("Greater", ["sum", "zero"], "yes", {}),
        ("Cast", ["yes"], "logits", {"to": TensorProto.FLOAT}),
    ],
    "log": [  # log of the logistic function: min(x, 0) - log(1 + exp(-|x|))
        ("Abs", ["sum"], "size", {}),
        ("Neg", ["size"], "minus", {}),
        ("Exp", ["minus"], "small", {}),
        ("Add", ["small", "one"], "more", {}),
        ("Log", ["more"], "rest", {}),
        ("Min", ["sum", "zero"], "least", {}),
        ("Sub", ["least", "rest"], "logits", {}),
    ],
}


def graph(weights, intercepts, link):
    """input_ids -> Gather -> ReduceSum over tokens -> Add -> link; the last row is of [UNK]."""
    table = np.concatenate([weights, np.zeros((1, weights.shape[1]))]).astype(np.float32)
    constants = {"table": table, "bias": intercepts.astype(np.float32), "axis": np.array([1])}
    constants |= {"zero": np.float32([0.0]), "one": np.float32([1.0])}
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["added"], keepdims=0),
        helper.make_node("Add", ["added", "bias"], ["sum"]),
    ]
    nodes += [
        helper.make_node(operator, taken, [given], **attributes)
        for operator, taken, given, attributes in ENDINGS[link]
    ]
    used = {name for node in nodes for name in node.input}
    body = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", table.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(body, ir_version=10, opset_imports=[opset])
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def load(folder, fitted, rule, link, labels, **options):
    """A classifier file of fitted parts, written and loaded."""
    vocabulary = {word: index for index, word in enumerate((*WORDS, "[UNK]"))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    any_number = rule == "multilabel" or options.get("several", False)
    point = OperatingPoint("p", (0.5,) * len(labels) if any_number else None)
    content = graph(*linear(fitted), link)
    metadata = Metadata(
        DecisionBlock(rule, tuple(map(str, labels)), link, (point,), "p", **options),
        EncoderBlock(tokenizer.to_str(), 64),
        ExecutionBlock("fp32"),
        Evidence("none", 0, (Rung("fp32", len(content), 0.0, 1.0, 1.0, None),)),
        Golden((), (), (), 0.0),
        Provenance("scikit-learn", (("limen", limen.__version__),), "2026-01-01"),
    )
    (folder / "parts.onnx").write_bytes(stamp(content, metadata))
    return limen.load(folder / "parts.onnx")


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


def check_predictions(found, expected, values, *gaps):
    """Equal where no comparison is close, which nearly all texts are; among exactly equal values
    the earlier label, as argmax has it.
    """
    nearest = np.min([*gaps, apart(values)], axis=0)
    close = nearest < CLOSE
    tied = apart(values) == 0
    np.testing.assert_array_equal(found[~close], expected[~close])
    np.testing.assert_array_equal(found[tied], np.array(NAMES)[values.argmax(axis=1)][tied])
    assert (close & ~tied).mean() < 0.01


def test_one_vs_one(texts, part, tmp_path):
    whole = OneVsOneClassifier(PARTS[part]()).fit(texts.table(texts.train), texts.classes)
    model = load(tmp_path, whole.estimators_, "one_vs_one", link_of(part), whole.classes_)
    table, odds = texts.table(texts.test), odds_of(whole.estimators_, texts.table(texts.test))
    np.testing.assert_allclose(
        model.logits(texts.test), logits_of(whole.estimators_, table), rtol=1e-4, atol=1e-5
    )
    sure = (np.abs(odds) >= CLOSE).all(axis=1)
    exact = (odds == 0).any(axis=1)
    assert (~sure & ~exact).mean() < 0.01
    wanted, found = whole.decision_function(table), model.decision_function(texts.test)
    assert found.shape == wanted.shape
    assert found.ndim == (1 if len(whole.classes_) == 2 else 2)
    np.testing.assert_allclose(found[sure], wanted[sure], rtol=1e-4, atol=1e-5)
    labels = given(model, texts.test)
    expected = whole.predict(table)
    if found.ndim == 2:
        sure &= (apart(wanted) >= CLOSE) | (apart(wanted) == 0)
    np.testing.assert_array_equal(labels[sure], expected[sure])
    assert sure.mean() > 0.97


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
    both = odds if len(fitted) > 1 else np.concatenate([np.zeros_like(odds), odds], axis=1)
    check_predictions(given(model, texts.test), whole.predict(table), both)
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
    assert (close & (odds != 0)).mean() < 0.01
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
    texts = make_texts(4)
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
    both = np.stack([np.zeros_like(wanted), wanted], axis=1) if two else wanted
    check_predictions(given(model, texts.test), whole.predict(table), both)
