"""Pipelines of scikit-learn that share nothing, put together: the file decides as the parts and
their rule do, and as scikit-learn's own OneVsRestClassifier and OneVsOneClassifier where the parts
are theirs.
"""

import warnings
from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.corpus import sentences
from limen.errors import ExportError, InputError
from limen.format import parse, read
from limen.opening import open_model
from limen_export import compose
from limen_export.sources import composed
from limen_export.sources.recognising import SourceWishes
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import SVC, LinearSVC

files = SimpleNamespace(**run_path(str(Path(__file__).with_name("sklearn_files.py"))))
ROWS = [*sentences("en", "train")[:120], *sentences("ko", "train")[:120]]
TEXTS = [row.text for row in ROWS]
TRUTH = np.array([min(row.labels) if row.labels else "none" for row in ROWS])
LABELS = ("joy", "anger", "fear", "none")
ASKED = [*TEXTS[::2], "", " \n ", "qqqq zzzz", "뷁뷁", "\x1e"]
"""Some without a single known feature."""
PAIRS = (*combinations(LABELS, 2),)

CLASSIFIERS = {
    "logistic": LogisticRegression,
    "svm": LinearSVC,
    "without intercept": lambda: LinearSVC(fit_intercept=False),
    "perceptron": Perceptron,
    "bayes": MultinomialNB,
    "complement": ComplementNB,
    "kernel": lambda: SVC(kernel="linear"),
    "calibrated": lambda: CalibratedClassifierCV(LinearSVC(), cv=2),
    "calibrated bayes": lambda: CalibratedClassifierCV(MultinomialNB(), cv=2),
    "isotonic": lambda: CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2),
    "tempered": lambda: CalibratedClassifierCV(LinearSVC(), method="temperature", cv=2),
    "tempered bayes": lambda: CalibratedClassifierCV(MultinomialNB(), method="temperature", cv=2),
    "one of one": lambda: OneVsRestClassifier(LogisticRegression()),
}


def vectorisers(apart):
    """One for each part, of its own kind, or one kind for all."""
    if not apart:
        return [TfidfVectorizer() for _ in range(6)]
    return [
        TfidfVectorizer(),
        CountVectorizer(ngram_range=(1, 2), binary=True),
        FeatureUnion(
            [("w", CountVectorizer()), ("c", TfidfVectorizer(analyzer="char_wb"))],
            transformer_weights={"c": 0.5},
        ),
        HashingVectorizer(n_features=300, alternate_sign=False),
        TfidfVectorizer(analyzer="char", ngram_range=(1, 2)),
        TfidfVectorizer(),
    ]


def fitted(vectoriser, classifier, texts, truth):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(vectoriser, classifier).fit(texts, truth)


def yes_or_no(classifier, labels=LABELS, *, apart=True):
    """A part for each label; each was fitted on texts of its own where they are apart."""
    made = zip(labels, vectorisers(apart), strict=False)
    return {
        label: fitted(vectoriser, classifier(), TEXTS, label == TRUTH) for label, vectoriser in made
    }


def of_pairs(classifier, *, apart=True):
    made = {}
    for (first, later), vectoriser in zip(PAIRS, vectorisers(apart), strict=True):
        held = np.flatnonzero((first == TRUTH) | (later == TRUTH))
        texts = [TEXTS[at] for at in held]
        made[first, later] = fitted(vectoriser, classifier(), texts, TRUTH[held] == later)
    return made


def opened(parts, rule, **more):
    composition = compose(parts, rule=rule, **more)
    reference = composed.reference(composition, SourceWishes())
    return open_model(parse(files.stamped(reference), "parts"), threads=1), reference


def value(part, texts):
    """Its confidence as scikit-learn's meta-estimators take it."""
    if hasattr(part, "decision_function"):
        return part.decision_function(texts)
    return part.predict_proba(texts)[:, 1]


def labels_of(model, texts):
    return [prediction.labels for prediction in model.predict(texts)]


