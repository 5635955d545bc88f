"""scikit-learn pipelines as a user brings them: files, refusals, the command, and Python."""

import json
import warnings
from collections import Counter
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import joblib
import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.corpus import sentences
from limen.errors import ExportError, InputError
from limen.format import Windows, read
from limen_export import ExportSettings, export
from limen_export.settings import NamedTexts
from limen_export.sources import sklearn_pipeline
from limen_export.sources.recognising import SourceWishes, recognise
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.svm import SVC, LinearSVC

files = SimpleNamespace(**run_path(str(Path(__file__).with_name("sklearn_files.py"))))
ROWS = [*sentences("en", "train")[:200], *sentences("ko", "train")[:200]]
TEXTS = [row.text for row in ROWS]
LABELS = [min(row.labels) if row.labels else "none" for row in ROWS]
YES = [label == "joy" for label in LABELS]


class Shouting(TfidfVectorizer):
    """A vectoriser of somebody's own."""


class Lengths(TransformerMixin, BaseEstimator):
    """A transformer that gives numbers of its own."""

    def fit(self, texts, truth=None):
        self.fitted_ = True
        return self

    def transform(self, texts):
        return np.array([[len(text)] for text in texts])


def shout(text):
    return text.upper()


def fitted(vectoriser=None, classifier=None, truth=LABELS):
    # An ensemble that is not fitted has no length, and so no truth.
    steps = [
        TfidfVectorizer() if vectoriser is None else vectoriser,
        LogisticRegression() if classifier is None else classifier,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(*steps).fit(TEXTS, truth)


def inner():
    return make_pipeline(TfidfVectorizer(), LinearSVC())


def alone(classifier):
    """A pipeline whose steps were fitted apart, since scikit-learn would refuse it."""
    return Pipeline([("vectoriser", TfidfVectorizer()), ("classifier", classifier)])


OUTPUTS = np.column_stack([[len(text) % 3 for text in TEXTS], YES]).astype(int)
REFUSED = {
    "tokenizer": (
        lambda: fitted(TfidfVectorizer(tokenizer=str.split)),
        r"tokenizer=split\) is code",
    ),
    "preprocessor": (
        lambda: fitted(CountVectorizer(preprocessor=shout)),
        r"CountVectorizer\(preprocessor=shout\) is code, which a classifier file never holds",
    ),
    "analyzer": (
        lambda: fitted(HashingVectorizer(analyzer=str.split, n_features=64)),
        r"analyzer=split\) is code",
    ),
    "accents": (lambda: fitted(TfidfVectorizer(strip_accents=shout)), "strip_accents=shout"),
    "pattern": (
        lambda: fitted(TfidfVectorizer(token_pattern=r"[a-z]+|\d+")),  # noqa: S106
        r"token_pattern='\[a-z\]\+\|\\\\d\+'\) is not on the list",
    ),
    "own vectoriser": (lambda: fitted(Shouting()), "Shouting is not a transformer .* FeatureUnion"),
    "own transformer": (lambda: fitted(Lengths()), "Lengths is not a transformer"),
    "own transformer in a union": (
        lambda: fitted(FeatureUnion([("w", CountVectorizer()), ("l", Lengths())])),
        "Lengths is not a transformer",
    ),
    "union in a union": (
        lambda: fitted(
            FeatureUnion(
                [("u", FeatureUnion([("a", CountVectorizer()), ("b", CountVectorizer())]))]
            )
        ),
        "a FeatureUnion inside a FeatureUnion .'u'.",
    ),
    "transformer behind": (
        lambda: make_pipeline(CountVectorizer(), GridSearchCV(TfidfTransformer(), {}), LinearSVC()),
        "not fitted|GridSearchCV between vectoriser and classifier",
    ),
    "forest": (
        lambda: fitted(classifier=RandomForestClassifier(2)),
        "RandomForestClassifier is not a classifier that can be exported; supported are "
        "LogisticRegression, .*MultiOutputClassifier",
    ),
    "bernoulli": (lambda: fitted(classifier=BernoulliNB()), "BernoulliNB is not a classifier"),
    "forest in parts": (
        lambda: fitted(classifier=OneVsRestClassifier(RandomForestClassifier(2))),
        "RandomForestClassifier is not a classifier",
    ),
    "kernel": (lambda: fitted(classifier=SVC()), r"SVC\(kernel='rbf'\) is not linear"),
    "calibrated pipelines": (
        lambda: make_pipeline(
            TfidfVectorizer(),
            CalibratedClassifierCV(make_pipeline(TfidfTransformer(), LinearSVC()), cv=2),
        ).fit(TEXTS, YES),
        "over a Pipeline",
    ),
    "several values": (
        lambda: fitted(classifier=MultiOutputClassifier(LogisticRegression()), truth=OUTPUTS),
        "output 0 of MultiOutputClassifier has the classes 0, 1, 2; expected 0 and 1",
    ),
    "not fitted": (inner, "TfidfVectorizer is not fitted|is not fitted"),
    "not a pipeline": (LogisticRegression, "a LogisticRegression, expected a fitted Pipeline"),
    "no vectoriser": (lambda: make_pipeline(LogisticRegression()), "no vectoriser before"),
    "search not fitted": (lambda: GridSearchCV(inner(), {}), "GridSearchCV is not fitted"),
    "other width": (
        lambda: Pipeline(
            [
                ("v", fitted().steps[0][1]),
                ("c", fitted(TfidfVectorizer(max_features=20)).steps[1][1]),
            ]
        ),
        "features, the classifier takes 20; they were not fitted together",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name(case):
    make, message = REFUSED[case]
    with pytest.raises(ExportError, match=rf"(?s)^\w+: .*({message})"):
        files.opened(make())


def test_a_search_is_its_best_estimator():
    search = GridSearchCV(inner(), {"linearsvc__C": [0.1, 1.0]}, cv=2).fit(TEXTS, YES)
    model, _ = files.opened(search)
    assert [one.labels[0] for one in model.predict(TEXTS)] == [*map(str, search.predict(TEXTS))]


def test_labels_are_named(tmp_path):
    truth = np.array([[label == name for name in ("joy", "anger")] for label in LABELS]).astype(int)
    several = fitted(classifier=OneVsRestClassifier(LinearSVC()), truth=truth)
    assert files.opened(several)[0].labels == ("0", "1")
    assert files.opened(several, labels=("joy", "anger"))[0].labels == ("joy", "anger")
    with pytest.raises(InputError, match=r"3 labels given, the classifier has 2 \(0, 1\)"):
        files.opened(several, labels=("a", "b", "c"))


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"max_tokens": 5}, "read texts whole; leave --max-tokens and --windows out"),
        ({"windows": Windows(3)}, "read texts whole"),
        ({"rule": "multilabel"}, "--rule multilabel, but LogisticRegression decides by multiclass"),
    ],
)
def test_wishes_that_do_not_apply(wishes, message):
    with pytest.raises(InputError, match=message):
        files.opened(fitted(), **wishes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda"}, "leave --device out"),
        ({"precision": "int8-mixed"}, "expected auto, fp32, int8"),
        ({"keep_vocabulary": NamedTexts("mine", ("a",))}, "leave --keep-vocabulary out"),
    ],
)
def test_settings_that_do_not_apply(tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        export(fitted(), tmp_path / "out.onnx", ExportSettings(**settings))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".joblib", ".pkl"])
def test_pickles_need_trust(tmp_path, suffix, untimed, capsys):
    source, output = tmp_path / f"model{suffix}", tmp_path / "model.onnx"
    joblib.dump(fitted(), source)
    assert main(["export", str(source), "-o", str(output)]) == 2
    assert "is a pickle, which can run any code while it is read; pass" in capsys.readouterr().err
    assert main(["export", str(source), "-o", str(output), "--trust"]) == 0
    assert f"model{suffix} is a pickle: reading it ran whatever code" in capsys.readouterr().out
    assert read(output).metadata.provenance.source == f"model{suffix}"


