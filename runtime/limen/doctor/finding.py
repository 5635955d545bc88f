"""One thing the doctor looked at."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from limen.format.json_block import Json

Verdict: TypeAlias = Literal["ok", "note", "problem"]
"""`note`: worth knowing, limen works. `problem`: something does not work, or not as it should."""


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        name: what was looked at, a word.
        shown: what was found, for a person.
        verdict: `ok`, `note` or `problem`.
        advice: what to do next; empty where nothing is to be done.
        values: what was found, for programs.
    """

    name: str
    shown: str
    verdict: Verdict = "ok"
    advice: str = ""
    values: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return everything, values beside the words."""
        words: dict[str, Json] = {
            "advice": self.advice,
            "name": self.name,
            "shown": self.shown,
            "verdict": self.verdict,
        }
        return {**self.values, **words}
