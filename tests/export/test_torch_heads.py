"""A torch backbone with a head, in the many ways in which people save one: the file decides as the
source does, and what does not fit is refused by name.
"""

import json
import os
import pickle
import re
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import onnx_ir as ir
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.command_line import main
from limen.errors import ExportError, InputError
from limen.format import read as read_file
from limen.opening import open_model
from limen_export import ExportSettings, export
from limen_export.graph.passes import rewrite
from limen_export.sources import given_module, torch_head
from limen_export.sources.backbone import split_weights
from limen_export.sources.given_module import GivenModule
from limen_export.sources.head_layers import head_layers
from limen_export.sources.head_wishes import HeadWishes
from limen_export.sources.recognising import SourceWishes, recognise
from limen_export.sources.torch_classifier import SourceLogits, reference_of
from safetensors.torch import save_file
from torch import nn

small = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_backbones.py"))))
BODY = small.roberta()
TEXTS = ("the day was good", "오늘 정말 행복해 하루", "", "very very bad day!", "a [MASK] b 12")
CLOSE = 1e-4


@pytest.fixture(scope="module")
def emotion8():
    return small.emotion8()


@pytest.fixture(scope="module")
def bare(emotion8, tmp_path_factory):
    """A backbone's config and tokenizer without weights."""
    return small.save_backbone(tmp_path_factory.mktemp("torch") / "bare", emotion8.backbone)


@pytest.fixture(scope="module")
def whole(emotion8, tmp_path_factory):
    """A backbone's folder with its weights."""
    folder = tmp_path_factory.mktemp("torch") / "whole"
    return small.save_backbone(folder, emotion8.backbone, weights=True)


def wishes(backbone=None, pooling="cls", labels=small.EMOTIONS, rule="multilabel", **more):
    given = None if backbone is None else str(backbone)
    head = HeadWishes(given, pooling, more.pop("activation", None))
    return SourceWishes(rule=rule, labels=labels, head=head, **more)


def under(prefix, state, body="backbone.", head="head."):
    """The same weights as another class would name them."""
    renamed = {
        f"{body}{key.removeprefix('backbone.')}"
        if key.startswith("backbone.")
        else f"{head}{key.removeprefix('head.')}": tensor
        for key, tensor in state.items()
    }
    return {f"{prefix}{key}": tensor for key, tensor in renamed.items()}


def parts_of(state):
    return {
        part: {key.removeprefix(f"{part}."): v for key, v in state.items() if key.startswith(part)}
        for part in ("backbone", "head")
    }


SAVED = {
    "as the class names it": lambda state: state,
    "DataParallel": lambda state: under("module.", state),
    "compiled": lambda state: under("_orig_mod.", state, "roberta.", "classifier."),
    "a wrapper": lambda state: under("model.", state, "encoder.", "fc."),
    "two wrappers": lambda state: under("module.model.", state, "bert.", "linear."),
    "the head in a Sequential": lambda state: under("", state, "roberta.", "classifier.1."),
    "body without a name": lambda state: under("", state, "", "head."),
    "a training run": lambda state: {
        "epoch": 3,
        "model_state_dict": state,
        "optimizer_state_dict": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []},
        "criterion.pos_weight": torch.ones(8),
    },
    "a dict for each part": parts_of,
}


@pytest.mark.parametrize("case", SAVED)
def test_weights_are_found_under_any_name(case, emotion8, bare, tmp_path):
    torch.save(SAVED[case](emotion8.state_dict()), tmp_path / "emotion8.pt")
    found = torch_head.load(str(tmp_path / "emotion8.pt"), wishes(bare))
    with torch.inference_mode():
        ids = torch.arange(4, 24).reshape(2, 10)
        mask = torch.ones_like(ids)
        assert torch.equal(found.module(ids, mask), emotion8(ids, mask))
    assert found.head.labels == small.EMOTIONS
    assert (found.name, found.max_tokens) == ("emotion8.pt", 64)


