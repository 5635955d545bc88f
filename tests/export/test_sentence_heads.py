"""Sentence embeddings with a head: folders as sentence-transformers and SetFit write them, read
without either; heads of scikit-learn and torch.
"""

import json
import os
import pickle
import re
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
import torch
from limen.command_line import main
from limen.decision import decide, score, scores_from_logits
from limen.errors import ExportError
from limen.format import DecisionBlock, OperatingPoint
from limen_export.sources import sentences
from limen_export.sources.fitted_head import decision_values, fitted_head
from limen_export.sources.head_wishes import HeadWishes
from limen_export.sources.recognising import SourceWishes, recognise
from limen_export.sources.torch_classifier import SourceLogits
from limen_export.sources.trusted_files import read_estimator
from safetensors.torch import save_file
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from torch import nn
from torch.nn import functional

small = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_backbones.py"))))
TEXTS = ("the day was good", "오늘 정말 행복해 하루", "", "very very bad day!", "a [MASK] b 12")
NAMES = ("joy", "anger", "fear")
CLOSE = 1e-4
TYPES = "sentence_transformers.models"


def write(file, value):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def sentence_folder(folder, modules=("Pooling", "Normalize"), pooling=None):
    """As sentence-transformers before version 6 writes it."""
    body = small.roberta()
    small.save_backbone(folder, body, weights=True)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": False})
    every = [{"idx": 0, "name": "0", "path": "", "type": f"{TYPES}.Transformer"}]
    for at, kind in enumerate(modules, 1):
        path = f"{at}_{kind}"
        every.append({"idx": at, "name": str(at), "path": path, "type": f"{TYPES}.{kind}"})
        (folder / path).mkdir()
        if kind == "Pooling":
            stated = pooling or {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
            write(folder / path / "config.json", {"word_embedding_dimension": 32, **stated})
        elif kind == "Dense":
            generator = torch.Generator().manual_seed(4)
            weight = torch.randn(16, 32, generator=generator)
            save_file(
                {"linear.weight": weight, "linear.bias": weight[:, 0].clone()},
                folder / path / "model.safetensors",
            )
            sizes = {"in_features": 32, "out_features": 16, "bias": True}
            tanh = {"activation_function": "torch.nn.modules.activation.Tanh"}
            write(folder / path / "config.json", {**sizes, **tanh})
    write(folder / "modules.json", every)
    return folder


def embeddings(folder, texts, *, norm):
    """Mean of all tokens, as a batch with a mask gives it."""
    encoded = small.tokenizer()([*texts], return_tensors="pt", padding=True)
    inputs = {key: encoded[key] for key in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        rows = small.roberta()(**inputs).last_hidden_state
        mask = encoded["attention_mask"].unsqueeze(-1)
        mean = (rows * mask).sum(1) / mask.sum(1)
        dense = folder / "2_Dense/model.safetensors"
        if dense.exists():
            from safetensors.torch import load_file

            held = load_file(dense)
            mean = torch.tanh(functional.linear(mean, held["linear.weight"], held["linear.bias"]))
        return (functional.normalize(mean) if norm else mean).numpy()


def spread(width=32, seed=0):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(90, width)).astype(np.float32)
    return rows, (rows[:, :3] + generator.normal(size=(90, 3)) / 3).argmax(1)


def wishes(file=None, **more):
    return SourceWishes(head=HeadWishes(file=file), **more)


@pytest.fixture
def setfit(tmp_path):
    folder = sentence_folder(tmp_path / "setfit", ("Pooling",))
    rows, classes = spread()
    joblib.dump(LogisticRegression().fit(rows, classes), folder / "model_head.pkl")
    write(folder / "config_setfit.json", {"normalize_embeddings": True, "labels": [*NAMES]})
    return folder


def test_setfit_folder(setfit, tmp_path, capsys):
    assert recognise(str(setfit)).what == "SetFit folder setfit"
    target = tmp_path / "m.onnx"
    assert main(["export", str(setfit), "-o", str(target)]) == 2
    assert "model_head.pkl is a pickle, which can run any code" in capsys.readouterr().err
    assert not target.exists()
    found = sentences.load(str(setfit), wishes(trust=True))
    assert found.head.labels == NAMES
    assert any("reading it ran whatever code is in it" in note for note in found.notices)
    head = joblib.load(setfit / "model_head.pkl")
    expected = head.predict_proba(embeddings(setfit, TEXTS, norm=True))
    for module in (found.module, found.traced):
        logits = SourceLogits(module, found.tokenizer, found.max_tokens)(TEXTS)
        assert np.abs(torch.softmax(torch.from_numpy(logits), 1).numpy() - expected).max() < CLOSE


@pytest.mark.parametrize("modules", [("Pooling", "Normalize"), ("Pooling", "Dense", "Normalize")])
def test_torch_head_on_sentence_embeddings(modules, tmp_path, stamped):
    folder = sentence_folder(tmp_path / "sentences", modules)
    rows = embeddings(folder, TEXTS, norm=True)
    torch.manual_seed(1)
    head = nn.Linear(rows.shape[1], 3)
    torch.save({**head.state_dict(), "labels": [*NAMES], "rule": "multilabel"}, tmp_path / "h.pt")
    asked = wishes(tmp_path / "h.pt")
    found = sentences.load(str(folder), asked)
    assert (found.head.rule, found.head.labels, found.max_tokens) == ("multilabel", NAMES, 48)
    with torch.inference_mode():
        expected = head(torch.from_numpy(rows)).numpy()
    for module in (found.module, found.traced):
        logits = SourceLogits(module, found.tokenizer, found.max_tokens)
        assert np.abs(logits(TEXTS) - expected).max() < CLOSE
    if len(modules) == 3:
        from limen.opening import open_model

        source = sentences.read(str(folder), asked)
        file = stamped(source, source.graph)
        assert np.abs(open_model(file).logits(TEXTS) - expected).max() < CLOSE


@pytest.mark.parametrize(
    "stated",
    [
        {"pooling_mode": "cls"},
        {"pooling_mode": ["cls", "max"]},
        {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True},
    ],
)
def test_poolings_of_old_and_new_folders(stated, tmp_path):
    folder = sentence_folder(tmp_path / "sentences", ("Pooling",), stated)
    several = stated != {"pooling_mode": "cls"}
    save_file({"weight": torch.ones(3, 64 if several else 32)}, tmp_path / "h.safetensors")
    found = sentences.load(str(folder), wishes(tmp_path / "h.safetensors", labels=NAMES))
    assert found.module.poolings == (("cls", "max") if several else ("cls",))


def several_labels(rows):
    return (rows[:, :3] > 0.2).astype(int)


ESTIMATORS = {
    "two classes": lambda x, y: LogisticRegression().fit(x, y > 0),
    "softmax": lambda x, y: LogisticRegression().fit(x, y),
    "names": lambda x, y: LogisticRegression().fit(x, np.array(NAMES)[y]),
    "LinearSVC": lambda x, y: LinearSVC().fit(x, y),
    "SGD": lambda x, y: SGDClassifier(random_state=0).fit(x, y),
    "ridge": lambda x, y: RidgeClassifier().fit(x, y),
    "perceptron": lambda x, y: Perceptron().fit(x, y),
    "rest": lambda x, y: OneVsRestClassifier(LogisticRegression()).fit(x, y),
    "rest of two": lambda x, y: OneVsRestClassifier(LogisticRegression()).fit(x, y > 0),
    "several": lambda x, _: OneVsRestClassifier(LogisticRegression()).fit(x, several_labels(x)),
    "outputs": lambda x, _: MultiOutputClassifier(LogisticRegression()).fit(x, several_labels(x)),
    "pairs": lambda x, y: OneVsOneClassifier(LinearSVC()).fit(x, y),
    "scaled": lambda x, y: make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y),
    "scaled pairs": lambda x, y: make_pipeline(
        StandardScaler(with_std=False), OneVsOneClassifier(Perceptron())
    ).fit(x, y),
}


