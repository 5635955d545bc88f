"""Every kind of source on whole real data sets: the classifier file decides as the source's own
library does, and `limen export` and `limen predict` go the whole way.
"""

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen_export import ExportSettings, export
from limen_export.sources.recognising import READERS
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

real, made, sklearn = (
    SimpleNamespace(**run_path(str(Path(__file__).with_name(name))))
    for name in ("real_sets.py", "every_source.py", "fitted_pipelines.py")
)
CLOSE, EXACT = 1e-4, 1e-5
"""Absolute differences allowed: of the logits of neural sources, beside as much of the largest as
EXACT; of scikit-learn's values (docs/sources.md)."""
SOME, SHOWN = 300, 20
WHOLE = os.environ.get("LIMEN_WHOLE_SETS", "0") != "0"
"""Whether every row is compared on whole sets; usually neural ones are on SOME texts of each."""
UNKNOWN = ["", " \n ", "qqqq zzzz", "뷁뷁", "\x1e", "\0"]
"""Texts without anything that a source knows are among them."""


@dataclass(frozen=True)
class Row:
    """A kind of source, how one is made, and the sets on which its file must decide alike; `some`
    texts of each, None for all of them.
    """

    kind: str
    make: Callable
    sets: tuple[str, ...]
    some: int | None = SOME


def of_sklearn(on, *steps, how=sklearn.pipeline):
    return Row("sklearn", how(*steps), (on,), None)


BOTH = ("3i4K", "GoEmotions")
WORDS_AND_CHARACTERS = FeatureUnion(
    [
        ("words", TfidfVectorizer(max_features=1_000)),
        ("characters", TfidfVectorizer(analyzer="char", ngram_range=(1, 2), max_features=1_000)),
    ],
    transformer_weights={"characters": 0.5},
)
ROWS = {
    "checkpoint": Row("checkpoint", made.checkpoint, BOTH),
    "head": Row("torch", made.torch_head, ("NSMC", "NLU++")),
    "sentences": Row("sentences", made.sentences, ("KOTE", "BANKING77")),
    "onnx": Row("onnx", made.onnx_folder, BOTH),
    "optimum": Row("optimum", made.via_optimum, BOTH),
    "module": Row("module", made.module, ("KOTE", "GoEmotions")),
    "pairs": Row("composed", made.parts_on_a_body, ("NSMC", "NLU++")),
    "parts of words": Row(
        "composed", sklearn.parts("one_vs_rest", LinearSVC), ("3i4K", "BANKING77"), None
    ),
    "parts that say yes": Row(
        "composed",
        sklearn.parts("multilabel", MultinomialNB, only_labels=True),
        ("NLU++", "KOTE"),
        None,
    ),
    "static": Row("model2vec", made.static, ("KOTE", "GoEmotions"), None),
    "words": of_sklearn("3i4K, all", TfidfVectorizer(sublinear_tf=True), SGDClassifier()),
    "pairs of words": of_sklearn("3i4K", CountVectorizer(), OneVsOneClassifier(SGDClassifier())),
    "characters inside words": of_sklearn(
        "BANKING77", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)), MultinomialNB()
    ),
    "logistic": of_sklearn(
        "BANKING77", TfidfVectorizer(max_features=500), LogisticRegression(max_iter=500)
    ),
    "several words": of_sklearn(
        "GoEmotions",
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        OneVsRestClassifier(LinearSVC()),
    ),
    "several characters": of_sklearn(
        "KOTE",
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
        OneVsRestClassifier(MultinomialNB()),
    ),
    "hashes": of_sklearn(
        "NLU++",
        HashingVectorizer(n_features=2**12),
        MultiOutputClassifier(LogisticRegression(solver="liblinear")),
    ),
    "perceptron": of_sklearn(
        "NSMC", TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), Perceptron()
    ),
    "calibrated, from a file": of_sklearn(
        "NSMC",
        WORDS_AND_CHARACTERS,
        CalibratedClassifierCV(LinearSVC(), cv=2),
        how=sklearn.stored_pipeline,
    ),
}


