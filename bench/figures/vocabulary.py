"""What trimming a vocabulary saves and what it does to texts held out: the tables of
docs/vocabulary.md.
"""

import csv
import json
import statistics
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from limen.arrays import FloatArray
from limen.format import EncoderBlock
from limen.token_encoder import TokenEncoder
from limen_export.reference import Reference
from limen_export.settings import NamedTexts
from limen_export.sources.checkpoint import read_checkpoint
from limen_export.vocabulary import VocabularyReport, keep_vocabulary, unchanged_texts
from onnx import TensorProto, helper, numpy_helper
from sklearn.metrics import accuracy_score, f1_score
from tokenizers import Tokenizer, pre_tokenizers

Row = dict[str, object]
Labelled = tuple[list[str], npt.NDArray[np.bool_]]

_LOADS = 5
_ENGLISH, _KOREAN = "GoEmotions", "3i4k"
_LABELS = {_ENGLISH: 28, _KOREAN: 7}
_CASES = (
    ("xlm-roberta-base", _ENGLISH, _ENGLISH, None),
    ("xlm-roberta-base", _ENGLISH, _ENGLISH, 2_000),
    ("xlm-roberta-base", _KOREAN, _KOREAN, None),
    ("xlm-roberta-base", "both", "both", None),
    ("xlm-roberta-base", _KOREAN, "NSMC", None),
    ("bert-base-multilingual-cased", "both", "both", None),
    ("bert-base-multilingual-cased", _KOREAN, "NSMC", None),
    ("roberta-base", _ENGLISH, _ENGLISH, None),
    ("kcbert-base", _KOREAN, _KOREAN, None),
)
"""Tokenizer, whose training texts are kept, whose held-out texts are judged, how many are kept."""
_CHECKPOINTS = {"goemotions-minilm": _ENGLISH, "3i4k-ko-bert": _KOREAN}


