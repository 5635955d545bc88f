"""The emotion corpus that limen ships: sentences written for this project, CC0 (see README.md
beside this file).

Multi-label over Plutchik's eight basic emotions (Plutchik, "A general psychoevolutionary theory of
emotion", 1980).
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "ko"]
Split: TypeAlias = Literal["train", "dev", "test"]

EMOTIONS = ("joy", "anticipation", "trust", "surprise", "disgust", "fear", "anger", "sadness")


@dataclass(frozen=True)
class Sentence:
    """One labelled sentence.

    Attributes:
        text: as somebody would write it.
        labels: the emotions its writer expresses, in the order of EMOTIONS; empty for none.
        kind: what sort of text it is, such as `chat`, `review`, `diary`.
        split: `train`, `dev` or `test`.
    """

    text: str
    labels: tuple[str, ...]
    kind: str
    split: Split


def sentences(language: Language, split: Split | None = None) -> list[Sentence]:
    """Return the sentences of a language, in the order of the file; those of one split, or all."""
    source = files(__name__).joinpath(f"emotions.{language}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in source.splitlines()]
    found = [Sentence(row["text"], tuple(row["labels"]), row["kind"], row["split"]) for row in rows]
    return [sentence for sentence in found if split in (None, sentence.split)]