def test_head_alone_takes_the_backbone_of_its_folder(emotion8, whole, tmp_path):
    save_file(emotion8.head.state_dict(), tmp_path / "head.safetensors")
    found = torch_head.load(str(tmp_path / "head.safetensors"), wishes(whole))
    logits = SourceLogits(found.module, found.tokenizer, found.max_tokens)
    assert np.abs(logits(TEXTS) - small.source_logits(emotion8, TEXTS)).max() < CLOSE


def test_a_folder_with_everything_needs_no_option(emotion8, tmp_path):
    folder = small.save_backbone(tmp_path / "mine", emotion8.backbone)
    small.save_labels(folder)
    facts = {"pooling": "cls", "rule": "multilabel", "thresholds": np.array(small.CUTS)}
    torch.save({**emotion8.state_dict(), **facts}, folder / "best.pt")
    found = recognise(str(folder))
    assert (found.kind, found.what) == ("torch", "torch backbone and head, mine/best.pt")
    loaded = torch_head.load(str(folder), SourceWishes())
    assert (loaded.head.labels, loaded.head.rule) == (small.EMOTIONS, "multilabel")
    assert loaded.thresholds == small.CUTS


def test_one_safetensors_file_of_the_whole_module(emotion8, tmp_path):
    folder = small.save_backbone(tmp_path / "mine", emotion8.backbone)
    save_file(emotion8.state_dict(), folder / "model.safetensors")
    said = {"pooling": "cls", "labels": small.EMOTIONS, "rule": "multilabel"}
    (folder / "head.json").write_text(json.dumps(said), encoding="utf-8")
    assert recognise(str(folder)).kind == "torch"
    assert torch_head.load(str(folder), SourceWishes()).head.labels == small.EMOTIONS


def test_checkpoints_of_transformers_stay_what_they_are(checkpoint, whole, tmp_path):
    assert recognise(str(checkpoint("bert"))).kind == "checkpoint"
    assert recognise(str(whole)).kind == "checkpoint"
    assert recognise("klue/roberta-base").kind == "checkpoint"
    assert recognise(str(whole), "torch").kind == "torch"


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "pooler"])
def test_every_pooling_gives_the_sources_logits(pooling, emotion8, tmp_path, stamped):
    body = emotion8.backbone
    folder = small.save_backbone(tmp_path / "body", body, weights=True)
    torch.manual_seed(3)
    head = nn.Sequential(nn.Linear(32, 24), nn.GELU(), nn.Dropout(0.2), nn.Linear(24, 8)).eval()
    torch.save(head.state_dict(), tmp_path / "head.pt")
    asked = wishes(folder, pooling, activation="gelu")
    found = torch_head.load(str(tmp_path / "head.pt"), asked)
    logits = SourceLogits(found.module, found.tokenizer, found.max_tokens)
    encoded = small.tokenizer()([*TEXTS], return_tensors="pt", padding=True)
    with torch.inference_mode():
        output = body(**{key: encoded[key] for key in ("input_ids", "attention_mask")})
        rows, mask = output.last_hidden_state, encoded["attention_mask"].unsqueeze(-1)
        one = {
            "cls": rows[:, 0],
            "mean": (rows * mask).sum(1) / mask.sum(1),
            "max": rows.masked_fill(mask == 0, -torch.inf).max(1).values,
            "pooler": output.pooler_output,
        }[pooling]
        expected = head(one).numpy()
    assert np.abs(logits(TEXTS) - expected).max() < CLOSE
    if pooling == "cls":
        source = reference_of(found, None)
        rewritten = rewrite(source.graph, 64)
        assert rewritten.fused_attentions == 2
        assert all(result.kept for result in rewritten.results)
        narrowed = {result.name: result.nodes for result in rewritten.results}["keep_first_token"]
        assert narrowed > 0
        file = stamped(source, ir.to_proto(rewritten.model))
        assert np.abs(open_model(file).logits(TEXTS) - expected).max() < CLOSE


def test_layers_are_ordered_by_what_they_take(whole, tmp_path):
    torch.manual_seed(3)
    state = {
        f"{name}.{part}": torch.randn(*size[: 2 - (part == "bias")])
        for name, size in {"out": (8, 24), "dense": (24, 32)}.items()
        for part in ("weight", "bias")
    }
    save_file(state, tmp_path / "head.safetensors")
    asked = wishes(whole, activation="tanh")
    layers = torch_head.load(str(tmp_path / "head.safetensors"), asked).module.layers
    assert [type(layer).__name__ for layer in layers] == ["Linear", "Tanh", "Linear"]
    assert torch.equal(layers[0].weight, state["dense.weight"])