def require_alike(kind, found, known):
    """To 1e-5; of what a steep isotonic curve gives 1 % may be further (docs/sources.md)."""
    further = np.abs(found - known)
    assert (further <= 1e-5).mean() >= (0.99 if kind == "isotonic" else 1.0)
    assert further.max() <= 1e-3


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_one_against_the_rest(kind, apart):
    """The largest value decides; scores are the parts' own."""
    parts = yes_or_no(CLASSIFIERS[kind], apart=apart)
    model, reference = opened(parts, "one_vs_rest")
    values = np.column_stack([value(part, ASKED) for part in parts.values()])
    assert labels_of(model, ASKED) == [(LABELS[at],) for at in values.argmax(1)]
    found, known = model.logits(ASKED), reference.logits(ASKED)
    if reference.link == "log":
        # Near 0 a logarithm is all rounding.
        found, known = np.exp(found), np.exp(known)
    require_alike(kind, found, known)
    assert len(reference.encoder.parts) == (5 if apart else 1)
    if kind not in ("svm", "without intercept", "perceptron", "kernel"):
        probabilities = [part.predict_proba(ASKED)[:, 1] for part in parts.values()]
        require_alike(kind, model.scores(ASKED), np.column_stack(probabilities))


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_every_yes_is_a_label(kind):
    parts = yes_or_no(CLASSIFIERS[kind])
    model, _ = opened(parts, "multilabel")
    yes = np.column_stack([part.predict(ASKED) for part in parts.values()])
    assert labels_of(model, ASKED) == [tuple(np.array(LABELS)[row]) for row in yes]


def most_pairs(confidences, won):
    """As scikit-learn counts (sklearn/utils/multiclass.py, _ovr_decision_function)."""
    votes, sums = np.zeros((2, len(won), len(LABELS)))
    for place, (first, later) in enumerate(combinations(range(len(LABELS)), 2)):
        sums[:, first] -= confidences[:, place]
        sums[:, later] += confidences[:, place]
        votes[~won[:, place], first] += 1
        votes[won[:, place], later] += 1
    return votes + sums / (3 * (np.abs(sums) + 1))


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_one_against_one(kind, apart):
    parts = of_pairs(CLASSIFIERS[kind], apart=apart)
    model, _ = opened(parts, "one_vs_one", labels=LABELS)
    confidences = np.column_stack([value(part, ASKED) for part in parts.values()])
    won = np.column_stack([part.predict(ASKED) for part in parts.values()])
    expected = most_pairs(confidences, won).argmax(1)
    assert labels_of(model, ASKED) == [(LABELS[at],) for at in expected]


@pytest.mark.parametrize(
    ("meta", "rule"), [(OneVsRestClassifier, "one_vs_rest"), (OneVsOneClassifier, "one_vs_one")]
)
@pytest.mark.parametrize("kind", ["logistic", "svm", "bayes", "perceptron"])
def test_parts_of_a_meta_estimator_decide_as_it_does(meta, rule, kind):
    whole = fitted(TfidfVectorizer(), meta(CLASSIFIERS[kind]()), TEXTS, TRUTH)
    classes = [*map(str, whole.classes_)]
    names = classes if rule == "one_vs_rest" else [*combinations(classes, 2)]
    parts = {
        name: make_pipeline(whole[0], part)
        for name, part in zip(names, whole[1].estimators_, strict=True)
    }
    model, reference = opened(parts, rule, labels=classes)
    assert len(reference.encoder.parts) == 1
    assert labels_of(model, ASKED) == [(label,) for label in whole.predict(ASKED)]
    if hasattr(whole, "decision_function"):
        found = model.decision_function(ASKED)
        assert np.abs(found - whole.decision_function(ASKED)).max() <= 1e-5


