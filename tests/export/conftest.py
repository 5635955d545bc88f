"""Tiny checkpoints of every family, made on the spot with random weights, and what tests share."""

import json
import os
import shutil
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from limen.timing import Latency
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

# Before transformers is imported by any test of this folder: no test may reach the network.
os.environ["HF_HUB_OFFLINE"] = "1"

BRACKETS = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
ANGLES = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["the", "day", "was", "good", "bad", "not", "very", "오늘", "정말", "행복", "하루"]


@dataclass(frozen=True)
class Family:
    """One architecture: prefix of its classes, tokenizer, longest input, and settings."""

    prefix: str
    tokenizer: str
    longest: int
    settings: dict


def _sizes(positions: int, **more) -> dict:
    """32 wide, two layers; weights large enough for attention to matter."""
    layers = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    body = {"intermediate_size": 64, "initializer_range": 0.2, "max_position_embeddings": positions}
    return {**layers, **body, **more}


_DISTILBERT = {
    **{"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    **{"initializer_range": 0.2, "max_position_embeddings": 80},
}
_DEBERTA = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 16,
    "position_biased_input": False,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
}
_MODERNBERT = {
    "num_hidden_layers": 3,
    "local_attention": 16,
    "global_attn_every_n_layers": 2,
    "reference_compile": False,
}
FAMILIES = {
    "bert": Family("Bert", "wordpiece", 80, _sizes(80)),
    "roberta": Family("Roberta", "bpe", 128, _sizes(130)),
    "xlm-roberta": Family("XLMRoberta", "unigram", 128, _sizes(130)),
    "electra": Family("Electra", "wordpiece", 80, _sizes(80, embedding_size=16)),
    "distilbert": Family("DistilBert", "wordpiece", 80, _DISTILBERT),
    "mpnet": Family("MPNet", "wordpiece-1", 128, _sizes(130)),
    "albert": Family("Albert", "unigram", 80, _sizes(80, embedding_size=16)),
    "deberta-v2": Family("DebertaV2", "unigram", 96, _sizes(96, **_DEBERTA)),
    "modernbert": Family("ModernBert", "wordpiece", 96, _sizes(96, **_MODERNBERT)),
}


def _wordpiece(tokens: dict[str, str]) -> Tokenizer:
    vocabulary = [
        *tokens.values(),
        *WORDS,
        *LETTERS,
        *(f"##{c}" for c in LETTERS),
        *"0123456789.,!?'",
    ]
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=tokens["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _bpe(tokens: dict[str, str]) -> Tokenizer:
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("o", "o")]
    visible = [chr(code) for code in range(33, 127)]
    pieces = [*tokens.values(), *visible, "Ġ", *("".join(merge) for merge in merges)]
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token=tokens["unk"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _unigram(tokens: dict[str, str]) -> Tokenizer:
    pieces = [*tokens.values(), "▁", *(f"▁{word}" for word in WORDS), *LETTERS, *"0123456789.,!?'"]
    scored = [(piece, -float(index)) for index, piece in enumerate(dict.fromkeys(pieces))]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=pieces.index(tokens["unk"])))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def _tokenizer(kind: str):
    from transformers import PreTrainedTokenizerFast

    tokens = BRACKETS if kind == "wordpiece" else ANGLES
    tokenizer = {"bpe": _bpe, "unigram": _unigram}.get(kind, _wordpiece)(tokens)
    ends = [(tokens[name], tokenizer.token_to_id(tokens[name])) for name in ("cls", "sep")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{tokens['cls']} $A {tokens['sep']}", special_tokens=ends
    )
    tokenizer.add_special_tokens(list(tokens.values()))
    named = {f"{name}_token": token for name, token in tokens.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=["input_ids", "attention_mask"], **named
    )


