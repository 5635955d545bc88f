"""Heads on the body of a trained checkpoint, on real texts: the file decides as the source does.

The body is run by transformers in padded batches with a mask, as people train and use such heads;
its own classification layer, and one that scikit-learn fits on its sentence embeddings, are the
heads.
"""

import json

import joblib
import numpy as np
import onnx_ir as ir
import pytest
import torch
from limen.opening import open_model
from limen_export.graph.passes import rewrite
from limen_export.sources import sentences, torch_head
from limen_export.sources.head_wishes import HeadWishes
from limen_export.sources.recognising import SourceWishes
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

PARITY, TEXTS, FITTED, BATCH, LONGEST = 1e-4, 1_000, 500, 64, 64


class Unshown(tuple):
    """Texts of the real data: pytest shows how many there are, never one of them."""

    def __repr__(self):
        return f"{len(self)} texts"


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "models/3i4k-ko-bert"


@pytest.fixture(scope="module")
def real(folder, shared):
    """Texts, the pooler's rows, and the normalised means of all tokens."""
    lines = (shared / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    texts = Unshown(line.partition("\t")[2] for line in lines[:TEXTS] if line)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModel.from_pretrained(str(folder)).eval()
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    pooler, means = [], []
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            batch = [texts[at] for at in order[start : start + BATCH]]
            options = {"padding": True, "truncation": True, "max_length": LONGEST}
            encoded = tokenizer(batch, return_tensors="pt", **options)
            output = model(**encoded)
            mask = encoded["attention_mask"].unsqueeze(-1)
            pooler.append(output.pooler_output)
            mean = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
            means.append(functional.normalize(mean))
    back = np.argsort(order)
    return texts, torch.cat(pooler)[back], torch.cat(means)[back].numpy()


def test_weights_of_a_tutorial(real, folder, tmp_path, stamped):
    texts, rows, _ = real
    state = load_file(folder / "model.safetensors")
    head = {key: state[f"classifier.{key}"] for key in ("weight", "bias")}
    named = {key.replace("bert.", "module.backbone.", 1): state[key] for key in state}
    renamed = {key.replace("classifier.", "module.fc."): value for key, value in named.items()}
    torch.save(renamed, tmp_path / "weights.pt")
    wishes = SourceWishes(
        rule="multiclass", max_tokens=LONGEST, head=HeadWishes(str(folder), "pooler")
    )
    source = torch_head.read(str(tmp_path / "weights.pt"), wishes)
    expected = functional.linear(rows, head["weight"], head["bias"]).numpy()
    rewritten = rewrite(source.graph, LONGEST)
    assert rewritten.fused_attentions == 4
    assert all(result.kept for result in rewritten.results)
    found = open_model(stamped(source, ir.to_proto(rewritten.model))).logits(texts)
    assert np.abs(found - expected).max() < PARITY + 1e-5 * np.abs(expected).max()
    assert (found.argmax(1) == expected.argmax(1)).all()


def test_fitted_head_on_sentence_embeddings(real, folder, tmp_path, stamped):
    texts, _, rows = real
    classes = (rows[:, :5] * (1, 2, 3, 4, 5)).argmax(1)
    head = LogisticRegression(C=100.0).fit(rows[:FITTED], classes[:FITTED])
    joblib.dump(head, tmp_path / "head.pkl")
    made = tmp_path / "sentences"
    made.mkdir()
    for file in folder.iterdir():
        (made / file.name).symlink_to(file)
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    modules = [
        {"idx": at, "path": path, "type": f"x.{kind}"} for at, (kind, path) in enumerate(kinds)
    ]
    (made / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (made / "1_Pooling").mkdir()
    (made / "1_Pooling/config.json").write_text('{"pooling_mode": "mean"}', encoding="utf-8")
    wishes = SourceWishes(
        max_tokens=LONGEST, head=HeadWishes(file=tmp_path / "head.pkl"), trust=True
    )
    source = sentences.read(str(made), wishes)
    expected = head.decision_function(rows)
    found = open_model(stamped(source, source.graph)).logits(texts)
    assert np.abs(found - expected).max() < PARITY + 1e-5 * np.abs(expected).max()
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert [source.labels[at] for at in found.argmax(1)] == [str(one) for one in head.predict(rows)]
