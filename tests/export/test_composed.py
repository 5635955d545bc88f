"""Binary classifiers on one backbone, put together: the file decides as the parts and their rule
do, and what does not fit together is refused by name.
"""

import json
import re
import shutil
from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
import torch
from limen.command_line import main
from limen.errors import ExportError, InputError
from limen.opening import open_model
from limen_export import compose
from limen_export.graph.passes import rewrite
from limen_export.sources import composed
from limen_export.sources.head_wishes import HeadWishes
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.torch_classifier import SourceLogits
from safetensors.torch import save_file
from torch import nn

small = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_backbones.py"))))
TEXTS = ("the day was good", "오늘 정말 행복해 하루", "", "very very bad day!", "a 12, not the day")
LABELS = ("joy", "anger", "fear")
PAIRS = (*combinations(LABELS, 2),)
CLOSE = 1e-4


def rows_of(body, texts):
    encoded = small.tokenizer()([*texts], return_tensors="pt", padding=True)
    inputs = {key: encoded[key] for key in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        return body(**inputs).last_hidden_state[:, 0]


def heads(names, outputs, seed=5):
    torch.manual_seed(seed)
    return {name: nn.Linear(small.WIDTH, outputs) for name in names}


def yes_of(head, rows):
    with torch.inference_mode():
        logits = head(rows)
        return (logits[:, -1] - (logits[:, 0] if logits.shape[1] == 2 else 0)).numpy()


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("composed") / "backbone"
    return small.save_backbone(folder, small.roberta(), weights=True)


def on(backbone, **more):
    return SourceWishes(head=HeadWishes(str(backbone), "cls"), **more)


def saved(heads, folder):
    for name, head in heads.items():
        save_file(head.state_dict(), folder / f"{name}.safetensors")
    return {name: str(folder / f"{name}.safetensors") for name in heads}


def test_one_against_the_rest(backbone, tmp_path):
    every = {**heads(LABELS[:2], 2), **heads(LABELS[2:], 1)}
    loaded = composed.load(compose(saved(every, tmp_path), rule="one_vs_rest"), on(backbone))
    rows = rows_of(small.roberta(), TEXTS)
    expected = np.stack([yes_of(head, rows) for head in every.values()], axis=1)
    for module in (loaded.module, loaded.traced):
        logits = SourceLogits(module, loaded.tokenizer, loaded.max_tokens)
        assert np.abs(logits(TEXTS) - expected).max() < CLOSE
    assert (loaded.head.rule, loaded.head.labels) == ("one_vs_rest", LABELS)
    assert loaded.name.startswith("composed of joy.safetensors, anger.safetensors")


def with_body(folder, make, family="bert", names=None, **entries):
    """A checkpoint of two outputs whose body is that of every other call."""
    from transformers import AutoModelForSequenceClassification

    make(folder, family, labels=names or ("LABEL_0", "LABEL_1"), **entries)
    model = AutoModelForSequenceClassification.from_pretrained(str(folder))
    torch.manual_seed(len(str(folder.name)) * 7 + ord(folder.name[0]))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("classifier."):
                weight.normal_(std=0.3)
    model.save_pretrained(folder)
    return folder


def own_logits(folder, texts):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(str(folder)).eval()
    encoded = AutoTokenizer.from_pretrained(str(folder))(
        [*texts], return_tensors="pt", padding=True
    )
    with torch.inference_mode():
        return model(**encoded).logits.numpy()


def voted(later_wins):
    """Most pairs won; ties by the sum of confidences, as scikit-learn does."""
    votes, sums = np.zeros((len(later_wins), 3)), np.zeros((len(later_wins), 3))
    for (first, second), column in zip(combinations(range(3), 2), later_wins.T, strict=True):
        votes[:, second] += column > 0
        votes[:, first] += column <= 0
        sums[:, second] += column
        sums[:, first] -= column
    return (votes + sums / (3 * (np.abs(sums) + 1))).argmax(1)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_pairs_of_checkpoints(family, make_checkpoint, tmp_path, stamped):
    """BERT's heads differ in one layer, and are stacked; RoBERTa's in two, and are not. One part is
    named the other way round, one names its own labels, the other way round as well.
    """
    problem = {"problem_type": "single_label_classification"}
    folders = {
        ("joy", "anger"): with_body(tmp_path / "a", make_checkpoint, family, **problem),
        ("fear", "joy"): with_body(tmp_path / "b", make_checkpoint, family, **problem),
        ("anger", "fear"): with_body(
            tmp_path / "c", make_checkpoint, family, names=("fear", "anger"), **problem
        ),
    }
    parts = {pair: str(folder) for pair, folder in folders.items()}
    composition = compose(parts, rule="one_vs_one", labels=LABELS)
    loaded = composed.load(composition, SourceWishes())
    gaps = [np.diff(own_logits(folder, TEXTS), axis=1)[:, 0] for folder in folders.values()]
    expected = np.stack([gaps[0], -gaps[1], -gaps[2]], axis=1)
    logits = SourceLogits(loaded.module, loaded.tokenizer, loaded.max_tokens)
    assert np.abs(logits(TEXTS) - expected).max() < CLOSE
    source = composed.reference(composition, SourceWishes())
    rewritten = rewrite(source.graph, source.encoder.max_tokens)
    assert rewritten.fused_attentions == 2
    assert all(result.kept for result in rewritten.results)
    narrowed = {result.name: result.nodes for result in rewritten.results}["keep_first_token"]
    assert narrowed > 0
    file = stamped(source, ir.to_proto(rewritten.model))
    model = open_model(file)
    assert np.abs(model.logits(TEXTS) - expected).max() < CLOSE
    best = [LABELS[at] for at in voted(expected)]
    assert [prediction.top for prediction in model.predict(TEXTS)] == best


def test_labels_alone(backbone, tmp_path, stamped):
    """A yes is a vote; no yes abstains."""
    every = heads(LABELS, 2)
    composition = compose(saved(every, tmp_path), rule="one_vs_rest", only_labels=True)
    source = composed.reference(composition, on(backbone))
    rows = rows_of(small.roberta(), TEXTS)
    yes = np.stack([yes_of(head, rows) for head in every.values()], axis=1) > 0
    assert source.link == "labels"
    assert np.array_equal(source.logits(TEXTS), yes)
    rewritten = rewrite(source.graph, source.encoder.max_tokens)
    model = open_model(stamped(source, ir.to_proto(rewritten.model)))
    expected = [(LABELS[row.argmax()],) if row.any() else () for row in yes]
    assert [prediction.labels for prediction in model.predict(TEXTS)] == expected


def test_modules_in_memory():
    body = small.roberta()
    models = {}
    for name, head in heads(LABELS, 1).items():
        models[name] = small.Emotion8(body, 1).eval()
        models[name].head = head.eval()
    composition = compose(models, rule="multilabel", tokenizer=small.tokenizer())
    loaded = composed.load(composition, SourceWishes())
    expected = [small.source_logits(model, TEXTS) for model in models.values()]
    for module in (loaded.module, loaded.traced):
        logits = SourceLogits(module, loaded.tokenizer, loaded.max_tokens)
        assert np.abs(logits(TEXTS) - np.concatenate(expected, axis=1)).max() < CLOSE
    assert models["joy"].backbone is body


def test_parts_of_sentence_embeddings(tmp_path, backbone):
    """A body, pooling and normalisation, and fitted heads that are not traced themselves."""
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path / "sentences"
    shutil.copytree(backbone, folder)
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    modules = [
        {"idx": at, "path": path, "type": f"x.{kind}"} for at, (kind, path) in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode": "cls"}', encoding="utf-8")
    rows = np.random.default_rng(2).normal(size=(60, 32))
    parts, fitted = {}, {}
    for at, label in enumerate(LABELS):
        import joblib

        fitted[label] = LogisticRegression().fit(rows, rows[:, at] > 0)
        parts[label] = str(shutil.copytree(folder, tmp_path / label))
        joblib.dump(fitted[label], tmp_path / label / "head.pkl")
    loaded = composed.load(compose(parts, rule="one_vs_rest"), SourceWishes(trust=True))
    ends = torch.nn.functional.normalize(rows_of(small.roberta(), TEXTS)).numpy()
    expected = np.stack([one.decision_function(ends) for one in fitted.values()], axis=1)
    for module in (loaded.module, loaded.traced):
        logits = SourceLogits(module, loaded.tokenizer, loaded.max_tokens)
        assert np.abs(logits(TEXTS) - expected).max() < CLOSE


ANY = dict.fromkeys(LABELS, "x")
WRONG = {
    "another rule": ((ANY, "multiclass", None), "rule 'multiclass' for parts that say yes or no"),
    "a label is missing": (
        (ANY, "one_vs_rest", (*LABELS, "calm")),
        "1 of 4 parts are missing: calm",
    ),
    "a pair is missing": (
        ({"joy:anger": "x", "joy:fear": "x"}, "one_vs_one", None),
        "1 of 3 parts are missing: anger:fear; one_vs_one over 3 labels needs one for each pair",
    ),
    "a pair twice": (
        ({"joy:anger": "x", ("anger", "joy"): "x"}, "one_vs_one", None),
        "part anger:joy is there twice",
    ),
    "an unknown label": ((ANY, "one_vs_rest", ("joy", "anger")), "'fear', none of the labels"),
    "no pair": ((ANY, "one_vs_one", None), "expected a pair of unlike labels, such as joy:anger"),
    "a pair of itself": (({"joy:joy": "x"}, "one_vs_one", None), "expected a pair of unlike"),
    "one label": (({"joy": "x"}, "one_vs_rest", None), r"1 label \(joy\)"),
    "a pair for a label": (({("a", "b"): "x"}, "one_vs_rest", None), "expected one label for each"),
}


@pytest.mark.parametrize("case", WRONG)
def test_parts_that_do_not_make_a_whole(case):
    (parts, rule, labels), message = WRONG[case]
    with pytest.raises(InputError) as caught:
        compose(parts, rule=rule, labels=labels)
    assert re.search(message, str(caught.value)), caught.value


def test_labels_with_a_colon():
    labels = ("a:b", "c", "d")
    parts = {"a:b:c": "x", "a:b:d": "y", "d:c": "z"}
    found = compose(parts, rule="one_vs_one", labels=labels).parts
    assert [part.named for part in found] == [("a:b", "c"), ("a:b", "d"), ("d", "c")]


def refusal(parts, wishes, rule="one_vs_rest", **more):
    with pytest.raises((ExportError, InputError)) as caught:
        composed.load(compose(parts, rule=rule, **more), wishes)
    return str(caught.value)


def test_unlike_bodies_are_refused(make_checkpoint, tmp_path):
    from transformers import AutoModelForSequenceClassification

    parts = {name: str(with_body(tmp_path / name, make_checkpoint)) for name in LABELS[:2]}
    model = AutoModelForSequenceClassification.from_pretrained(parts["anger"])
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.bias[3] += 0.01
    model.save_pretrained(parts["anger"])
    message = refusal(parts, SourceWishes())
    assert "parts joy and anger have unlike bodies (1 of " in message
    assert "encoder.layer.1.output.dense.bias" in message


def test_unlike_tokenizers_are_refused(make_checkpoint, tmp_path):
    from transformers import AutoTokenizer

    parts = {name: str(with_body(tmp_path / name, make_checkpoint)) for name in LABELS[:2]}
    tokenizer = AutoTokenizer.from_pretrained(parts["anger"])
    tokenizer.backend_tokenizer.normalizer = None
    tokenizer.save_pretrained(parts["anger"])
    assert "have unlike tokenizers" in refusal(parts, SourceWishes())


def test_a_part_of_three_outputs_is_refused(checkpoint, tmp_path):
    parts = {"joy": str(checkpoint("bert")), "anger": str(checkpoint("bert"))}
    assert "part joy: 3 outputs; expected a classifier that says yes or no" in refusal(
        parts, SourceWishes()
    )


def test_a_part_that_cannot_be_read_is_named(backbone, tmp_path):
    parts = saved(heads(LABELS, 2), tmp_path) | {"anger": "./nowhere"}
    assert refusal(parts, on(backbone)).startswith("part anger: ")


def test_modules_need_a_tokenizer_and_a_body():
    modules = {name: small.Emotion8(small.roberta(), 1).eval() for name in LABELS}
    assert "needs a tokenizer" in refusal(modules, SourceWishes())
    bare = {
        name: nn.Sequential(nn.Embedding(90, 2), nn.Flatten(), nn.Linear(4, 1)) for name in "ab"
    }
    message = refusal(
        {name: module.eval() for name, module in bare.items()},
        SourceWishes(),
        tokenizer=small.tokenizer(),
    )
    assert "no transformers model as a direct part" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rule", "one_vs_rest"), "no SOURCE, and no --compose"),
        (("x", "--compose", "a=b", "--rule", "one_vs_rest"), "SOURCE x and --compose"),
        (("--compose", "a=b", "c=d"), "--compose without --rule"),
        (("--compose", "a=", "--rule", "one_vs_rest"), "expected LABEL=SOURCE"),
        (("--compose", "a=b", "a=c", "--rule", "one_vs_rest"), "each label once"),
    ],
)
def test_command_lines_that_say_too_little_or_too_much(words, message, tmp_path, capsys):
    assert main(["export", "-o", str(tmp_path / "m.onnx"), *words]) == 2
    assert message in capsys.readouterr().err
