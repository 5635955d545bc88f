"""Checkpoints that cannot become a file: refused with a reason, and nothing is written."""

import json
import os
import pickle
import re
import shutil

import pytest
from limen.errors import ExportError
from limen_export import ExportSettings, export
from limen_export.sources.checkpoint import read_checkpoint
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertModel

OLD = b"an older file"


class Malice:
    """A pickle that creates a folder when it is read."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return (os.mkdir, (str(self.proof),))


def rewrite_config(folder, **entries):
    file = folder / "config.json"
    config = {**json.loads(file.read_text("utf-8")), **entries}
    kept = {key: value for key, value in config.items() if value is not None}
    file.write_text(json.dumps(kept), encoding="utf-8")


def pickle_instead(folder, name="pytorch_model.bin"):
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Malice(folder / "proof")))


def truncate(folder, size):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:size])


def without_head(folder):
    BertModel.from_pretrained(str(folder)).save_pretrained(folder)


def larger_tokenizer(folder):
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.add_tokens([f"piece{number}" for number in range(200)])
    tokenizer.save_pretrained(folder)


def slow_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("a\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CanineTokenizer"}), encoding="utf-8"
    )


def missing_shard(folder):
    file = folder / "model.safetensors"
    file.rename(folder / "model-00001-of-00002.safetensors")
    index = {
        "metadata": {},
        "weight_map": {"classifier.weight": "model-00002-of-00002.safetensors"},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def extra_inputs(folder):
    """A tokenizer that gives token types to a model that takes none."""
    file = folder / "tokenizer_config.json"
    stated = {**json.loads(file.read_text("utf-8"))}
    stated["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    file.write_text(json.dumps(stated), encoding="utf-8")


def write(name, text):
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


BROKEN = {
    "no config": (lambda folder: (folder / "config.json").unlink(), "no config.json"),
    "config not JSON": (write("config.json", "{'model_type': "), "config.json is not JSON"),
    "config a list": (write("config.json", "[1]"), "model_type"),
    "config too deep": (write("config.json", "[" * 100_000), "config.json is not JSON"),
    "no model type": (lambda folder: rewrite_config(folder, model_type=None), "model_type"),
    "unknown model type": (
        lambda folder: rewrite_config(folder, model_type="martian"),
        "config.json is not understood",
    ),
    "no classifier of that type": (
        lambda folder: rewrite_config(folder, model_type="vit"),
        "no text classifier of type 'vit'",
    ),
    "code of its own": (
        lambda folder: rewrite_config(folder, auto_map={"AutoConfig": "code.Config"}),
        "does not run",
    ),
    "quantised": (
        lambda folder: rewrite_config(folder, quantization_config={"quant_method": "gptq"}),
        "quantised already",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
    "pickled weights": (pickle_instead, r"pickle.*save_pretrained\(FOLDER\)"),
    "pickled shards": (
        lambda folder: pickle_instead(folder, "pytorch_model-00001-of-00001.bin"),
        r"pickle.*save_pretrained\(FOLDER\)",
    ),
    "backbone alone": (without_head, "backbone without a trained classification head"),
    "other sizes": (lambda folder: rewrite_config(folder, hidden_size=64), "weights"),
    "half of the weights": (lambda folder: truncate(folder, 20_000), "weights"),
    "a few bytes": (lambda folder: truncate(folder, 5), "weights"),
    "empty weights": (lambda folder: truncate(folder, 0), "weights"),
    "a shard is missing": (missing_shard, "weights"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
    "tokenizer not JSON": (write("tokenizer.json", "{"), "tokenizer cannot be loaded"),
    "slow tokenizer": (slow_tokenizer, "fast form"),
    "other tokenizer": (larger_tokenizer, "belong to different models"),
    "regression": (lambda folder: rewrite_config(folder, problem_type="regression"), "regression"),
}


def listing(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(checkpoint, folder, texts):
    """Export to a new name and over an older file; return the message after checking the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "old.onnx").write_bytes(OLD)
    for name in ("new.onnx", "old.onnx"):
        with pytest.raises(ExportError) as caught:
            export(str(checkpoint), folder / name, ExportSettings(texts=texts))
        assert listing(folder) == {"old.onnx": OLD}
    return str(caught.value)


@pytest.mark.parametrize("case", BROKEN)
def test_broken_checkpoint_is_refused(case, edited, tmp_path, texts):
    folder = edited()
    breaks, reason = BROKEN[case]
    breaks(folder)
    message = refused(folder, tmp_path / "out", texts)
    assert re.search(reason, message), message
    assert message.startswith("edited: ")
    assert not (folder / "proof").exists()


def test_pickle_beside_safetensors_is_never_read(edited, monkeypatch, reference):
    folder = edited()
    proof = folder / "proof"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Malice(proof)))
    (folder / "training_args.bin").write_bytes(pickle.dumps(Malice(proof)))
    graph = reference("bert").graph
    monkeypatch.setattr("limen_export.sources.torch_classifier.trace", lambda *_: graph)
    assert read_checkpoint(str(folder), None, None).labels == ("joy", "anger", "fear")
    assert not proof.exists()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())  # noqa: S301  (our own, above)
    assert proof.is_dir()


def test_inputs_that_the_model_does_not_take(tmp_path, checkpoint, texts, untimed):
    """transformers 5 ignores them, 4 fails: the export does as transformers does, with a reason."""
    folder = shutil.copytree(checkpoint("distilbert"), tmp_path / "edited")
    extra_inputs(folder)
    inputs = AutoTokenizer.from_pretrained(str(folder))("the day", return_tensors="pt")
    assert "token_type_ids" in inputs
    try:
        AutoModelForSequenceClassification.from_pretrained(str(folder))(**inputs)
    except TypeError:
        assert "token_type_ids" in refused(folder, tmp_path / "out", texts)
    else:
        settings = ExportSettings(precision="fp32", texts=texts)
        assert export(str(folder), tmp_path / "m.onnx", settings).precision == "fp32"


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", "a/b/c"])
def test_missing_folder_is_refused(name, tmp_path, texts, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no such folder" in refused(name, tmp_path / "out", texts)


def test_a_file_instead_of_a_folder_is_refused(tmp_path, texts):
    (tmp_path / "weights.safetensors").write_bytes(b"")
    (tmp_path / "weights.onnx").write_bytes(b"")
    assert "no config.json beside" in refused(tmp_path / "weights.onnx", tmp_path / "out", texts)
    assert "--backbone" in refused(tmp_path / "weights.safetensors", tmp_path / "out", texts)


@pytest.mark.parametrize("name", ["limen-tests/no-such-model", "no-such-model-of-limen"])
def test_hub_name_without_network_is_refused(name, tmp_path, texts, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    message = refused(name, tmp_path / "out", texts)
    assert message.startswith(f"{name}: ")
    assert "network" in message
    assert "\n" not in message


def test_message_names_the_folder_and_not_its_path(edited, tmp_path, texts):
    folder = edited(problem_type="regression")
    assert str(tmp_path) not in refused(folder, tmp_path / "out", texts)
