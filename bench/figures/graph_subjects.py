"""The checkpoints that graphs are measured on, their texts with labels, and their int8 files."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from limen.evaluation.gating import GateSettings
from limen_export import ExportSettings, export
from limen_export.settings import NamedTexts
from subjects import _make_base

_ANY = GateSettings(max_drop=1.0, min_agreement=0.0)
"""Size and speed are asked here; whether a file would be written is another measurement."""


@dataclass(frozen=True, eq=False)
class GraphSubject:
    """A checkpoint to measure.

    Attributes:
        name: what figures call it.
        title: what it is.
        checkpoint: its folder.
        texts: real texts.
        truth: bool (texts, labels); None where the weights are random.
        every_step: whether every step and every other way is timed, or only the traced graph and
            the int8 rungs.
    """

    name: str
    title: str
    checkpoint: Path
    texts: tuple[str, ...]
    truth: npt.NDArray[np.bool_] | None
    every_step: bool = False

    @property
    def weights_bytes(self) -> int:
        """Size of the fp32 checkpoint's weights."""
        return sum(file.stat().st_size for file in self.checkpoint.glob("*.safetensors"))


def goemotions_minilm(real: Path, folder: Path) -> GraphSubject:
    """MiniLM of 6 layers, 384 wide, 28 emotions; all of GoEmotions dev."""
    lines = (real / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t")[:2] for line in lines if line]
    names = (real / "data/goemotions/labels.txt").read_text(encoding="utf-8").split()
    truth = _cells([[*map(int, places.split(","))] for _, places in rows], len(names))
    title = "MiniLM, 6 layers, 384 wide"
    checkpoint = real / "models/goemotions-minilm"
    texts = tuple(text for text, _ in rows)
    return GraphSubject("goemotions-minilm", title, checkpoint, texts, truth, every_step=True)


def intents_ko_bert(real: Path, folder: Path) -> GraphSubject:
    """BERT of 4 layers, 7 intents; all of 3i4k dev."""
    lines = (real / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    rows = [line.partition("\t")[::2] for line in lines if line]
    truth = _cells([[int(place)] for place, _ in rows], 1 + max(int(place) for place, _ in rows))
    checkpoint = real / "models/3i4k-ko-bert"
    texts = tuple(text for _, text in rows)
    return GraphSubject("3i4k-ko-bert", "BERT, 4 layers, 256 wide", checkpoint, texts, truth)


def random_base(real: Path, folder: Path) -> GraphSubject:
    """RoBERTa of base size with random weights; KOTE's comments."""
    with (real / "data/kote/val.tsv").open(encoding="utf-8", newline="") as lines:
        texts = tuple(row[1] for row in csv.reader(lines, delimiter="\t"))
    checkpoint = folder / "roberta-base-random"
    tokenizer = real / "data/tokenizers/kcbert-base/derived_tokenizer.json"
    _make_base(tokenizer, checkpoint, [*texts[:64]])
    title = "RoBERTa, 12 layers, 768 wide"
    return GraphSubject("roberta-base-random", title, checkpoint, texts, None)


GRAPH_SUBJECTS = (goemotions_minilm, intents_ko_bert, random_base)


def int8_file(subject: GraphSubject, folder: Path) -> Path:
    """Export the checkpoint in int8 as `limen export --precision int8` does, whatever the gate
    says of it.
    """
    file = folder / f"{subject.name}-int8.onnx"
    compared = NamedTexts(subject.name, subject.texts[:500])
    settings = ExportSettings(precision="int8", gate=_ANY, texts=compared)
    export(str(subject.checkpoint), file, settings)
    return file


def _cells(places: list[list[int]], labels: int) -> npt.NDArray[np.bool_]:
    truth = np.zeros((len(places), labels), dtype=np.bool_)
    for row, found in enumerate(places):
        truth[row, found] = True
    return truth
