"""Every recipe, carried out on texts that can be learned: what it leaves is what export takes."""

from dataclasses import replace
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from limen.errors import InputError
from limen.evaluation.intervals import BootstrapSettings
from limen.evaluation.labelled_source import LabelledSource
from limen.evaluation.labelled_texts import read_labelled
from limen.progress import Silent
from limen_export import ExportSettings, export
from limen_export.training.examples import Examples
from limen_export.training.loss_settings import LossSettings
from limen_export.training.reading_back import read_back
from limen_export.training.recipes import FinetuneRecipe
from limen_export.training.run import train
from limen_export.training.settings import TrainSettings, usual_settings
from limen_export.training.splitting import Split
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier

texts = SimpleNamespace(**run_path(str(Path(__file__).with_name("learnable.py"))))

FEW_DRAWS = BootstrapSettings(resamples=20)


def parts(task, labels=3, train_texts=160):
    """Three parts of texts, the labels' names not in alphabetical order."""
    make = texts.one_label if task == "multiclass" else texts.several_labels
    names = tuple(f"{'zyxwvuts'[place]}-label" for place in range(labels))
    found = [
        Examples(name, *make(count, labels, seed), names, task)
        for seed, (name, count) in enumerate((("train", train_texts), ("dev", 60), ("test", 50)))
    ]
    return Split(*found)


def settings(name, **changes):
    usual = usual_settings(name)
    recipe = replace(usual.recipe, **changes)
    if isinstance(recipe, FinetuneRecipe):
        quick = {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3, "head_learning_rate": 1e-2}
        recipe = replace(recipe, precision="fp32", freeze_embeddings=False, **quick)
    return replace(usual, recipe=recipe, bootstrap=FEW_DRAWS)


CASES = [
    ("tfidf", "multiclass", {}),
    ("tfidf", "multilabel", {}),
    ("tfidf-ovr", "multiclass", {}),
    ("tfidf-ovo", "multiclass", {}),
    ("embed", "multilabel", {}),
    ("finetune", "multiclass", {}),
    ("finetune", "multilabel", {"pooling": "mean"}),
    ("finetune", "multiclass", {"parts": "one_vs_one"}),
    ("emotion8", "multilabel", {}),
]


@pytest.mark.parametrize(("name", "task", "changes"), CASES)
def test_what_a_recipe_leaves_is_exported_and_decides_as_reported(
    name, task, changes, checkpoint, untimed, tmp_path
):
    if not name.startswith("tfidf"):
        changes = {**changes, "backbone": str(checkpoint("bert"))}
    data = parts(task, labels=8 if name == "emotion8" else 3)
    folder, file = tmp_path / "trained", tmp_path / "file.onnx"
    report = train(data, folder, settings(name, **changes), Silent())

    known = list(read_labelled(LabelledSource(folder / "test.jsonl"), data.test.labels))
    assert tuple(row.text for row in known) == data.test.texts
    export(str(folder), file, ExportSettings(precision="fp32"))
    model = limen.load(file)
    assert set(model.labels) == set(data.test.labels)
    decided = [set(one.labels) for one in model.predict(list(data.test.texts))]
    judged = report.trained.judgement.plain.judged
    reported = [{judged.labels[at] for at in np.flatnonzero(row)} for row in judged.chosen]
    assert decided == reported
    # Words give the labels away: whatever learns at all is far better than guessing.
    assert report.trained.judgement.tuned.quality.decisions.macro_f1 > 0.6
    assert (report.baseline is None) == (name == "tfidf")