def test_file_decides_as_the_source(emotion8, bare, tmp_path, untimed, capsys):
    cuts = tmp_path / "cuts.json"
    cuts.write_text(json.dumps(small.CUTS), encoding="utf-8")
    target = tmp_path / "emotion8.onnx"
    small.save_labels(tmp_path)
    torch.save(emotion8.state_dict(), tmp_path / "emotion8.pt")
    words = ("--backbone", bare, "--pooling", "cls", "--labels-file", tmp_path / "labels.json")
    words += ("--rule", "multilabel", "--thresholds", cuts, "--precision", "fp32", "--json")
    assert main(["export", *map(str, (tmp_path / "emotion8.pt", "-o", target, *words))]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["source"] == "torch backbone and head, emotion8.pt"
    assert str(tmp_path).encode() not in target.read_bytes()
    model = limen.load(target)
    logits = small.source_logits(emotion8, TEXTS)
    assert np.abs(model.logits(TEXTS) - logits).max() < CLOSE
    expected = [
        tuple(np.array(small.EMOTIONS)[row >= np.array(small.CUTS)])
        for row in 1 / (1 + np.exp(-logits))
    ]
    assert [prediction.labels for prediction in model.predict(TEXTS)] == expected
    decision = read_file(target).metadata.decision
    assert (decision.rule, decision.default_point) == ("multilabel", "custom")


def saved(state, folder, name="weights.pt"):
    torch.save(state, folder / name)
    return str(folder / name)


def changed(state, **tensors):
    return {**state, **{key.replace("__", "."): value for key, value in tensors.items()}}


def without(state, name):
    return {key: tensor for key, tensor in state.items() if not key.endswith(name)}


REFUSED = {
    "no pooling": (lambda state: state, {"pooling": None}, r"pass --pooling, one of cls, mean"),
    "no labels": (lambda state: state, {"labels": None}, r"nothing names the labels; pass --cla"),
    "fewer labels": (lambda state: state, {"labels": ("a", "b")}, "2 labels for 8 outputs"),
    "a wider head": (
        lambda state: changed(state, head__weight=torch.ones(8, 48)),
        {},
        r"head does not fit: it gets 32 numbers a text, and head takes 48 and gives 8",
    ),
    "no head": (lambda state: without(without(state, "head.weight"), "head.bias"), {}, "0 layers"),
    "two heads": (
        lambda state: changed(state, other__weight=torch.ones(3, 32), other__bias=torch.ones(3)),
        {"activation": "relu"},
        "head does not fit",
    ),
    "a norm in the head": (
        lambda state: changed(state, norm__weight=torch.ones(32), norm__bias=torch.ones(32)),
        {},
        r"expected the linear layers of one head.*limen_export.export takes any module",
    ),
    "layers without activation": (
        lambda state: changed(
            state, head__weight=torch.ones(8, 24), dense__weight=torch.ones(24, 32)
        ),
        {},
        r"a head of 2 layers.*--head-activation, one of gelu",
    ),
    "half of a backbone": (
        lambda state: without(state, "layer.1.output.dense.weight"),
        {},
        r"1 of 37 weights of a roberta backbone are missing, such as backbone.encoder.layer.1",
    ),
    "another width": (
        lambda state: changed(
            state, backbone__embeddings__word_embeddings__weight=torch.ones(103, 16)
        ),
        {},
        r"word_embeddings.weight is \(103, 16\), the backbone's config.json makes it \(\d+, 32\)",
    ),
    "no pooler": (
        lambda state: without(without(state, "pooler.dense.weight"), "pooler.dense.bias"),
        {"pooling": "pooler"},
        r"2 weights are missing.*pass --pooling cls, mean or max",
    ),
    "thresholds of words": (
        lambda state: {**state, "thresholds": ["high"] * 8},
        {},
        "thresholds are no numbers",
    ),
    "an unknown pooling": (
        lambda state: {**state, "pooling": "attention"},
        {"pooling": None},
        "pooling 'attention', expected one of cls, mean, max, pooler",
    ),
    "no weights at all": (lambda _: {"epoch": 3}, {}, "no tensor in it"),
    "a list": (lambda _: [1, 2], {}, "holds list, expected a dict of tensors"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_by_name(case, emotion8, bare, tmp_path):
    make, said, message = REFUSED[case]
    source = saved(make(emotion8.state_dict()), tmp_path)
    with pytest.raises(ExportError) as caught:
        torch_head.load(source, wishes(bare, **said))
    assert re.search(message, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_tokenizer_of_another_model_is_refused(emotion8, tmp_path):
    folder = small.save_backbone(tmp_path / "body", emotion8.backbone)
    larger = small.tokenizer()
    larger.add_tokens([f"piece{number}" for number in range(200)])
    larger.save_pretrained(folder)
    with pytest.raises(ExportError, match="tokenizer and weights belong to different models"):
        torch_head.load(saved(emotion8.state_dict(), tmp_path), wishes(folder))


class Malice:
    """A pickle that creates a folder when it is read."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return (os.mkdir, (str(self.proof),))


@pytest.mark.parametrize("as_torch", [True, False])
def test_nothing_is_unpickled(as_torch, emotion8, bare, tmp_path):
    proof = tmp_path / "proof"
    file = tmp_path / "weights.pt"
    holds = {**emotion8.state_dict(), "trap": Malice(proof)}
    if as_torch:
        torch.save(holds, file)
    else:
        file.write_bytes(pickle.dumps(holds))
    with pytest.raises(ExportError, match="limen reads weights only"):
        torch_head.load(str(file), wishes(bare))
    assert not proof.exists()


def test_a_whole_module_pickle_is_refused_by_its_class(bare, tmp_path):
    torch.save(nn.Linear(3, 2), tmp_path / "weights.pt")
    with pytest.raises(ExportError, match=r"an object of torch.nn.modules.linear.Linear"):
        torch_head.load(str(tmp_path / "weights.pt"), wishes(bare))


class Words(nn.Module):
    """No transformers inside: the mean of word vectors, and one layer."""

    def __init__(self, outputs=2):
        super().__init__()
        self.words = nn.Embedding(len(small.tokenizer()), 16)
        self.out = nn.Linear(16, outputs)

    def forward(self, x):
        return self.out(self.words(x).mean(1))


def test_any_module_from_ids_to_logits(tmp_path, untimed):
    torch.manual_seed(2)
    module = Words().eval()
    settings = ExportSettings(precision="fp32", max_tokens=32)
    given = {"tokenizer": small.tokenizer().backend_tokenizer, "labels": ("no", "yes")}
    report = export(module, tmp_path / "m.onnx", settings, **given)
    assert any("multi-class" in notice for notice in report.notices)
    model = limen.load(tmp_path / "m.onnx")
    for text in ("the day was good", "bad"):
        with torch.inference_mode():
            expected = module(torch.tensor([small.tokenizer()(text)["input_ids"]])).numpy()
        assert np.abs(model.logits([text]) - expected).max() < CLOSE


class Odd(Words):
    def __init__(self, result):
        super().__init__()
        self.result = result

    def forward(self, input_ids, attention_mask=None):
        logits = super().forward(input_ids)
        return {"one": logits[:, 0], "dict": {"scores": logits}, "list": [logits]}[self.result]


class NeedsMore(Words):
    def forward(self, input_ids, lengths):
        return super().forward(input_ids) / lengths


MODULES = {
    "training": (lambda: Words().train(), "is in training mode.*call .eval()"),
    "half": (lambda: Words().eval().half(), "float16 on cpu, expected float32 on the CPU"),
    "one row": (lambda: Odd("one").eval(), r"expected logits of shape \(texts, outputs\)"),
    "a dict without logits": (lambda: Odd("dict").eval(), "expected logits of shape"),
    "a list": (lambda: Odd("list").eval(), "gives list; expected logits"),
    "more arguments": (lambda: NeedsMore().eval(), "forward needs 'lengths' beside 'input_ids'"),
    "three outputs": (lambda: Words(3).eval(), "2 labels for 3 outputs"),
    "no embeddings": (lambda: nn.Linear(2, 2).eval(), "has no embedding table"),
}


@pytest.mark.parametrize("case", MODULES)
def test_modules_that_cannot_be_exported(case):
    make, message = MODULES[case]
    given = GivenModule(make(), small.tokenizer(), ("no", "yes"))
    with pytest.raises(ExportError, match=message):
        given_module.load(given, SourceWishes())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": ("a", "b")}, "tokenizer is NoneType"),
        ({"tokenizer": small.tokenizer()}, "labels are missing"),
        ({"tokenizer": small.tokenizer(), "labels": "ab"}, "labels are missing"),
    ],
)
def test_a_module_needs_tokenizer_and_labels(given, message, tmp_path):
    with pytest.raises(InputError, match=message):
        export(Words().eval(), tmp_path / "m.onnx", **given)


def test_a_folder_has_labels_of_its_own(checkpoint, tmp_path):
    with pytest.raises(InputError, match="are those of a module"):
        export(str(checkpoint("bert")), tmp_path / "m.onnx", labels=("a", "b"))


def test_a_module_of_pairs():
    given = GivenModule(Words(3).eval(), small.tokenizer(), ("a", "b", "c"), "one_vs_one")
    head = given_module.load(given, SourceWishes()).head
    assert (head.outputs, head.rule, head.link) == (3, "one_vs_one", "sigmoid")


class LongText(Words):
    """Its position table has more rows than its tokenizer has pieces, its word table fewer."""

    def __init__(self):
        super().__init__()
        self.backbone = small.roberta()
        self.backbone.resize_token_embeddings(40)
        self.positions = nn.Embedding(4_000, 16)


def test_the_table_of_words_counts():
    given = GivenModule(LongText().eval(), small.tokenizer(), ("no", "yes"))
    with pytest.raises(ExportError, match="the model 40 embedding rows"):
        given_module.load(given, SourceWishes())


@pytest.mark.parametrize(
    ("name", "content", "labels"),
    [
        ("a.json", '["joy", "anger"]', ("joy", "anger")),
        ("a.json", '{"1": "anger", "0": "joy"}', ("joy", "anger")),
        ("a.json", '{"anger": 1, "joy": 0}', ("joy", "anger")),
        ("a.txt", "joy\r\nanger\n", ("joy", "anger")),
        ("a.json", '{"joy": 1, "anger": 2}', None),
        ("a.json", '{"joy": 0, "anger": 0}', None),
        ("a.json", "[1, 2]", None),
        ("a.json", "[]", None),
        ("a.json", '["joy", ""]', None),
        ("a.json", "{", None),
        ("a.json", '{"x": "joy"}', None),
    ],
)
def test_files_of_labels(name, content, labels, tmp_path):
    from limen_export.given_labels import read_label_names

    (tmp_path / name).write_text(content, encoding="utf-8")
    if labels is None:
        with pytest.raises(InputError, match=r"expected names of labels|not JSON"):
            read_label_names(tmp_path / name)
    else:
        assert read_label_names(tmp_path / name) == labels


@settings(max_examples=30, deadline=None)
@given(
    before=st.lists(st.text("abcmz_01", min_size=1, max_size=6), max_size=3),
    head=st.lists(st.text("hfc_01", min_size=1, max_size=6), min_size=1, max_size=2),
)
def test_what_stands_before_the_names_does_not_matter(before, head):
    """Property: any prefix, and any name of the head."""
    prefix, path = "".join(f"{part}." for part in before), ".".join(head)
    body = BODY.state_dict()
    layer = {f"{prefix}{path}.weight": torch.ones(8, 32), f"{prefix}{path}.bias": torch.ones(8)}
    stored = {**{f"{prefix}{key}": tensor for key, tensor in body.items()}, **layer}
    split = split_weights(stored, BODY.config, "property")
    assert set(split.backbone) == {key for key, _ in BODY.named_parameters()}
    assert len(split.head) == 2
    assert [type(one) for one in head_layers(split.head, 32, None, "property")] == [nn.Linear]
