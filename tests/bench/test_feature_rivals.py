"""scikit-learn and Model2Vec beside files of their own kinds: the same logits, the same labels."""

import json
import os
import pickle
import subprocess
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
from limen.corpus import sentences
from limen.errors import InputError
from limen.format import parse
from limen.opening import load, open_model
from limen_bench.engines.engine import OpenJob
from limen_bench.engines.sklearn_pipeline import open_engine, prepare
from limen_export.sources import model2vec
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.sklearn_pipeline import read as read_pipeline
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import SVC, LinearSVC
from skops import io

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("open_engine.py")
files, folders = (
    SimpleNamespace(**run_path(str(ROOT / "tests" / "export" / f"{name}.py")))
    for name in ("sklearn_files", "static_folders")
)
ROWS = [row for row in sentences("en", "train") if row.labels][:240]
TEXTS = [row.text for row in ROWS]
ASKED = [*TEXTS[:40], "", "qqqq zzzz", "뷁뷁"]
SEVERAL = MultiLabelBinarizer().fit_transform([row.labels for row in ROWS])
ONE = np.array([min(row.labels) for row in ROWS])
TWO = np.array(["calm" if place % 3 else "other" for place in range(len(ROWS))])

HEADS = {
    "logistic": (LogisticRegression(), ONE),
    "two": (LinearSVC(), TWO),
    "bayes": (MultinomialNB(), ONE),
    "bayes of two": (MultinomialNB(), TWO),
    "calibrated": (CalibratedClassifierCV(LinearSVC(), cv=2), TWO),
    "rest": (OneVsRestClassifier(LinearSVC()), ONE),
    "rest of two, calibrated": (
        OneVsRestClassifier(CalibratedClassifierCV(LinearSVC(), cv=2)),
        TWO,
    ),
    "rest of bayes": (OneVsRestClassifier(MultinomialNB()), ONE),
    "pairs": (OneVsOneClassifier(LinearSVC()), ONE),
    "pairs of bayes": (OneVsOneClassifier(MultinomialNB()), ONE),
    "kernel": (SVC(kernel="linear"), ONE),
    "kernel, ties by values": (SVC(kernel="linear", break_ties=True), ONE),
    "several": (OneVsRestClassifier(LogisticRegression()), SEVERAL),
    "several, calibrated": (
        OneVsRestClassifier(CalibratedClassifierCV(LinearSVC(), cv=2)),
        SEVERAL,
    ),
    "several outputs": (MultiOutputClassifier(MultinomialNB()), SEVERAL),
    "several at once": (RidgeClassifier(), SEVERAL),
    "several, one that all have": (
        OneVsRestClassifier(LinearSVC(fit_intercept=False)),
        np.column_stack([SEVERAL, np.ones(len(ROWS), int)]),
    ),
}


def fitted(head, truth):
    # Of words that all texts have; a text of others has no feature at all.
    return make_pipeline(TfidfVectorizer(max_features=300), head).fit(TEXTS, truth)


def made(pipeline, folder):
    """The job of a pipeline, saved, with its classifier file."""
    reference = read_pipeline(pipeline, SourceWishes())
    (folder / "tfidf.onnx").write_bytes(files.stamped(reference))
    io.dump(pipeline, folder / "pipeline.skops")
    return job_of(folder, folder / "pipeline.skops")


def job_of(folder, source):
    own = folder / "scikit-learn"
    own.mkdir(exist_ok=True)
    return OpenJob("scikit-learn", folder / "tfidf.onnx", source, own, threads=1, batch=1)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
@pytest.mark.filterwarnings("ignore:Label not .* is present in all training examples")
def test_scikit_learn_says_what_its_file_says(head, tmp_path):
    job = made(fitted(*HEADS[head]), tmp_path)
    model = load(job.model)
    with sklearn.config_context():
        prepare(job)
        engine = open_engine(job)
        logits, chosen = engine.logits(ASKED), engine.decide(ASKED)
        alone = [engine.decide([text])[0] for text in ASKED]
        stages = engine.stages(ASKED[0])
    assert logits.dtype == np.float32
    expected = model.logits(ASKED)
    assert logits.shape == expected.shape
    assert (np.abs(logits - expected) <= 1e-4 + 1e-5 * np.abs(expected)).all()
    assert chosen == alone == [one.labels for one in model.predict(ASKED)]
    assert stages.keys() == {"encode", "session", "decide"}


class TrapError(Exception):
    pass


class Trap:
    def __reduce__(self):
        return (spring, ())


def spring():
    raise TrapError


def test_a_pickle_is_refused_unread(tmp_path):
    made(fitted(LogisticRegression(), ONE), tmp_path)
    (tmp_path / "pipeline.joblib").write_bytes(pickle.dumps(Trap()))
    job = job_of(tmp_path, tmp_path / "pipeline.joblib")
    prepare(job)
    with sklearn.config_context(), pytest.raises(InputError, match=r"skops\.io\.dump"):
        open_engine(job)


def test_a_skops_file_of_other_types_is_refused_by_name(tmp_path):
    job = made(fitted(LogisticRegression(), ONE), tmp_path)
    io.dump(make_pipeline(TfidfVectorizer(preprocessor=spring)), job.source)
    prepare(job)
    with sklearn.config_context(), pytest.raises(InputError, match="spring"):
        open_engine(job)


def test_a_classifier_that_is_not_known_is_refused_by_name(tmp_path):
    from sklearn.neighbors import KNeighborsClassifier

    job = made(fitted(LogisticRegression(), ONE), tmp_path)
    io.dump(fitted(KNeighborsClassifier(), ONE), job.source)
    prepare(job)
    with sklearn.config_context(), pytest.raises(InputError, match="KNeighborsClassifier"):
        open_engine(job)


@pytest.mark.parametrize(
    "kind",
    [{}, {"activation": "softmax", "normalize": True}, {"hidden": (), "weighted": True}],
    ids=["several labels", "one label", "one layer"],
)
def test_model2vec_says_what_its_file_says(kind, tmp_path):
    python = ROOT / ".venv-model2vec" / "bin" / "python"
    if not python.exists():
        pytest.skip("no .venv-model2vec: make rivals")
    folder = folders.made(tmp_path / "static", **kind)
    reference = model2vec.read(str(folder), SourceWishes())
    (tmp_path / "static.onnx").write_bytes(files.stamped(reference))
    texts = [
        "the day was good",
        "",
        "qqqq",
        "오늘 정말 행복",
        "very bad day ! not good",
        *TEXTS[:9],
    ]
    job = {
        **{"name": "model2vec", "model": str(tmp_path / "static.onnx"), "source": str(folder)},
        **{"folder": str(tmp_path / "own"), "threads": 1, "batch": 4, "texts": texts},
    }
    jobs = tmp_path / "jobs.json"
    jobs.write_text(json.dumps([{**job, "prepare": True}, {**job, "prepare": False}]))
    done = subprocess.run(
        [str(python), str(DRIVER), str(jobs)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "RAYON_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (answer,) = map(json.loads, done.stdout.splitlines())
    model = open_model(parse((tmp_path / "static.onnx").read_bytes(), "static.onnx"))
    assert answer["dtype"] == "float32"
    assert np.abs(np.array(answer["logits"]) - model.logits(texts)).max() < 1e-4
    expected = [list(one.labels) for one in model.predict(texts)]
    assert answer["labels"] == answer["labels_alone"] == expected