@pytest.mark.parametrize("case", ESTIMATORS)
def test_heads_of_scikit_learn_decide_alike(case):
    rows, classes = spread()
    estimator = ESTIMATORS[case](rows * 3 + 1, classes)
    new = spread(seed=1)[0] * 3 + 1
    several = case in ("several", "outputs")
    given = NAMES if several or case == "softmax" else None
    found = fitted_head(estimator, given, 32, "case")
    tensor = torch.from_numpy(new)
    logits = found.layer(tensor).detach().numpy()
    assert np.allclose(logits, decision_values(estimator, new), rtol=1e-5, atol=CLOSE)
    assert np.allclose(found.own(tensor).numpy(), logits, rtol=1e-5, atol=CLOSE)
    head = found.head
    thresholds = (0.5,) * len(head.labels) if several else None
    block = DecisionBlock(
        head.rule, head.labels, head.link, (OperatingPoint("p", thresholds),), "p"
    )
    chosen = decide(score(logits, block), block, block.points[0]).chosen
    if several:
        expected = [tuple(np.array(NAMES)[row > 0]) for row in estimator.predict(new)]
    else:
        named = {str(one): name for one, name in zip(estimator.classes_, head.labels, strict=True)}
        expected = [(named[str(one)],) for one in estimator.predict(new)]
    assert [tuple(np.array(head.labels)[row]) for row in chosen] == expected
    if hasattr(estimator, "predict_proba") and case != "rest":
        mine = scores_from_logits(logits, block)
        theirs = np.asarray(estimator.predict_proba(new))
        theirs = theirs[:, :, 1].T if case == "outputs" else theirs
        assert np.abs(mine - theirs).max() < 1e-5


