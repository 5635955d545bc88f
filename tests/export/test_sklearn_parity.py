"""A classifier file of a scikit-learn pipeline gives scikit-learn's features, values and labels,
whatever the vectoriser and the classifier; on whole real data sets: test_every_source.py.
"""

import warnings
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.corpus import sentences
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import SVC, LinearSVC, NuSVC

files = SimpleNamespace(**run_path(str(Path(__file__).with_name("sklearn_files.py"))))

UNKNOWN = ["", " \n ", "qqqq zzzz", "뷁뷁", "a", "\x1e", "happy\x1eday", "\0"]
"""Texts without a single known feature among them."""
ODD = [
    "Ünïcödé ÀÉÎ ΣΑΣ ΟΔΟΣ. İstanbul",
    "가나다  라마\n\n바사 \u3000 아\u0301",
    "a" * 300,
    "the THE of",
]

VECTORISERS = {
    "words": TfidfVectorizer(),
    "pairs, sublinear": TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=400),
    "pairs alone, l1": TfidfVectorizer(ngram_range=(2, 3), norm="l1", smooth_idf=False),
    "binary, no idf": TfidfVectorizer(binary=True, use_idf=False, norm=None),
    "short words": TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", lowercase=False),  # noqa: S106
    "spaces": TfidfVectorizer(token_pattern=r"\S+"),  # noqa: S106
    "stop words": TfidfVectorizer(stop_words="english", ngram_range=(1, 2)),
    "characters": TfidfVectorizer(analyzer="char", ngram_range=(1, 3)),
    "inside words": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
    "accents": TfidfVectorizer(strip_accents="unicode"),
    "ascii": TfidfVectorizer(strip_accents="ascii", analyzer="char_wb", ngram_range=(1, 4)),
    "counts": CountVectorizer(),
    "counts, then tf-idf": (CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    "hashes": HashingVectorizer(n_features=2**12),
    "few hashes": HashingVectorizer(n_features=50, norm=None, binary=True),
    "hashed pairs": HashingVectorizer(
        n_features=2**10, ngram_range=(1, 2), alternate_sign=False, norm="l1"
    ),
    "hashed characters": HashingVectorizer(n_features=333, analyzer="char_wb", ngram_range=(2, 4)),
    "hashes, then tf-idf": (
        HashingVectorizer(n_features=512, alternate_sign=False, norm=None),
        TfidfTransformer(),
    ),
    "union": FeatureUnion(
        [
            ("words", TfidfVectorizer()),
            ("left out", "drop"),
            ("inside", make_pipeline(CountVectorizer(analyzer="char_wb"), TfidfTransformer())),
            ("hashes", HashingVectorizer(n_features=64)),
        ],
        transformer_weights={"inside": 0.5},
    ),
    "union, then tf-idf": (
        FeatureUnion(
            [("words", CountVectorizer()), ("characters", CountVectorizer(analyzer="char"))]
        ),
        TfidfTransformer(),
    ),
}

ONE_LABEL = {
    "logistic": LogisticRegression(),
    "svm": LinearSVC(),
    "svm without intercept": LinearSVC(fit_intercept=False),
    "hinge": SGDClassifier(random_state=0),
    "log loss": SGDClassifier(loss="log_loss", random_state=0),
    "ridge": RidgeClassifier(),
    "perceptron": Perceptron(),
    "bayes": MultinomialNB(),
    "complement": ComplementNB(),
    "complement, normed": ComplementNB(norm=True),
    "rest": OneVsRestClassifier(LogisticRegression()),
    "rest of bayes": OneVsRestClassifier(MultinomialNB()),
    "rest of calibrated": OneVsRestClassifier(CalibratedClassifierCV(LinearSVC(), cv=2)),
    "rest of calibrated bayes": OneVsRestClassifier(CalibratedClassifierCV(MultinomialNB(), cv=2)),
    "pairs": OneVsOneClassifier(LinearSVC()),
    "pairs of logistic": OneVsOneClassifier(LogisticRegression()),
    "pairs of bayes": OneVsOneClassifier(MultinomialNB()),
    "pairs of calibrated": OneVsOneClassifier(CalibratedClassifierCV(LinearSVC(), cv=2)),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=3),
    "calibrated in one": CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False),
    "calibrated bayes": CalibratedClassifierCV(MultinomialNB(), cv=2),
    "isotonic": CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=3),
    "isotonic bayes": CalibratedClassifierCV(MultinomialNB(), method="isotonic", cv=2),
    "rest of isotonic": OneVsRestClassifier(
        CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2)
    ),
    "pairs of isotonic": OneVsOneClassifier(
        CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2)
    ),
    "tempered": CalibratedClassifierCV(LinearSVC(), method="temperature", cv=3),
    "tempered bayes": CalibratedClassifierCV(MultinomialNB(), method="temperature", cv=2),
    "rest of tempered bayes": OneVsRestClassifier(
        CalibratedClassifierCV(MultinomialNB(), method="temperature", cv=2)
    ),
    "rest of tempered": OneVsRestClassifier(
        CalibratedClassifierCV(LinearSVC(), method="temperature", cv=2)
    ),
    "kernel": SVC(kernel="linear"),
    "kernel, ties by values": SVC(kernel="linear", break_ties=True),
    "kernel nu": NuSVC(kernel="linear", nu=0.1),
}
MANY_LABELS = {
    "svms": OneVsRestClassifier(LinearSVC()),
    "svms without intercept": OneVsRestClassifier(LinearSVC(fit_intercept=False)),
    "bayes": OneVsRestClassifier(MultinomialNB()),
    "calibrated": OneVsRestClassifier(CalibratedClassifierCV(LinearSVC(), cv=2)),
    "isotonic": OneVsRestClassifier(CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2)),
    "outputs of isotonic": MultiOutputClassifier(
        CalibratedClassifierCV(MultinomialNB(), method="isotonic", cv=2)
    ),
    "outputs": MultiOutputClassifier(LogisticRegression()),
    "outputs of bayes": MultiOutputClassifier(ComplementNB()),
    "ridge": RidgeClassifier(),
}
UNLIKE_VALUES = ("kernel", "kernel nu")
"""Their votes are counted without values, as libsvm does; docs/sources.md."""