def test_labels_alone_are_votes():
    """A yes is a vote, rest does not vote, ties go to the earlier label, no yes abstains."""
    few = slice(None, None, 4)
    parts = {
        label: fitted(vectoriser, Perceptron(), TEXTS[few], TRUTH[few] == label)
        for label, vectoriser in zip(LABELS, vectorisers(apart=True), strict=False)
    }
    model, reference = opened(parts, "one_vs_rest", only_labels=True)
    assert (reference.rule, reference.link) == ("one_vs_rest", "labels")
    yes = np.column_stack([part.predict(ASKED) for part in parts.values()])
    assert {0, 1, 2} <= {*yes.sum(1)}
    expected = [(LABELS[row.argmax()],) if row.any() else () for row in yes]
    assert labels_of(model, ASKED) == expected
    assert np.array_equal(model.logits(ASKED), yes.astype(np.float32))
    assert not any("decision values" in notice for notice in reference.notices)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_labels_alone_of_every_classifier(kind):
    model, _ = opened(of_pairs(CLASSIFIERS[kind]), "one_vs_one", labels=LABELS, only_labels=True)
    parts = of_pairs(CLASSIFIERS[kind])
    won = np.column_stack([part.predict(ASKED) for part in parts.values()])
    expected = most_pairs(np.zeros(won.shape), won).argmax(1)
    assert labels_of(model, ASKED) == [(LABELS[at],) for at in expected]


@pytest.mark.parametrize("only_labels", [True, False])
@pytest.mark.parametrize(
    "kind", ["without intercept", "calibrated", "isotonic", "tempered", "tempered bayes", "bayes"]
)
def test_first_class_may_be_yes(kind, only_labels):
    """A class that is named as the label is its yes; at a value of 0 a part takes its first."""
    parts = {
        label: fitted(vectoriser, CLASSIFIERS[kind](), TEXTS, np.where(label == TRUTH, label, "z"))
        for label, vectoriser in zip(LABELS, vectorisers(apart=True), strict=False)
    }
    model, _ = opened(parts, "multilabel", only_labels=only_labels)
    yes = np.column_stack([part.predict(ASKED) != "z" for part in parts.values()])
    assert labels_of(model, ASKED) == [tuple(np.array(LABELS)[row]) for row in yes]


def about(part, label):
    """Whose positive values are for a label, and shares of it."""
    turned = part.classes_[0] == label
    if hasattr(part, "decision_function"):
        return part.decision_function(ASKED) * (-1 if turned else 1), 0.0
    return part.predict_proba(ASKED)[:, 0 if turned else 1], 0.5


@pytest.mark.parametrize(
    "kind",
    ["logistic", "without intercept", "calibrated", "isotonic", "tempered bayes", "bayes"],
)
def test_pairs_named_the_other_way_round(kind):
    """Classes have the labels' names, in the order of the alphabet."""
    parts = {}
    for (first, later), vectoriser in zip(PAIRS, vectorisers(apart=True), strict=True):
        held = np.flatnonzero((first == TRUTH) | (later == TRUTH))
        part = fitted(vectoriser, CLASSIFIERS[kind](), [TEXTS[at] for at in held], TRUTH[held])
        parts[later, first] = part
    values = [about(part, later) for (later, _), part in parts.items()]
    confidences = np.column_stack([own for own, _ in values])
    won = np.column_stack([own > middle for own, middle in values])
    model, _ = opened(parts, "one_vs_one", labels=LABELS)
    expected = most_pairs(confidences, won).argmax(1)
    assert labels_of(model, ASKED) == [(LABELS[at],) for at in expected]
    model, _ = opened(parts, "one_vs_one", labels=LABELS, only_labels=True)
    won = np.column_stack([part.predict(ASKED) == later for (later, _), part in parts.items()])
    expected = most_pairs(np.zeros(won.shape), won).argmax(1)
    assert labels_of(model, ASKED) == [(LABELS[at],) for at in expected]


