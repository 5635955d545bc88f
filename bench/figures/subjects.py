"""The three classifiers of docs/benchmarks.md: their checkpoints, classifier files and texts, made
from real data that is not part of the project.
"""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from limen.evaluation.gate_settings import GateSettings
from limen_export import ExportSettings, export
from limen_export.settings import LabelledTexts, NamedTexts, PrecisionChoice
from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForSequenceClassification

_SEED = 2026
_SPREAD, _MEAN = 2.5, -2.3
"""Standard deviation and mean that the made-up head's logits are given: like a trained one it says
yes to about 18 % of labels, as these texts' own labels do."""

_ANY = GateSettings(max_drop=1.0, min_agreement=0.0)
"""For random weights: only of trained ones can int8 be expected to decide alike."""


@dataclass(frozen=True)
class Subject:
    """One classifier to be measured.

    Attributes:
        name: what results call it.
        source: what it was made from.
        file: the classifier file.
        texts: .jsonl with the fields `text` and, where `labelled`, `labels`.
        labelled: whether the labels mean anything.
        checked: texts that engines are compared and judged on.
    """

    name: str
    source: Path
    file: Path
    texts: Path
    labelled: bool
    checked: int


def goemotions(real: Path, folder: Path) -> Subject:
    """MiniLM, 28 emotions, English; thresholds fitted on every second row of the held-out texts,
    measured on the others.
    """
    lines = (real / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t")[:2] for line in lines if line]
    names = (real / "data/goemotions/labels.txt").read_text(encoding="utf-8").split()
    labels = [tuple(names[int(place)] for place in places.split(",")) for _, places in rows]
    fit = LabelledTexts(
        "GoEmotions dev, every second row", tuple(text for text, _ in rows[::2]), tuple(labels[::2])
    )
    checkpoint = real / "models/goemotions-minilm"
    file = folder / "goemotions-minilm.onnx"
    export(str(checkpoint), file, ExportSettings(precision="auto", labelled=fit))
    texts = write_rows(
        folder / "goemotions-dev.jsonl",
        [
            {"text": text, "labels": list(row)}
            for (text, _), row in zip(rows[1::2], labels[1::2], strict=True)
        ],
    )
    return Subject("goemotions-minilm", checkpoint, file, texts, labelled=True, checked=1_000)


def intents(real: Path, folder: Path) -> Subject:
    """BERT of 4 layers, 7 intents, Korean."""
    lines = (real / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    rows = [line.partition("\t")[::2] for line in lines if line]
    checkpoint = real / "models/3i4k-ko-bert"
    file = folder / "3i4k-ko-bert.onnx"
    compared = NamedTexts("3i4k dev, every fifth row", tuple(text for _, text in rows[::5]))
    export(str(checkpoint), file, ExportSettings(precision="auto", texts=compared))
    texts = write_rows(
        folder / "3i4k-dev.jsonl", [{"text": text, "labels": int(place)} for place, text in rows]
    )
    return Subject("3i4k-ko-bert", checkpoint, file, texts, labelled=True, checked=1_000)


def base_size(real: Path, folder: Path) -> Subject:
    """RoBERTa of base size with random weights from a fixed seed, 44 labels, Korean comments."""
    checkpoint = folder / "roberta-base-random"
    with (real / "data/kote/val.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [row[1] for row in csv.reader(lines, delimiter="\t")]
    _make_base(real / "data/tokenizers/kcbert-base/derived_tokenizer.json", checkpoint, rows[:64])
    file = folder / "roberta-base-random.onnx"
    settings = ExportSettings(
        precision="int8", gate=_ANY, texts=NamedTexts("KOTE", tuple(rows[64:192]))
    )
    export(str(checkpoint), file, settings)
    texts = write_rows(folder / "kote-val.jsonl", [{"text": text} for text in rows])
    return Subject("roberta-base-random", checkpoint, file, texts, labelled=False, checked=200)


SUBJECTS: dict[str, Callable[[Path, Path], Subject]] = {
    "goemotions-minilm": goemotions,
    "3i4k-ko-bert": intents,
    "roberta-base-random": base_size,
}


def held_out_goemotions(real: Path, folder: Path) -> tuple[Path, Path]:
    """MiniLM without fitted thresholds, and all its held-out texts with labels, as .jsonl."""
    lines = (real / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    rows = [line.split("\t")[:2] for line in lines if line]
    texts = write_rows(
        folder / "goemotions-all.jsonl",
        [{"text": text, "labels": [*map(int, places.split(","))]} for text, places in rows],
    )
    return _exported(real / "models/goemotions-minilm", folder, [text for text, _ in rows]), texts


def plain_goemotions(real: Path, folder: Path, precision: PrecisionChoice) -> Path:
    """MiniLM in one precision, which need not pass the gate; nothing is fitted."""
    file = folder / f"goemotions-minilm-{precision}.onnx"
    lines = (real / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
    compared = NamedTexts(
        "held-out texts, every fifth", tuple(line.split("\t")[0] for line in lines[::5] if line)
    )
    settings = ExportSettings(precision=precision, gate=_ANY, texts=compared)
    export(str(real / "models/goemotions-minilm"), file, settings)
    return file


def held_out_intents(real: Path, folder: Path) -> tuple[Path, Path]:
    """BERT of 4 layers, and all its held-out texts with labels, as .jsonl."""
    lines = (real / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    rows = [line.partition("\t")[::2] for line in lines if line]
    texts = write_rows(
        folder / "3i4k-all.jsonl", [{"text": text, "labels": int(place)} for place, text in rows]
    )
    return _exported(real / "models/3i4k-ko-bert", folder, [text for _, text in rows]), texts


HELD_OUT: dict[str, Callable[[Path, Path], tuple[Path, Path]]] = {
    "goemotions-minilm": held_out_goemotions,
    "3i4k-ko-bert": held_out_intents,
}


def _exported(checkpoint: Path, folder: Path, texts: list[str]) -> Path:
    """Export in int8, which must pass the gate on a fifth of the texts; nothing is fitted."""
    file = folder / f"{checkpoint.name}-plain.onnx"
    compared = NamedTexts("held-out texts, every fifth", tuple(texts[::5]))
    export(str(checkpoint), file, ExportSettings(precision="int8", texts=compared))
    return file


def _make_base(tokenizer_json: Path, folder: Path, texts: list[str]) -> None:
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer_json),
        model_max_length=300,
        model_input_names=["input_ids", "attention_mask"],
        **special,
    )
    torch.manual_seed(_SEED)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=302,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        num_labels=44,
        problem_type="multi_label_classification",
    )
    model = RobertaForSequenceClassification(config).eval()
    with torch.inference_mode():
        logits = torch.cat([model(**tokenizer(text, return_tensors="pt")).logits for text in texts])
        scale = _SPREAD / logits.std(0)
        model.classifier.out_proj.weight.mul_(scale.unsqueeze(1))
        model.classifier.out_proj.bias.copy_(_MEAN - (logits * scale).mean(0))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write .jsonl, and return its path."""
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