UNFIT = {
    "another estimator": (
        lambda x, y: KNeighborsClassifier().fit(x, y),
        {},
        r"a head of KNeighborsClassifier is not supported; supported are LogisticRegression, .*",
    ),
    "another step": (
        lambda x, y: make_pipeline(MinMaxScaler(), LogisticRegression()).fit(x, y),
        {},
        "MinMaxScaler before the head is not supported",
    ),
    "not fitted": (lambda *_: LogisticRegression(), {}, r"\(LogisticRegression\) is not fitted"),
    "another width": (
        lambda x, y: LogisticRegression().fit(x[:, :7], y),
        {},
        "the head takes 7 numbers a text, the embeddings have 32",
    ),
    "fewer labels": (
        lambda x, y: LogisticRegression().fit(x, np.array(NAMES)[y]),
        {"labels": ("a", "b")},
        "2 labels for a head of 3 classes",
    ),
    "no estimator": (lambda *_: {"a": 1}, {}, "a head of builtins.dict is not supported"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_heads_that_do_not_fit(case):
    make, said, message = UNFIT[case]
    with pytest.raises(ExportError) as caught:
        fitted_head(make(*spread()), said.get("labels"), 32, "case")
    assert re.search(message, str(caught.value)), caught.value


def drop_pooling(folder):
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    write(folder / "modules.json", [one for one in modules if "Pooling" not in one["type"]])


def change(name, **entries):
    def edit(folder):
        known = json.loads((folder / name).read_text("utf-8")) if (folder / name).exists() else {}
        write(folder / name, {**known, **entries})

    return edit


def modules_of(*named):
    every = [
        {"idx": at, "path": path, "type": f"x.{kind}"} for at, (kind, path) in enumerate(named)
    ]
    return lambda folder: write(folder / "modules.json", every)


BROKEN = {
    "no pooling": (drop_pooling, "pass --pooling, one of cls, mean, max, pooler"),
    "no head": (lambda folder: (folder / "model_head.pkl").unlink(), "pass --head FILE"),
    "last token": (
        change("1_Pooling/config.json", pooling_mode="lasttoken"),
        "asks for pooling lasttoken; supported are cls, mean and max",
    ),
    "no pooling config": (
        lambda folder: (folder / "1_Pooling/config.json").unlink(),
        "asks for pooling nothing",
    ),
    "lowered": (change("sentence_bert_config.json", do_lower_case=True), "do_lower_case"),
    "a prompt": (
        change(
            "config_sentence_transformers.json",
            default_prompt_name="query",
            prompts={"query": "query: "},
        ),
        "its default prompt 'query' is put before every text",
    ),
    "another module": (
        modules_of(("Transformer", ""), ("Pooling", "1_Pooling"), ("LSTM", "2_LSTM")),
        "module LSTM is not supported; supported are Transformer, one Pooling, Dense, Normalize",
    ),
    "word vectors": (modules_of(("WordEmbeddings", "")), "begins with WordEmbeddings"),
    "elsewhere": (modules_of(("Transformer", "../other")), "points out of its folder"),
    "no list": (change("modules.json"), "is not as sentence-transformers writes it"),
    "other labels": (change("config_setfit.json", labels=["a"]), "1 label for a head of 3"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_folders_are_refused(case, setfit):
    breaks, message = BROKEN[case]
    if case == "no list":
        (setfit / "modules.json").write_text('{"a": 1}', encoding="utf-8")
    else:
        breaks(setfit)
    with pytest.raises(ExportError) as caught:
        sentences.load(str(setfit), wishes(trust=True))
    assert re.search(message, str(caught.value)), caught.value


class Malice:
    """A pickle that creates a folder when it is read."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return (os.mkdir, (str(self.proof),))


@pytest.mark.parametrize("name", ["head.pkl", "head.pickle", "head.joblib"])
def test_a_pickle_is_read_only_where_it_is_trusted(name, tmp_path):
    (tmp_path / name).write_bytes(pickle.dumps(Malice(tmp_path / "proof")))
    with pytest.raises(ExportError, match="--trust"):
        read_estimator(tmp_path / name, trust=False)
    assert not (tmp_path / "proof").exists()
    assert read_estimator(tmp_path / name, trust=True).notices
    assert (tmp_path / "proof").is_dir()


def test_a_torn_pickle_is_one_line(tmp_path):
    (tmp_path / "head.pkl").write_bytes(b"\x80\x04no")
    with pytest.raises(ExportError, match=r"head.pkl: cannot be read \("):
        read_estimator(tmp_path / "head.pkl", trust=True)


def test_skops_heads_need_no_trust(tmp_path):
    skops = pytest.importorskip("skops.io")
    rows, classes = spread()
    skops.dump(LogisticRegression().fit(rows, classes), tmp_path / "head.skops")
    stored = read_estimator(tmp_path / "head.skops", trust=False)
    assert stored.notices == ()
    assert fitted_head(stored.estimator, NAMES, 32, "case").head.labels == NAMES
    skops.dump(wishes(), tmp_path / "other.skops")
    with pytest.raises(ExportError, match="which skops does not know to be harmless"):
        read_estimator(tmp_path / "other.skops", trust=False)


def test_embeddings_are_those_of_sentence_transformers(tmp_path):
    library = pytest.importorskip("sentence_transformers")
    modules = ("Pooling", "Dense", "Normalize")
    folder = sentence_folder(tmp_path / "sentences", modules)
    expected = library.SentenceTransformer(str(folder)).encode([*TEXTS])
    save_file({"head.weight": torch.eye(16)}, tmp_path / "h.safetensors")
    labels = tuple(map(str, range(16)))
    found = sentences.load(str(folder), wishes(tmp_path / "h.safetensors", labels=labels))
    for module in (found.module, found.traced):
        logits = SourceLogits(module, found.tokenizer, found.max_tokens)
        assert np.abs(logits(TEXTS) - expected).max() < 1e-5


@pytest.mark.parametrize("torch_head", [False, True])
def test_scores_are_those_of_setfit(torch_head, setfit, tmp_path):
    library = pytest.importorskip("setfit")
    if torch_head:
        body = library.SetFitModel.from_pretrained(str(setfit)).model_body
        head = library.SetFitHead(in_features=32, out_features=3, device="cpu")
        made = library.SetFitModel(model_body=body, model_head=head, labels=[*NAMES])
        setfit = tmp_path / "with-torch"
        made.save_pretrained(str(setfit))
    expected = library.SetFitModel.from_pretrained(str(setfit)).predict_proba([*TEXTS])
    found = sentences.load(str(setfit), wishes(trust=True))
    for module in (found.module, found.traced):
        logits = SourceLogits(module, found.tokenizer, found.max_tokens)(TEXTS)
        mine = torch.softmax(torch.from_numpy(logits), 1)
        assert np.abs(mine.numpy() - np.asarray(expected.detach())).max() < 1e-5
