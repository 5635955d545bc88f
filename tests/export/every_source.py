"""A source of every kind on one small body with a real vocabulary, each beside what its own library
answers.
"""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

ONNX, STATIC = (
    SimpleNamespace(**run_path(str(Path(__file__).with_name(name))))
    for name in ("onnx_folders.py", "static_folders.py")
)
ROOT = Path(__file__).resolve().parents[2]
LABELS = ("joy", "anger", "fear")
WIDTH, LONGEST, BATCH = 32, 64, 64
SPECIAL = {name: f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}


@dataclass(frozen=True)
class Answer:
    """What a source's own library says of texts: labels, and numbers where it has some.

    `decision` is scikit-learn's decision_function, `scores` its probabilities.
    """

    labels: list[tuple[str, ...]] = field(repr=False)
    logits: np.ndarray | None = field(default=None, repr=False)
    decision: np.ndarray | None = field(default=None, repr=False)
    scores: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Given:
    """What `limen export` is given, and what the source answers to texts.

    `words` are for the command; where there are none, `source` is an object for Python, `labels`
    the names of its outputs and `more` what else belongs to it.
    """

    answer: Callable[..., Answer]
    words: tuple[str, ...] = ()
    source: object = None
    labels: tuple[str, ...] | None = None
    more: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a source is made: an empty folder, a body, the texts that will be compared on, and the
    first of the sets that they are from.
    """

    folder: Path
    body: "Body"
    texts: tuple[str, ...] = field(repr=False)
    on: object


def several(logits):
    """Every label whose logit is at or above 0."""
    chosen = [tuple(np.array(LABELS)[row >= 0]) for row in logits]
    return Answer(chosen, logits)


def one(logits):
    """The label with the largest logit."""
    return Answer([(LABELS[at],) for at in logits.argmax(1)], logits)


def most_pairs(logits):
    """The label that wins most pairs, then by the sum of its values, as scikit-learn counts."""
    votes, sums = np.zeros((2, len(logits), len(LABELS)))
    for (first, later), column in zip(combinations(range(3), 2), logits.T, strict=True):
        votes[:, later] += column > 0
        votes[:, first] += column <= 0
        sums[:, later] += column
        sums[:, first] -= column
    best = (votes + sums / (3 * (np.abs(sums) + 1))).argmax(1)
    return Answer([(LABELS[at],) for at in best], logits)


class Body:
    """A BERT of random weights over the multilingual vocabulary, saved with a classifier on it."""

    def __init__(self, folder, vocabulary):
        from transformers import (
            BertConfig,
            BertForSequenceClassification,
            PreTrainedTokenizerFast,
        )

        self.vocabulary = vocabulary
        named = {f"{name}_token": token for name, token in SPECIAL.items()}
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(vocabulary), model_max_length=LONGEST, **named
        )
        config = BertConfig(
            vocab_size=len(self.tokenizer),
            hidden_size=WIDTH,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=64,
            initializer_range=0.2,
            max_position_embeddings=LONGEST,
            pad_token_id=self.tokenizer.pad_token_id,
            id2label=dict(enumerate(LABELS)),
            label2id={label: at for at, label in enumerate(LABELS)},
            problem_type="multi_label_classification",
        )
        torch.manual_seed(11)
        self.model = BertForSequenceClassification(config).eval()
        self.folder = folder
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def run(self, texts, pooling):
        """Rows as people train on them: padded batches with a mask."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        rows = []
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                batch = [texts[at] for at in order[start : start + BATCH]]
                encoded = self.tokenizer(
                    batch, return_tensors="pt", padding=True, truncation=True, max_length=LONGEST
                )
                rows.append(self._pooled(encoded, pooling))
        return torch.cat(rows)[np.argsort(order)]

    def _pooled(self, encoded, pooling):
        output = self.model.bert(**encoded)
        if pooling == "mean":
            mask = encoded["attention_mask"].unsqueeze(-1)
            return (output.last_hidden_state * mask).sum(1) / mask.sum(1)
        return output.pooler_output if pooling == "pooler" else output.last_hidden_state[:, 0]


def head(outputs, seed):
    torch.manual_seed(seed)
    made = nn.Linear(WIDTH, outputs)
    with torch.no_grad():
        made.weight.mul_(4)
    return made


def applied(layer, rows):
    with torch.inference_mode():
        return layer(rows).numpy()


def checkpoint(place):
    body = place.body

    def answer(texts):
        return several(applied(body.model.classifier, body.run(texts, "pooler")))

    return Given(answer, (str(body.folder),))


def torch_head(place):
    body, folder = place.body, place.folder
    layers = nn.Sequential(head(24, 3), nn.GELU(), nn.Linear(24, len(LABELS)))
    torch.save({"module.head": layers.state_dict()}, folder / "head.pt")
    words = ("--backbone", str(body.folder), "--pooling", "mean", "--head-activation", "gelu")
    said = ("--classes", ",".join(LABELS), "--rule", "multiclass")
    return Given(
        lambda texts: one(applied(layers, body.run(texts, "mean"))),
        (str(folder / "head.pt"), *words, *said),
    )


