"""The tables of docs/runtime.md, from what was measured."""

import json
from pathlib import Path
from statistics import median
from typing import Any


def host_markdown(path: Path) -> str:
    """Return the tables of docs/runtime.md from what was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    rounds = measured["rounds"]
    parts = [
        f"Measured on {measured['date']} (`make figures`), {rounds} rounds in turns, a process for "
        "each figure; medians with the range of the rounds.",
        "One bulk call of 4,000 texts on one thread, and where its time goes; microseconds that "
        "one call takes beside encoder and session: with caches that the session has just swept, "
        "and with a session that touches nothing.",
        _markdown(
            ["file", "texts/s", "encoding", "session", "all else", "one call", "caches warm"],
            [_times(name, found) for name, found in measured["files"].items()],
        ),
        "Scores of mixed texts (real ones, empty ones, and joined ones up to 4,000 characters), "
        "asked for in several ways, compared to the bit with one text at a time.",
        _markdown(
            ["file", "texts", "ways", "texts with other bits, all ways"],
            [_bits(name, found["bits"][0]) for name, found in measured["files"].items()],
        ),
    ]
    return "\n\n".join(parts)


def _times(name: str, found: dict[str, Any]) -> list[str]:
    outside, call = found["outside"], found["call"]
    return [
        name,
        _spread([one["texts/s"] for one in outside], "{:,.0f}"),
        *(
            _spread([one[part] for one in outside], "{:.1%}")
            for part in ("encoding", "session", "rest")
        ),
        *(
            _spread([one[f"{kind}, us"] for one in call], "{:.0f}")
            for kind in ("after the session", "caches warm")
        ),
    ]


def _bits(name: str, found: dict[str, float]) -> list[str]:
    other = sum(value for key, value in found.items() if key.startswith("other bits"))
    return [name, f"{found['texts']:,.0f}", f"{found['ways']:.0f}", f"{other:.0f}"]


def _spread(values: list[float], form: str) -> str:
    low, middle, high = (form.format(value) for value in (min(values), median(values), max(values)))
    return f"{middle} ({low} – {high})"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