def corpus():
    rows = [*sentences("en", "train")[:300], *sentences("ko", "train")[:300]]
    texts = [row.text for row in rows]
    labels = [min(row.labels) if row.labels else "none" for row in rows]
    return texts, np.array(labels), [set(row.labels) for row in rows]


@pytest.fixture(scope="module")
def data():
    return corpus()


def pipeline(vectoriser, classifier):
    steps = vectoriser if isinstance(vectoriser, tuple) else (vectoriser,)
    return make_pipeline(*steps, classifier)


def check(fitted, texts, *, values=True, steep=False):
    """Compare a file with its pipeline on texts, and on those that hold nothing known; where curves
    are steep, what float32 rounds may show in a few.
    """
    texts = [*texts, *UNKNOWN, *ODD]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, reference = files.opened(fitted)
        if values:
            found, known = model.logits(texts), reference.logits(texts)
            if reference.link == "log":
                # Near 0 a logarithm is all rounding.
                found, known = np.exp(found), np.exp(known)
            assert np.mean(np.abs(found - known) <= 1e-5) >= (0.99 if steep else 1)
        _check_values(fitted, texts, model, values=values, steep=steep)
        given = fitted.predict(texts)
    if reference.rule == "multilabel":
        wanted = [
            tuple(label for label, yes in zip(reference.labels, row, strict=True) if yes)
            for row in given
        ]
    else:
        wanted = [(str(label),) for label in given]
    found = [prediction.labels for prediction in model.predict(texts)]
    wrong = [place for place in range(len(texts)) if found[place] != wanted[place]]
    assert len(wrong) <= (len(texts) / 100 if steep else 0)


def _check_values(fitted, texts, model, *, values, steep):
    if values and hasattr(fitted, "decision_function"):
        found = model.decision_function(texts)
        assert np.abs(found - fitted.decision_function(texts)).max() <= 1e-5
    if hasattr(fitted, "predict_proba"):
        known = fitted.predict_proba(texts)
        if isinstance(known, list):
            known = np.column_stack([part[:, 1] for part in known])
        scores = model.scores(texts).astype(np.float64)
        if model.rule == "one_vs_rest":
            scores /= scores.sum(axis=1, keepdims=True)
        assert np.mean(np.abs(scores - known) <= 1e-5) >= (0.99 if steep else 1)


@pytest.mark.parametrize("kind", VECTORISERS)
def test_features(data, kind):
    texts, labels, _ = data
    fitted = pipeline(VECTORISERS[kind], LinearSVC()).fit(texts, labels)
    model, reference = files.opened(fitted)
    every = [*texts[::3], *UNKNOWN, *ODD]
    known = reference.logits.features(every).toarray()
    assert np.abs(files.features(model, every, known.shape[1]) - known).max() <= 1e-6
    check(fitted, texts[::3])


@pytest.mark.parametrize("classes", [2, 8])
@pytest.mark.parametrize("kind", ONE_LABEL)
def test_one_label(data, kind, classes):
    texts, labels, _ = data
    if classes == 2:
        labels = labels == labels[0]
    fitted = pipeline(TfidfVectorizer(), ONE_LABEL[kind]).fit(texts, labels)
    values = classes == 2 or kind not in UNLIKE_VALUES
    check(fitted, texts[::2], values=values, steep="isotonic" in kind)


@pytest.mark.parametrize("classes", [2, 8])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibrated_bayes_of_long_texts(data, method, classes):
    """Probabilities that are 0 to a float64, or as near to it as may be."""
    texts, labels, _ = data
    if classes == 2:
        labels = labels == labels[0]
    # Two folds that are both sure, of unlike labels, would leave a tie.
    classifier = CalibratedClassifierCV(MultinomialNB(), method=method, cv=3)
    fitted = pipeline(CountVectorizer(), classifier).fit(texts, labels)
    long = [" ".join(texts[first : first + 40]) for first in range(0, len(texts), 40)]
    check(fitted, [*texts[::5], *long], steep=method == "isotonic")


@pytest.mark.parametrize("kind", MANY_LABELS)
def test_many_labels(data, kind):
    texts, _, sets = data
    names = sorted(set().union(*sets))
    truth = np.array([[name in own for name in names] for own in sets]).astype(int)
    fitted = pipeline(TfidfVectorizer(), MANY_LABELS[kind]).fit(texts, truth)
    check(fitted, texts[::2], steep="isotonic" in kind)


def test_a_label_that_never_and_one_that_always_occurs(data):
    texts, labels, _ = data
    truth = np.column_stack([labels == labels[0], np.zeros(len(texts)), np.ones(len(texts))])
    classifier = OneVsRestClassifier(MultinomialNB())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fitted = pipeline(CountVectorizer(), classifier).fit(texts, truth.astype(int))
    check(fitted, texts[::2])