def sentences(place):
    body, folder = place.body, place.folder
    import skops.io
    from sklearn.linear_model import LogisticRegression

    made = folder / "sentences"
    made.mkdir()
    for file in body.folder.iterdir():
        (made / file.name).symlink_to(file)
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    modules = [
        {"idx": at, "path": path, "type": f"x.{kind}"} for at, (kind, path) in enumerate(kinds)
    ]
    (made / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (made / "1_Pooling").mkdir()
    (made / "1_Pooling/config.json").write_text('{"pooling_mode": "mean"}', encoding="utf-8")
    rows = functional.normalize(body.run(place.texts, "mean")).numpy()
    names = np.array(LABELS)[np.digitize(rows[:, 0], np.quantile(rows[:, 0], (0.3, 0.7)))]
    fitted = LogisticRegression(max_iter=1_000).fit(rows, names)
    skops.io.dump(fitted, folder / "head.skops")

    def answer(texts):
        rows = functional.normalize(body.run(texts, "mean")).numpy()
        labels = [(label,) for label in fitted.predict(rows)]
        return Answer(labels, fitted.decision_function(rows), scores=fitted.predict_proba(rows))

    return Given(answer, (str(made), "--head", str(folder / "head.skops")))


def onnx_folder(place):
    body, folder = place.body, place.folder
    made = ONNX.written_by_torch(body.folder, folder / "onnx", ONNX.PORTS)

    def answer(texts):
        import onnxruntime

        session = onnxruntime.InferenceSession(str(made / "model.onnx"))
        rows = []
        for text in texts:
            given = body.tokenizer(
                text, truncation=True, max_length=LONGEST, return_token_type_ids=True
            )
            feeds = {port: np.array([given[port]], np.int64) for port in ONNX.PORTS}
            rows.append(session.run(["logits"], feeds)[0][0])
        return several(np.stack(rows))

    return Given(answer, (str(made),))


def via_optimum(place):
    python = sys.executable if find_spec("optimum") else ROOT / ".venv-optimum/bin/python"
    if not Path(python).exists():
        pytest.skip("no .venv-optimum: make rivals")
    made = shutil.copytree(place.body.folder, place.folder / "small-bert")
    config = json.loads((made / "tokenizer_config.json").read_text("utf-8"))
    # As versions of transformers before 5 know it.
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (made / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return Given(checkpoint(place).answer, (str(made), "--via", f"optimum={python}"))


def module(place):
    body = place.body

    class Emotion(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = body.model.bert
            self.head = head(len(LABELS), 7)

        def forward(self, input_ids, attention_mask):
            rows = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
            return self.head(rows.last_hidden_state[:, 0])

    made = Emotion().eval()
    more = {"tokenizer": body.tokenizer, "labels": LABELS, "rule": "multilabel"}
    return Given(
        lambda texts: several(applied(made.head, body.run(texts, "cls"))), source=made, more=more
    )


def parts_on_a_body(place):
    body, folder = place.body, place.folder
    heads = {pair: head(2, at) for at, pair in enumerate(combinations(LABELS, 2))}
    parts = []
    for (first, later), layer in heads.items():
        file = folder / f"{first}-{later}.safetensors"
        save_file(layer.state_dict(), file)
        parts.append(f"{first}:{later}={file}")

    def answer(texts):
        rows = body.run(texts, "cls")
        return most_pairs(
            np.concatenate([np.diff(applied(layer, rows)) for layer in heads.values()], axis=1)
        )

    words = ("--rule", "one_vs_one", "--backbone", str(body.folder), "--pooling", "cls")
    return Given(answer, ("--compose", *parts, *words))


def static(place):
    """Model2Vec's own arithmetic; the library itself decides in test_model2vec.py."""
    from safetensors.numpy import load_file

    made = STATIC.made(
        place.folder / "static",
        tokenizer=Tokenizer.from_file(str(place.body.vocabulary)),
        weighted=True,
        normalize=True,
    )
    tokenizer = Tokenizer.from_file(str(place.body.vocabulary))
    stored, layers = load_file(made / "model.safetensors"), load_file(made / "head.safetensors")
    unknown = tokenizer.token_to_id(SPECIAL["unk"])

    def row(ids):
        ids = [at for at in ids if at != unknown]
        found = stored["embeddings"][ids] * stored["weights"][ids][:, None]
        mean = found.mean(0) if ids else np.zeros(STATIC.WIDTH, np.float32)
        return mean / (np.linalg.norm(mean) + 1e-32)

    def answer(texts):
        encoded = tokenizer.encode_batch_fast([*texts], add_special_tokens=False)
        hidden = np.stack([row(one.ids) for one in encoded])
        hidden = np.maximum(hidden @ layers["head.0.weight"].T + layers["head.0.bias"], 0)
        return several(hidden @ layers["head.1.weight"].T + layers["head.1.bias"])

    return Given(answer, (str(made),))
