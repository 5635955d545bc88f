"""The classifiers of docs/benchmarks.md that are no transformers: words and characters counted, and
static embeddings, fitted here on real data that is not part of the project.
"""

import csv
import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from limen.arrays import FloatArray
from limen_export import ExportSettings, export
from limen_export.settings import LabelledTexts
from safetensors.numpy import load_file, save_file
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from skops import io
from subjects import Subject, write_rows
from tokenizers import Tokenizer

_SEED = 2026
_HIDDEN, _EPOCHS = 256, 12
_TABLE = "bert.embeddings.word_embeddings.weight"
_UNKNOWN = "[UNK]"

Labelled = tuple[list[str], list[tuple[str, ...]]]
Truth = npt.NDArray[np.int64]


def words(real: Path, folder: Path) -> Subject:
    """Words and pairs of words, 28 emotions, English; fitted on GoEmotions' training texts,
    thresholds on every second of the held-out ones, measured on the others.
    """
    names = _emotions(real)
    texts, labels = _goemotions(real, "train_20k")
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        OneVsRestClassifier(LogisticRegression(C=4.0, solver="liblinear", random_state=_SEED)),
    )
    pipeline.fit(texts, _truth(labels, names))
    source = folder / "tfidf-goemotions.skops"
    io.dump(pipeline, source)
    return _of_goemotions(source, real, folder, names)


def characters(real: Path, folder: Path) -> Subject:
    """Characters inside words, 1 to 4 of them, film reviews good or bad, Korean; every fifth review
    is held out.
    """
    with (real / "data/nsmc/train_10k.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    said = {"0": "bad", "1": "good"}
    pairs = [(row[1], said[row[2]]) for row in rows]
    kept = [pair for place, pair in enumerate(pairs) if place % 5]
    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), min_df=2, sublinear_tf=True),
        LogisticRegression(C=4.0, solver="liblinear", random_state=_SEED),
    )
    pipeline.fit(*zip(*kept, strict=True))
    source = folder / "tfidf-nsmc.skops"
    io.dump(pipeline, source)
    file = folder / "tfidf-nsmc.onnx"
    export(str(source), file, ExportSettings())
    held_out = [{"text": text, "labels": [label]} for text, label in pairs[::5]]
    texts = write_rows(folder / "nsmc-held-out.jsonl", held_out)
    return Subject("tfidf-nsmc", source, file, texts, labelled=True, checked=1_000)


def static(real: Path, folder: Path) -> Subject:
    """The token rows of the MiniLM checkpoint, their mean, and a head of two layers fitted on
    GoEmotions' training texts, in a folder as Model2Vec saves it; judged as `words`.
    """
    names = _emotions(real)
    checkpoint, source = real / "models/goemotions-minilm", folder / "static-goemotions"
    source.mkdir(exist_ok=True)
    table = load_file(checkpoint / "model.safetensors")[_TABLE].astype(np.float32)
    save_file({"embeddings": table}, source / "model.safetensors")
    shutil.copyfile(checkpoint / "tokenizer.json", source / "tokenizer.json")
    texts, labels = _goemotions(real, "train_20k")
    head = MLPClassifier((_HIDDEN,), max_iter=_EPOCHS, batch_size=256, random_state=_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are those that we want
        head.fit(_means(table, source / "tokenizer.json", texts), _truth(labels, names))
    layers = {}
    for place, (weight, bias) in enumerate(zip(head.coefs_, head.intercepts_, strict=True)):
        layers[f"head.{place}.weight"] = np.ascontiguousarray(weight.T, dtype=np.float32)
        layers[f"head.{place}.bias"] = bias.astype(np.float32)
    save_file(layers, source / "head.safetensors")
    stated = {"n_layers": len(head.coefs_), "activation": "sigmoid", "classes": names}
    config = {"normalize": True, "max_length": 512, "head_config": stated}
    (source / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return _of_goemotions(source, real, folder, names)


FEATURE_SUBJECTS: dict[str, Callable[[Path, Path], Subject]] = {
    "tfidf-goemotions": words,
    "tfidf-nsmc": characters,
    "static-goemotions": static,
}


def _of_goemotions(source: Path, real: Path, folder: Path, names: Sequence[str]) -> Subject:
    """Export in fp32, so that a rival must give the same logits."""
    texts, labels = _goemotions(real, "dev")
    fit = LabelledTexts("GoEmotions dev, every second row", tuple(texts[::2]), tuple(labels[::2]))
    file = folder / f"{source.stem}.onnx"
    settings = ExportSettings(precision="fp32", labelled=fit, labels=tuple(names))
    export(str(source), file, settings)
    rows = [
        {"text": text, "labels": list(row)}
        for text, row in zip(texts[1::2], labels[1::2], strict=True)
    ]
    judged = write_rows(folder / "goemotions-dev.jsonl", rows)
    return Subject(source.stem, source, file, judged, labelled=True, checked=1_000)


def _emotions(real: Path) -> list[str]:
    return (real / "data/goemotions/labels.txt").read_text(encoding="utf-8").split()


def _goemotions(real: Path, part: str) -> Labelled:
    lines = (real / f"data/goemotions/{part}.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t")[:2] for line in lines if line]
    names = _emotions(real)
    return (
        [text for text, _ in rows],
        [tuple(names[int(place)] for place in places.split(",")) for _, places in rows],
    )


def _truth(labels: Sequence[Sequence[str]], names: Sequence[str]) -> Truth:
    """0 and 1, (texts, labels)."""
    return np.array([[int(name in given) for name in names] for given in labels], dtype=np.int64)


def _means(table: FloatArray, tokenizer_json: Path, texts: Sequence[str]) -> FloatArray:
    """The mean of each text's rows, of length 1, without unknown tokens: float32 (texts, width)."""
    tokenizer = Tokenizer.from_file(str(tokenizer_json))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    unknown = tokenizer.token_to_id(_UNKNOWN)
    found = np.zeros((len(texts), table.shape[1]), dtype=np.float32)
    for row, encoding in zip(
        found, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True
    ):
        known = [token for token in encoding.ids if token != unknown]
        if known:
            row += table[known].mean(axis=0)
            row /= np.linalg.norm(row)
    return found