@dataclass(frozen=True)
class Exported:
    """A row, the file made of its source, and what the source answers to texts."""

    row: Row
    file: Path
    answer: object
    texts: tuple[str, ...] = field(repr=False)


@pytest.fixture(scope="module")
def body(shared, tmp_path_factory):
    vocabulary = shared / "data/tokenizers/bert-base-multilingual-cased/derived_tokenizer.json"
    return made.Body(tmp_path_factory.mktemp("body") / "small-bert", vocabulary)


@pytest.fixture(scope="module", params=ROWS)
def exported(request, shared, body, tmp_path_factory):
    row = ROWS[request.param]
    sets = [real.read(shared, name) for name in row.sets]
    every = WHOLE or row.some is None
    found = [one.texts if every else one.spread(row.some) for one in sets]
    texts = real.Unshown([*(text for own in found for text in own), *UNKNOWN])
    folder = tmp_path_factory.mktemp(row.kind)
    place = made.Place(folder, body, texts, sets[0])
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Parity is judged below, on more texts; timing takes longer than all the rest.
        patch.setattr("limen_export.ladder.judging.ENOUGH_TEXTS", SHOWN)
        patch.setattr("limen_export.ladder.candidate.measure", lambda *_: None)
        given = row.make(place)
        target = folder / "made.onnx"
        if given.words:
            assert main(["export", *given.words, "-o", str(target), "--precision", "fp32"]) == 0
            assert str(folder).encode() not in target.read_bytes()
        else:
            settings = ExportSettings(precision="fp32", labels=given.labels)
            export(given.source, target, settings, **given.more)
    return Exported(row, target, given.answer(texts), texts)


def test_file_decides_as_its_source(exported):
    model, texts, answer = limen.load(exported.file), exported.texts, exported.answer
    found = [prediction.labels for prediction in model.predict(texts)]
    unsure = _unsure(answer)
    unlike = [at for at, labels in enumerate(found) if labels != answer.labels[at]]
    assert {*unlike} <= unsure
    assert len(unsure) < len(texts) / 100
    assert len({*found}) > 1
    if answer.logits is not None:
        furthest = np.abs(model.logits(texts) - answer.logits).max()
        assert furthest <= CLOSE + EXACT * np.abs(answer.logits).max()
    if answer.decision is not None:
        assert np.abs(model.decision_function(texts) - answer.decision).max() <= EXACT
    if answer.scores is not None:
        scores = model.scores(texts).astype(np.float64)
        if model.rule == "one_vs_rest":
            scores /= scores.sum(axis=1, keepdims=True)
        assert np.abs(scores - answer.scores).max() <= EXACT


def _unsure(answer):
    """Texts with a logit as near to deciding otherwise as the source's own may differ."""
    if answer.logits is None:
        return set()
    best = np.sort(answer.logits, axis=1)[:, -2:]
    near = (np.abs(answer.logits) < CLOSE).any(axis=1) | (np.diff(best)[:, 0] < CLOSE)
    return {*np.flatnonzero(near).tolist()}


def test_command_predicts_what_the_source_answers(exported, tmp_path, capsys):
    shown = exported.texts[-SHOWN:]
    rows = "".join(json.dumps({"text": text}) + "\n" for text in shown)
    (tmp_path / "texts.jsonl").write_text(rows, encoding="utf-8")
    words = ["predict", str(exported.file), "--input", str(tmp_path / "texts.jsonl"), "--json"]
    assert main(words) == 0
    printed = [json.loads(line)["labels"] for line in capsys.readouterr().out.splitlines()]
    assert printed == [[*labels] for labels in exported.answer.labels[-SHOWN:]]


@pytest.mark.parametrize("kind", [*READERS, "composed", "module"])
def test_every_kind_has_korean_and_english_texts(kind):
    sets = {name for row in ROWS.values() if row.kind == kind for name in row.sets}
    assert sets & {*real.KOREAN}
    assert sets - {*real.KOREAN}