@pytest.mark.parametrize(("recipe", "kind"), [
    ("tfidf-ovr", OneVsRestClassifier),
    ("tfidf-ovo", OneVsOneClassifier),
])  # fmt: skip
def test_binary_parts_agree_with_scikit_learn_exactly(recipe, kind, untimed, tmp_path):
    data = parts("multiclass", labels=5)
    train(data, tmp_path / "trained", settings(recipe, analyzer="word"), Silent())
    export(str(tmp_path / "trained"), tmp_path / "file.onnx", ExportSettings())

    vectoriser = TfidfVectorizer(ngram_range=(1, 2), max_features=50_000, sublinear_tf=True)
    features = vectoriser.fit_transform(data.train.texts)
    one = LogisticRegression(C=10.0, max_iter=1_000, solver="liblinear", random_state=13)
    names = np.array(data.train.labels)
    own = kind(one).fit(features, names[data.train.classes])
    odd = ("", "nothing known 뷁", "day", *data.dev.texts, *data.test.texts)
    model = limen.load(tmp_path / "file.onnx").at("argmax")
    assert [one.top for one in model.predict(odd)] == list(own.predict(vectoriser.transform(odd)))


@pytest.mark.parametrize(("rule", "kind"), [
    ("one_vs_rest", OneVsRestClassifier),
    ("one_vs_one", OneVsOneClassifier),
])  # fmt: skip
def test_binary_heads_on_embeddings_agree_with_scikit_learn(
    rule, kind, checkpoint, untimed, tmp_path
):
    from limen_export.training.backbones import find_backbone, load_whole
    from limen_export.training.embedding import embed

    data = parts("multiclass", labels=5)
    chosen = settings("embed", parts=rule, backbone=str(checkpoint("bert")))
    train(data, tmp_path / "trained", chosen, Silent())
    export(str(tmp_path / "trained"), tmp_path / "file.onnx", ExportSettings(precision="fp32"))

    backbone = load_whole(find_backbone(str(checkpoint("bert"))), "mean", 128)
    rows = embed(backbone, chosen.recipe, data.train.texts, Silent())
    own = kind(LogisticRegression(C=10.0, max_iter=1_000, solver="liblinear", random_state=13))
    own.fit(rows, np.array(data.train.labels)[data.train.classes])
    asked = (*data.dev.texts, *data.test.texts)
    found = own.predict(embed(backbone, chosen.recipe, asked, Silent()))
    model = limen.load(tmp_path / "file.onnx").at("argmax")
    assert [one.top for one in model.predict(list(asked))] == list(found)


@pytest.mark.parametrize(("name", "changes"), [
    ("tfidf", {}),
    ("tfidf-ovr", {}),
    ("tfidf-ovo", {}),
    *(("embed", {"parts": parts}) for parts in (None, "one_vs_rest", "one_vs_one")),
    *(("finetune", {"parts": parts}) for parts in (None, "one_vs_rest", "one_vs_one")),
])  # fmt: skip
def test_two_labels_are_told_apart(name, changes, checkpoint, tmp_path):
    if not name.startswith("tfidf"):
        changes = {**changes, "backbone": str(checkpoint("bert"))}
    data = parts("multiclass", labels=2)
    report = train(data, tmp_path / "trained", settings(name, **changes), Silent())
    assert report.trained.judgement.tuned.quality.decisions.accuracy > 0.8
    assert set(read_back(tmp_path / "trained").labels) == set(data.train.labels)


@pytest.mark.parametrize("name", ["tfidf", "embed"])
def test_label_of_every_text_or_of_none_is_no_error(name, checkpoint, tmp_path):
    data = parts("multilabel", labels=4)
    truth = data.train.truth.copy()
    truth[:, 2], truth[:, 3] = True, False
    data = replace(data, train=replace(data.train, truth=truth))
    changes = {} if name == "tfidf" else {"backbone": str(checkpoint("bert"))}
    report = train(data, tmp_path / "trained", settings(name, **changes), Silent())
    assert report.trained.judgement.plain.judged.chosen[:, 2].all()
    assert not report.trained.judgement.plain.judged.chosen[:, 3].any()