@pytest.mark.parametrize("name", ["model.joblib", "model.skops"])
def test_broken_files(tmp_path, name):
    if name.endswith(".skops"):
        pytest.importorskip("skops")
    source = tmp_path / name
    source.write_bytes(b"no model")
    with pytest.raises(ExportError, match=f"{name}: cannot be read"):
        export(str(source), tmp_path / "out.onnx", ExportSettings(trust=True))


def test_sources_are_recognised(tmp_path):
    (tmp_path / "model.skops").write_bytes(b"")
    assert recognise(str(tmp_path / "model.skops")).what == "scikit-learn model model.skops (skops)"
    assert sklearn_pipeline.recognise(fitted()) == "scikit-learn Pipeline"
    assert recognise("some/name").kind == "checkpoint"
    with pytest.raises(InputError, match="a dict; expected a path, a hub name, a torch module"):
        export({}, tmp_path / "none.onnx", ExportSettings())
    found = recognise(str(tmp_path / "none.skops"), "sklearn")
    with pytest.raises(InputError, match="no such file"):
        found.reader.read(str(tmp_path / "none.skops"), SourceWishes())


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_skops_through_the_command(method, tmp_path, untimed, capsys):
    """The whole way: a skops file, labelled texts, thresholds fitted, the file decides alike."""
    skops = pytest.importorskip("skops.io")
    pipeline = fitted(
        TfidfVectorizer(ngram_range=(1, 2)),
        CalibratedClassifierCV(LinearSVC(), method=method, cv=3),
    )
    skops.dump(pipeline, tmp_path / "model.skops")
    data = [
        json.dumps({"text": text, "labels": [label]}, ensure_ascii=False)
        for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(data), encoding="utf-8")
    output = tmp_path / "model.onnx"
    words = ["export", str(tmp_path / "model.skops"), "-o", str(output), "--json"]
    assert main([*words, "--data", str(tmp_path / "data.jsonl")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["precision"] == "fp32"
    assert Counter(rung["precision"] for rung in report["evidence"]["rungs"]) == {"fp32": 1}
    versions = dict(read(output).metadata.provenance.versions)
    assert {"scikit-learn", "skops"} <= versions.keys()
    model = limen.load(output, operating_point="argmax")
    assert [one.top for one in model.predict(TEXTS)] == [*pipeline.predict(TEXTS)]
    assert main(["inspect", str(output)]) == 0
    assert "encoder     tfidf, " in capsys.readouterr().out


def test_types_that_skops_does_not_trust(tmp_path):
    skops = pytest.importorskip("skops.io")
    skops.dump(fitted(TfidfVectorizer(preprocessor=shout)), tmp_path / "model.skops")
    with pytest.raises(ExportError, match=r"holds .*shout.*, which skops does not know"):
        export(str(tmp_path / "model.skops"), tmp_path / "out.onnx", ExportSettings())


def test_eight_bits_for_those_who_ask(tmp_path, untimed):
    pipeline = fitted(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)))
    whole, small = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    assert export(pipeline, whole, ExportSettings()).precision == "fp32"
    texts = NamedTexts("mine", tuple(TEXTS))
    report = export(pipeline, small, ExportSettings(precision="int8", texts=texts))
    assert report.precision == "int8"
    assert small.stat().st_size < 0.7 * whole.stat().st_size
    first, second = limen.load(whole).predict(TEXTS), limen.load(small).predict(TEXTS)
    alike = [one.labels == two.labels for one, two in zip(first, second, strict=True)]
    assert np.mean(alike) > 0.99
