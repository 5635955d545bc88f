"""Real labelled texts as the files that `limen train` reads."""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from limen.evaluation.parts import text_key

Row = tuple[str, list[str]]
"""A text and the names of its labels."""


def goemotions(real: Path, work: Path) -> dict[str, Path]:
    """28 emotions, English: `train_20k`; `dev` in halves by a hash of the text."""
    folder = real / "data/goemotions"
    labels = (folder / "labels.txt").read_text(encoding="utf-8").split()

    def rows(name: str) -> Iterable[Row]:
        for line in (folder / name).read_text(encoding="utf-8").split("\n"):
            if line:
                text, places, _ = line.split("\t")
                yield text, [labels[int(place)] for place in places.split(",")]

    return _with_halves("goemotions", rows("train_20k.tsv"), rows("dev.tsv"), work)


def intents(real: Path, work: Path) -> dict[str, Path]:
    """7 intents, Korean: `train`; `dev` in halves. Texts with two labels are left out."""
    folder = real / "data/3i4k"
    labels = (folder / "labels.derived.txt").read_text(encoding="utf-8").split("\n")

    def rows(name: str) -> Iterable[Row]:
        for line in (folder / name).read_bytes().decode("utf-8").split("\r\n"):
            place, _, text = line.partition("\t")
            if line and "," not in place:
                yield text, [labels[int(place)]]

    return _with_halves("3i4k", rows("train.txt"), rows("dev.txt"), work)


def kote(real: Path, work: Path) -> dict[str, Path]:
    """44 emotions, Korean: `val` alone, to be split."""
    folder = real / "data/kote"
    labels = (folder / "labels.derived.txt").read_text(encoding="utf-8").split("\n")
    with (folder / "val.tsv").open(encoding="utf-8", newline="") as lines:
        found = [
            (text, [labels[int(place)] for place in places.split(",") if place])
            for _, text, places in csv.reader(lines, delimiter="\t")
        ]
    return {"data": _written(work / "kote.jsonl", found)}


def nsmc(real: Path, work: Path) -> dict[str, Path]:
    """Film reviews, Korean, for or against: 10,000, to be split."""
    with (real / "data/nsmc/train_10k.tsv").open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [(row["document"], ["for" if row["label"] == "1" else "against"]) for row in table]
    return {"data": _written(work / "nsmc.jsonl", found)}


def banking77(real: Path, work: Path) -> dict[str, Path]:
    """77 intents of a bank's customers, English: 10,003, to be split."""
    with (real / "data/banking77/train.csv").open(encoding="utf-8", newline="") as lines:
        found = [(row["text"], [row["category"]]) for row in csv.DictReader(lines)]
    return {"data": _written(work / "banking77.jsonl", found)}


SETS: dict[str, Callable[[Path, Path], dict[str, Path]]] = {
    "goemotions": goemotions,
    "3i4k": intents,
    "kote": kote,
    "nsmc": nsmc,
    "banking77": banking77,
}


def _with_halves(
    name: str, train: Iterable[Row], held_out: Iterable[Row], work: Path
) -> dict[str, Path]:
    halves: tuple[list[Row], list[Row]] = ([], [])
    for row in held_out:
        halves[text_key(row[0]) % 2].append(row)
    return {
        "data": _written(work / f"{name}-train.jsonl", train),
        "dev": _written(work / f"{name}-dev.jsonl", halves[0]),
        "test": _written(work / f"{name}-test.jsonl", halves[1]),
    }


def _written(path: Path, rows: Iterable[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for text, labels in rows:
            out.write(json.dumps({"text": text, "labels": labels}, ensure_ascii=False) + "\n")
    return path