def test_class_without_a_training_text_is_refused_by_name(tmp_path):
    data = parts("multiclass")
    left = data.train.at(np.flatnonzero(data.train.classes != 1))
    with pytest.raises(InputError, match=r"'y-label'.*in dev or test"):
        train(replace(data, train=left), tmp_path / "trained", settings("tfidf"), Silent())
    assert not list(tmp_path.iterdir())


def test_focal_loss_without_focus_is_the_loss_of_scikit_learn(checkpoint, tmp_path):
    data = parts("multiclass", labels=4)
    plain = settings("embed", backbone=str(checkpoint("bert")))
    unfocused = replace(plain, loss=LossSettings(kind="focal", gamma=0.0))
    found = []
    for place, chosen in enumerate((plain, unfocused)):
        train(data, tmp_path / str(place), chosen, Silent())
        reference = read_back(tmp_path / str(place))
        columns = [reference.labels.index(label) for label in data.test.labels]
        logits = reference.logits(data.test.texts)[:, columns]
        # Only differences between logits mean anything under softmax.
        found.append(logits - logits.mean(axis=1, keepdims=True))
    # Each solver ends at a tolerance of its own; logits reach 5.
    assert np.abs(found[0] - found[1]).max() < 0.05
    assert np.array_equal(found[0].argmax(axis=1), found[1].argmax(axis=1))


@pytest.mark.parametrize("sampler", ["over", "under", "smote"])
@pytest.mark.parametrize("name", ["tfidf", "embed"])
def test_samplers_and_weights_change_what_is_learned(name, sampler, checkpoint, tmp_path):
    data = parts("multiclass", labels=4)
    changes = {} if name == "tfidf" else {"backbone": str(checkpoint("bert"))}
    chosen = replace(settings(name, **changes), sampler=sampler)
    report = train(data, tmp_path / "sampled", chosen, Silent())
    assert report.baseline is not None
    assert report.trained.judgement.tuned.quality.decisions.macro_f1 > 0.6


def test_the_same_settings_give_the_same_scores(checkpoint, tmp_path):
    data = parts("multilabel")
    chosen = settings("finetune", backbone=str(checkpoint("bert")))
    logits = []
    for name in ("first", "second"):
        train(data, tmp_path / name, chosen, Silent())
        logits.append(read_back(tmp_path / name).logits(data.test.texts))
    assert np.array_equal(*logits)


def test_dev_and_test_are_used_as_promised(tmp_path):
    """Other labels in test change no threshold; other labels in dev change no weight."""
    data = parts("multilabel")
    turned = replace(data.test, truth=~data.test.truth)
    swapped = replace(data.dev, truth=data.dev.truth[::-1].copy())
    chosen = settings("tfidf")
    reports = [
        train(changed, tmp_path / name, chosen, Silent())
        for name, changed in (
            ("usual", data),
            ("test", replace(data, test=turned)),
            ("dev", replace(data, dev=swapped)),
        )
    ]
    usual, other_test, other_dev = (report.trained.judgement for report in reports)
    assert usual.tuned.judged.thresholds == other_test.tuned.judged.thresholds
    assert usual.tuned.judged.thresholds != other_dev.tuned.judged.thresholds
    assert np.array_equal(usual.plain.judged.scores, other_dev.plain.judged.scores)


@pytest.mark.parametrize(("chosen", "task", "said"), [
    (lambda: settings("tfidf-ovo"), "multilabel", "one_vs_rest"),
    (lambda: settings("emotion8"), "multilabel", "3 labels in the data"),
    (lambda: replace(settings("tfidf"), sampler="smote"), "multilabel", "cooccurrence"),
    (lambda: replace(settings("tfidf"), sampler="cooccurrence"), "multiclass", "multilabel"),
    (lambda: TrainSettings(loss=LossSettings(kind="focal")), "multiclass", "embed"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused_and_leaves_no_folder(chosen, task, said, tmp_path):
    with pytest.raises(InputError, match=said):
        train(parts(task), tmp_path / "trained", chosen(), Silent())
    assert not list(tmp_path.iterdir())