def _sharpen(model, vocabulary: int) -> None:
    """Scale the last layer until logits span about -5 to 5: near 0 every error looks small."""
    import torch

    linear = [part for part in model.modules() if isinstance(part, torch.nn.Linear)]
    last = next(part for part in linear if part.out_features == model.config.num_labels)
    ids = torch.randint(5, vocabulary, (32, 24), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        last.bias.zero_()
        logits = model(input_ids=ids).logits
        scale = 2.5 / logits.std(0)
        last.weight.mul_(scale.unsqueeze(1))
        last.bias.copy_(-(logits * scale).mean(0))


def _build(folder: Path, family: str = "bert", **entries) -> Path:
    import torch
    import transformers

    chosen = FAMILIES[family]
    tokenizer = _tokenizer(chosen.tokenizer)
    labels = entries.pop("labels", ("joy", "anger", "fear"))
    ends = tokenizer.cls_token_id, tokenizer.sep_token_id
    fixed = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        **dict(zip(("cls_token_id", "sep_token_id"), ends, strict=True)),
        **dict(zip(("bos_token_id", "eos_token_id"), ends, strict=True)),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
        "problem_type": "multi_label_classification",
    }
    config = getattr(transformers, f"{chosen.prefix}Config")(
        **{**fixed, **chosen.settings, **entries}
    )
    torch.manual_seed(11)
    model = getattr(transformers, f"{chosen.prefix}ForSequenceClassification")(config).eval()
    _sharpen(model, len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread():
    """torch's threads wait for each other by spinning: on a busy machine that takes minutes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_checkpoint():
    """Return (folder, family, **config entries) -> folder with a checkpoint."""
    return _build


def _teach_languages(folder, *changes) -> None:
    """Solve for the head that gives the first label to English, the second to Korean and no other,
    surely: what int8 changes of the logits then changes no decision. `changes` are made before.
    """
    import torch
    from limen.corpus import sentences
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForSequenceClassification.from_pretrained(str(folder)).eval()
    pairs = list(zip(sentences("en", "test"), sentences("ko", "test"), strict=True))[:100]
    texts = [sentence.text for pair in pairs for sentence in pair]
    with torch.no_grad():
        for change in changes:
            change(model)
        rows = [
            model.bert(**tokenizer(text, truncation=True, max_length=80, return_tensors="pt"))
            for text in texts
        ]
        body = torch.cat([row.pooler_output for row in rows])
        body = torch.cat([body, torch.ones(len(body), 1)], dim=1)
        english = torch.tensor([1.0, -1.0] * len(pairs))
        never = [-torch.ones(len(texts))] * (model.config.num_labels - 2)
        wanted = 2.0 * torch.stack([english, -english, *never], dim=1)
        small = 0.01 * torch.eye(body.shape[1])
        solved = torch.linalg.solve(body.T @ body + small, body.T @ wanted)
        model.classifier.weight.copy_(solved[:-1].T)
        model.classifier.bias.copy_(solved[-1])
    model.save_pretrained(folder)


@pytest.fixture(scope="session")
def teach_languages():
    """Return (folder of a tiny BERT, changes of its model) -> nothing; it then tells languages
    apart.
    """
    return _teach_languages


@pytest.fixture(scope="session")
def families():
    return FAMILIES


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Return family name -> a folder with its tiny checkpoint, made once."""
    return cache(lambda family: _build(tmp_path_factory.mktemp("checkpoint") / family, family))


@pytest.fixture(scope="session")
def reference(checkpoint, run_once):
    """Return family name -> its Reference, traced once, each text run once."""
    from limen_export.sources.checkpoint import read_checkpoint

    return cache(lambda family: run_once(read_checkpoint(str(checkpoint(family)), None, None)))


@pytest.fixture(scope="session")
def run_once():
    """Return Reference -> one that remembers its logits: torch takes milliseconds for a text, and
    every export of a test compares on hundreds.
    """
    return _run_once


def _run_once(source):
    known = {}

    def logits(texts):
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, source.logits(missing), strict=True))
        return np.stack([known[text] for text in texts])

    return replace(source, logits=logits)


@pytest.fixture
def edited(tmp_path, checkpoint):
    """Return **config entries -> a copy of the tiny BERT with that config; None takes one out."""

    def edit(**entries):
        folder = shutil.copytree(checkpoint("bert"), tmp_path / "edited")
        config = {**json.loads((folder / "config.json").read_text("utf-8")), **entries}
        kept = {key: value for key, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept), encoding="utf-8")
        return folder

    return edit


@pytest.fixture
def stamped():
    """Return (reference, graph, precision) -> a ClassifierFile with that graph."""
    from limen import format as file_format

    def make(reference, graph, precision="fp32"):
        labels = reference.labels
        thresholds = None if reference.rule == "multiclass" else (0.5,) * len(labels)
        point = file_format.OperatingPoint("only", thresholds)
        metadata = file_format.Metadata(
            file_format.DecisionBlock(reference.rule, labels, reference.link, (point,), "only"),
            reference.encoder,
            file_format.ExecutionBlock(precision, shape="joined" if reference.joined else "exact"),
            file_format.Evidence("none", 0, ()),
            file_format.Golden((), (), (), 0.0),
            file_format.Provenance("test", (), "2026-01-01"),
        )
        return file_format.parse(file_format.stamp(graph.SerializeToString(), metadata), "test")

    return make


@pytest.fixture
def untimed(monkeypatch):
    """Exports without the timing processes, which take longer than all the rest, and on half as
    many texts as usual: enough for three labels of which two are given.
    """
    from limen_export.latency import Speed

    monkeypatch.setattr("limen_export.ladder.judging.ENOUGH_TEXTS", 500)

    speed = Speed(Latency(1.0, 1.0, 1.0, 1.0, 0.0, 1), 1_000.0)
    monkeypatch.setattr("limen_export.ladder.candidate.measure", lambda *_: speed)


@pytest.fixture(scope="session")
def easy():
    """What int8 of a random model reaches, for tests that are not about the gate: only of trained
    models is more to be expected.
    """
    from limen.evaluation.gate_settings import GateSettings

    return GateSettings(max_drop=0.1, min_agreement=0.9)


@pytest.fixture
def traced(monkeypatch, untimed, reference):
    """Exports that start from the tiny BERT, read and traced once; returns its Reference."""
    known = reference("bert")
    monkeypatch.setattr("limen_export.sources.checkpoint.read_checkpoint", lambda *_: known)
    return known


@pytest.fixture(scope="session")
def texts():
    """Texts made of words that every tiny tokenizer knows, enough for int8 to be judged on."""
    from limen_export.settings import NamedTexts

    made = (" ".join(words) for words in permutations(("the", "day", "was", "not", "good"), 3))
    return NamedTexts("own", (*made, "정말 행복 하루", "very bad day!", ""))