def measure_vocabulary(real: Path, output: Path) -> None:
    """Measure everything and write it.

    Args:
        real: the folder with real data and checkpoints.
        output: .json.
    """
    train, held_out = _texts(real)
    tokenizers = []
    for name, kept, judged, count in _CASES:
        path = real / "data/tokenizers" / name / "derived_tokenizer.json"
        source = _tokenizer_alone(path.read_text(encoding="utf-8"), name)
        corpus = NamedTexts(kept, tuple(train[kept][:: len(train[kept]) // count if count else 1]))
        tokenizers.append(_tokenizer_row(source, corpus, held_out[judged], judged))
    found = {
        "date": date.today().isoformat(),
        "tokenizers": tokenizers,
        "checkpoints": [
            _checkpoint_row(real, name, NamedTexts(data, tuple(train[data])))
            for name, data in _CHECKPOINTS.items()
        ],
    }
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _texts(real: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    parts = []
    for split in ("train", "held out"):
        english, _ = _labelled(real, _ENGLISH, split)
        korean, _ = _labelled(real, _KOREAN, split)
        parts.append({_ENGLISH: english, _KOREAN: korean, "both": english + korean})
    with (real / "data/nsmc/train_10k.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        parts[1]["NSMC"] = [row[1] for row in rows]
    return parts[0], parts[1]


def _labelled(real: Path, data: str, split: str) -> Labelled:
    """Texts, and their labels as bool (texts, labels)."""
    if data == _ENGLISH:
        file = real / f"data/goemotions/{'train_20k' if split == 'train' else 'dev'}.tsv"
        lines = file.read_text(encoding="utf-8").split("\n")
        pairs = [(row[0], row[1]) for line in lines if (row := line.split("\t")) != [""]]
    else:
        file = real / f"data/3i4k/{'train' if split == 'train' else 'dev'}.txt"
        lines = file.read_bytes().decode("utf-8").split("\r\n")
        pairs = [
            (text, place) for line in lines if line for place, _, text in [line.partition("\t")]
        ]
    truth = np.zeros((len(pairs), _LABELS[data]), dtype=np.bool_)
    for index, (_, places) in enumerate(pairs):
        truth[index, [int(place) for place in places.split(",")]] = True
    return [text for text, _ in pairs], truth


def _tokenizer_alone(tokenizer_json: str, name: str) -> Reference:
    """A Reference whose table has one column, the row's own number."""
    rows = Tokenizer.from_str(tokenizer_json).get_vocab_size()
    table = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "own numbers",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(table, "table")],
    )
    return Reference(
        name=name,
        licence=None,
        labels=("no", "yes"),
        rule="multiclass",
        link="softmax",
        encoder=EncoderBlock(tokenizer_json, 512),
        logits=lambda texts: np.zeros((len(texts), 2), np.float32),
        graph=helper.make_model(graph),
        versions=(),
        notices=(),
    )


def _tokenizer_row(
    source: Reference, corpus: NamedTexts, held_out: Sequence[str], judged: str
) -> Row:
    kept, report = keep_vocabulary(source, corpus)
    rows = numpy_helper.to_array(kept.graph.graph.initializer[0])[:, 0].astype(np.int64)
    before, after = (Tokenizer.from_str(one.encoder.tokenizer_json) for one in (source, kept))
    lost = _fallback_ids(before, report)
    stays = np.zeros(report.rows_before, dtype=np.bool_)
    stays[rows] = True
    tokens = dropped = new_tokens = became = 0
    for text in held_out:
        old, new = np.array(before.encode(text).ids), rows[after.encode(text).ids]
        tokens += len(old)
        dropped += int((~stays[old]).sum())
        new_tokens += len(new)
        became += int(np.isin(new, lost).sum()) - int(np.isin(old, lost).sum())
    unchanged = unchanged_texts(source.encoder, kept.encoder, held_out)
    return {
        "tokenizer": source.name,
        "kept": corpus.name,
        "texts kept": len(corpus.texts),
        "judged": judged,
        "texts judged": len(held_out),
        "rows": [report.rows_before, report.rows_after],
        "json bytes": [len(one.encoder.tokenizer_json.encode()) for one in (source, kept)],
        "load ms": [_load_ms(one.encoder.tokenizer_json) for one in (source, kept)],
        "fallback": report.fallback,
        "texts unchanged": float(unchanged.mean()),
        "tokens dropped": dropped / tokens,
        "tokens lost": became / new_tokens,
        "more tokens": new_tokens / tokens - 1,
    }


def _fallback_ids(tokenizer: Tokenizer, report: VocabularyReport) -> list[int]:
    """Ids of the unknown piece, or of single bytes."""
    vocabulary = tokenizer.get_vocab()
    if report.fallback != "bytes":
        return [vocabulary[report.fallback]]
    pieces = (*pre_tokenizers.ByteLevel.alphabet(), *(f"<0x{byte:02X}>" for byte in range(256)))
    return [vocabulary[piece] for piece in pieces if piece in vocabulary]


def _load_ms(tokenizer_json: str) -> float:
    times = []
    for _ in range(_LOADS):
        start = time.perf_counter()
        Tokenizer.from_str(tokenizer_json)
        times.append(1_000 * (time.perf_counter() - start))
    return statistics.median(times)


def _checkpoint_row(real: Path, name: str, corpus: NamedTexts) -> Row:
    source = read_checkpoint(str(real / "models" / name), None, None)
    kept, report = keep_vocabulary(source, corpus)
    texts, truth = _labelled(real, corpus.name, "held out")
    unchanged = unchanged_texts(source.encoder, kept.encoder, texts)
    before = _logits(source, texts)
    after = before.copy()
    changed = np.flatnonzero(~unchanged)
    after[changed] = _logits(kept, [texts[row] for row in changed])
    chosen = [_decided(source, logits) for logits in (before, after)]
    one_label = source.rule == "multiclass"
    return {
        "checkpoint": name,
        "kept": corpus.name,
        "texts kept": len(corpus.texts),
        "texts judged": len(texts),
        "rows": [report.rows_before, report.rows_after],
        "graph bytes": [source.graph.ByteSize(), kept.graph.ByteSize()],
        "bytes saved": report.bytes_saved,
        "texts unchanged": float(unchanged.mean()),
        "pairs alike": float((chosen[0] == chosen[1]).mean()),
        "texts alike": float((chosen[0] == chosen[1]).all(axis=1).mean()),
        "metric": "accuracy" if one_label else "macro-F1 at 0.5",
        "quality": [_quality(one, truth, one_label=one_label) for one in chosen],
    }


def _logits(reference: Reference, texts: Sequence[str]) -> FloatArray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        reference.graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    encode = TokenEncoder(reference.encoder).encode
    rows = [session.run(["logits"], encode(text).feeds)[0] for text in texts]
    return np.concatenate(rows)


def _decided(reference: Reference, logits: FloatArray) -> npt.NDArray[np.bool_]:
    chosen: npt.NDArray[np.bool_] = logits >= 0.0
    if reference.rule == "multiclass":
        chosen = np.arange(logits.shape[1]) == logits.argmax(axis=1, keepdims=True)
    return chosen


def _quality(
    decided: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], *, one_label: bool
) -> float:
    if one_label:
        return float(accuracy_score(truth.argmax(axis=1), decided.argmax(axis=1)))
    return float(f1_score(truth, decided, average="macro", zero_division=0))