def test_many_texts_get_the_bits_that_each_gets_alone():
    model, _ = opened(yes_or_no(LinearSVC), "one_vs_rest")
    alone = np.concatenate([model.logits([text]) for text in ASKED])
    assert np.array_equal(model.logits(ASKED), alone)


def test_weights_of_a_part_are_kept_once():
    """The table is as large as the parts together, not as many times that as there are parts."""
    parts = yes_or_no(LinearSVC)
    graph = composed.reference(compose(parts, rule="one_vs_rest"), SourceWishes()).graph.graph
    sizes = [np.prod(tensor.dims) for tensor in graph.initializer]
    features = sum(part[-1].coef_.size for part in parts.values())
    assert max(sizes) <= features + 1


def three_classes():
    return fitted(TfidfVectorizer(), LinearSVC(), TEXTS, TRUTH)


def union_weighted():
    union = FeatureUnion([("w", CountVectorizer()), ("c", CountVectorizer(analyzer="char"))])
    steps = (union, TfidfTransformer(), LinearSVC())
    return make_pipeline(*steps).fit(TEXTS, TRUTH == "anger")


def many_parts(count):
    labels = [f"label {place}" for place in range(count)]
    return {
        label: fitted(CountVectorizer(), MultinomialNB(), TEXTS[at : at + 9], np.arange(9) % 2)
        for at, label in enumerate(labels)
    }


def pair_with(other):
    return {"joy": yes_or_no(LinearSVC, ("joy",))["joy"], "anger": other}


REFUSED = {
    "three classes": (
        lambda: pair_with(three_classes()),
        r"part anger: Pipeline: \d+ classes \(.*\); expected a classifier that says yes or no",
    ),
    "weighted union": (
        lambda: pair_with(union_weighted()),
        "part anger: a TfidfTransformer behind a FeatureUnion",
    ),
    "one calibrated": (
        lambda: pair_with(yes_or_no(CLASSIFIERS["calibrated"], ("joy",))["joy"]),
        "part anger is calibrated, and part joy is not",
    ),
    "no pipeline": (lambda: pair_with(LinearSVC()), "part anger: LinearSVC: a LinearSVC, expected"),
    "too many": (lambda: many_parts(65), "65 unlike vectorisers .*; a file holds 64"),
    "a checkpoint": (
        lambda: pair_with("some/name"),
        "part joy is of scikit-learn, and part anger is not",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name(case):
    make, message = REFUSED[case]
    with pytest.raises((ExportError, InputError), match=message):
        composed.reference(compose(make(), rule="one_vs_rest"), SourceWishes())


def test_wishes_that_do_not_apply():
    parts = yes_or_no(LinearSVC)
    with pytest.raises(InputError, match=r"part joy: .*leave --max-tokens and --windows out"):
        composed.reference(compose(parts, rule="one_vs_rest"), SourceWishes(max_tokens=5))


def test_only_labels_from_the_command(tmp_path, untimed, capsys):
    skops = pytest.importorskip("skops.io")
    parts = yes_or_no(LinearSVC)
    words = ["export", "--compose"]
    for label, part in parts.items():
        skops.dump(part, tmp_path / f"{label}.skops")
        words.append(f"{label}={tmp_path / label}.skops")
    words += ["--rule", "one_vs_rest", "--only-labels", "-o", str(tmp_path / "command.onnx")]
    assert main(words) == 0
    assert "4 parts behind 4 vectorisers" in capsys.readouterr().out
    source = read(tmp_path / "command.onnx").metadata.provenance.source
    assert source == "composed of joy.skops, anger.skops, fear.skops, none.skops"
    expected, _ = opened(parts, "one_vs_rest", only_labels=True)
    assert labels_of(limen.load(tmp_path / "command.onnx"), ASKED) == labels_of(expected, ASKED)
    assert main(["export", "x", "--only-labels", "-o", str(tmp_path / "none.onnx")]) == 2
    assert "--only-labels without --compose" in capsys.readouterr().err
