"""Real data sets, whole, with their labels; where pytest shows one, it shows no text of it."""

import csv
import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RealSet:
    """Texts, and for each the names of its labels; `several` where a text may have any number."""

    texts: tuple[str, ...] = field(repr=False)
    labels: tuple[tuple[str, ...], ...] = field(repr=False)
    several: bool

    def spread(self, count):
        """Texts from all over the set: some are sorted by label."""
        return self.texts[:: max(1, len(self.texts) // count)][:count]


def _goemotions(data):
    lines = (data / "goemotions/dev.tsv").read_text("utf-8").split("\n")
    rows = (line.split("\t") for line in lines if line)
    return [(row[0], row[1].split(",")) for row in rows]


def _kote(data):
    with (data / "kote/val.tsv").open(encoding="utf-8", newline="") as file:
        return [(row[1], row[2].split(",")) for row in csv.reader(file, delimiter="\t")]


def _intents(*files):
    def rows(data):
        for file in files:
            content = (data / "3i4k" / file).read_bytes().decode("utf-8")
            for line in filter(None, content.split("\r\n")):
                label, _, text = line.partition("\t")
                yield text, [label]

    return rows


def _reviews(data):
    lines = (data / "nsmc/train_10k.tsv").read_text("utf-8").split("\n")[1:]
    rows = (line.split("\t") for line in lines if line)
    return [(row[1], [row[2]]) for row in rows]


def _banking(data):
    with (data / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        return [(text, [label]) for text, label in [*csv.reader(file)][1:]]


def _queries(data):
    for file in sorted((data / "nlupp").glob("*/fold*.json")):
        for row in json.loads(file.read_text("utf-8")):
            yield row["text"], row.get("intents", [])


READ = {
    "GoEmotions": (_goemotions, True),
    "KOTE": (_kote, True),
    "3i4K": (_intents("dev.txt"), False),
    "3i4K, all": (_intents("train.txt", "dev.txt"), False),
    "NSMC": (_reviews, False),
    "BANKING77": (_banking, False),
    "NLU++": (_queries, True),
}
KOREAN = ("KOTE", "3i4K", "3i4K, all", "NSMC")


def read(shared, name):
    """Read a set of the folder that the fixture `shared` gives."""
    rows, several = READ[name]
    texts, labels = zip(*rows(shared / "data"), strict=True)
    return RealSet(texts, tuple(map(tuple, labels)), several)


class Unshown(tuple):
    """Texts that pytest must not show."""

    def __repr__(self):
        return f"{len(self)} texts"
