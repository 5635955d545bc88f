"""Real data that linear heads are trained on, as features: embeddings of a frozen backbone, or
TF-IDF of character n-grams.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from limen.arrays import FloatArray
from limen.evaluation.parts import folds
from limen_export.demo.backbone import embedded_backbone
from limen_export.training.examples import Examples, Places, Task
from sklearn.feature_extraction.text import TfidfVectorizer
from transformers import AutoModel, AutoTokenizer

_BATCH, _TOKENS = 64, 128
_FEATURES = 50_000


@dataclass(frozen=True, eq=False)
class Subject:
    """Texts as features.

    Attributes:
        name: what the tables call it.
        told: how the features were made, and of which texts.
        train, held_out: the texts.
        features, held_out_features: float32, (texts, features): an array or scipy's CSR.
        rate: of learning: of three to five tried the one with which the plain head has the least
            log loss on the held-out texts.
    """

    name: str
    told: str
    train: Examples
    held_out: Examples
    features: Any
    held_out_features: Any
    rate: float


def goemotions(real: Path, work: Path) -> Subject:
    """28 emotions, multi-label; train_20k and dev."""
    folder = real / "data/goemotions"
    labels = tuple((folder / "labels.txt").read_text(encoding="utf-8").split())
    parts = []
    for name in ("train_20k", "dev"):
        lines = (folder / f"{name}.tsv").read_text(encoding="utf-8").split("\n")
        rows = [line.split("\t")[:2] for line in lines if line]
        parts.append(_examples("GoEmotions", rows, labels, "multilabel"))
    told = "embeddings of all-MiniLM-L6-v2, frozen; `train_20k` to learn from, `dev` held out"
    return _embedded("goemotions", told, parts[0], parts[1], work, rate=1e-2)


def banking77(real: Path, work: Path) -> Subject:
    """77 intents, multi-class; a third of train.csv by a hash of the text is held out."""
    with (real / "data/banking77/train.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    labels = tuple(sorted({name for _, name in rows}))
    numbered = [(text, str(labels.index(name))) for text, name in rows]
    whole = _examples("Banking77", numbered, labels, "multiclass")
    out = folds(whole.keys, 3, "held out") == 0
    told = (
        "embeddings of all-MiniLM-L6-v2, frozen; two thirds of `train.csv` to learn from, one "
        "third held out, by a hash of the text"
    )
    train, held_out = whole.at(np.flatnonzero(~out)), whole.at(np.flatnonzero(out))
    return _embedded("banking77", told, train, held_out, work, rate=3e-3)


def intents(real: Path, work: Path) -> Subject:
    """7 intents, multi-class, Korean; a quarter of train by a hash of the text, and dev."""
    folder = real / "data/3i4k"
    labels = tuple((folder / "labels.derived.txt").read_text(encoding="utf-8").split("\n")[:7])
    parts = []
    for name in ("train", "dev"):
        lines = (folder / f"{name}.txt").read_bytes().decode("utf-8").split("\r\n")
        rows = [line.partition("\t")[::2] for line in lines if line]
        single = [(text, place) for place, text in rows if "," not in place]
        parts.append(_examples("3i4k", single, labels, "multiclass"))
    train, held_out = parts
    train = train.at(np.flatnonzero(folds(train.keys, 4, "a quarter") == 0))
    vectoriser = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), max_features=_FEATURES, dtype=np.float32
    )
    features = vectoriser.fit_transform(train.texts)
    told = (
        "TF-IDF of character 1- to 4-grams; a quarter of `train`, by a hash of the text, to learn "
        "from (SMOTE measures all distances within a class), `dev` held out"
    )
    out = vectoriser.transform(held_out.texts)
    return Subject("3i4k", told, train, held_out, features, out, rate=1e-2)


SUBJECTS = {"goemotions": goemotions, "banking77": banking77, "3i4k": intents}


def _examples(
    name: str, rows: Iterable[Iterable[str]], labels: tuple[str, ...], task: Task
) -> Examples:
    pairs = [tuple(row) for row in rows]
    truth = np.zeros((len(pairs), len(labels)), dtype=np.bool_)
    for row, (_, places) in enumerate(pairs):
        truth[row, [int(place) for place in places.split(",") if place]] = True
    return Examples(name, tuple(text for text, _ in pairs), truth, labels, task)


def _embedded(
    name: str, told: str, train: Examples, held_out: Examples, work: Path, *, rate: float
) -> Subject:
    both = [
        _embeddings(part, work / f"{name}-{kind}.npy")
        for kind, part in (("train", train), ("held-out", held_out))
    ]
    return Subject(name, told, train, held_out, both[0], both[1], rate)


def _embeddings(examples: Examples, kept: Path) -> FloatArray:
    """Mean of the tokens' vectors, divided by its length, as the backbone's own modules say, times
    the root of the width, so that a feature is about 1.
    """
    if kept.is_file():
        found: FloatArray = np.load(kept)
        return found
    folder = str(embedded_backbone())
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    order = np.array(sorted(range(len(examples)), key=lambda place: len(examples.texts[place])))
    rows = np.empty((len(examples), model.config.hidden_size), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), _BATCH):
            places: Places = order[start : start + _BATCH]
            feeds = tokenizer(
                [examples.texts[place] for place in places],
                truncation=True,
                max_length=_TOKENS,
                padding=True,
                return_tensors="pt",
            )
            mask = feeds["attention_mask"][:, :, None].float()
            means = (model(**feeds).last_hidden_state * mask).sum(dim=1) / mask.sum(dim=1)
            rows[places] = torch.nn.functional.normalize(means).numpy()
    rows *= np.sqrt(rows.shape[1])
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, rows)
    return rows
