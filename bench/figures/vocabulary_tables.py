"""The tables of docs/vocabulary.md, from what was measured."""

import json
from pathlib import Path
from typing import Any

_WIDTH = 384
_TITLES = {
    "xlm-roberta-base": "XLM-R (Unigram)",
    "bert-base-multilingual-cased": "multilingual BERT (WordPiece)",
    "roberta-base": "RoBERTa (byte-level BPE)",
    "kcbert-base": "KcBERT (WordPiece)",
}


def vocabulary_markdown(path: Path) -> str:
    """Return the tables of docs/vocabulary.md from what was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    parts = [
        f"Measured on {measured['date']} (`make figures`). Megabytes are millions of bytes, of a "
        f"table {_WIDTH} wide (float32, and int8 without its scales). The tokenizer's JSON is "
        "packed in the file; its size here is unpacked.",
        _markdown(
            ["tokenizer", "texts kept", "rows", "float32, MB", "int8, MB", "JSON, MB", "load, ms"],
            [
                list(row)
                for row in {
                    tuple(row[:3]): row for row in map(_size_row, measured["tokenizers"])
                }.values()
            ],
        ),
        "Held-out texts, split by the source's tokenizer and by the trimmed one. *Dropped*: share "
        "of the source's tokens whose row is gone. *Lost*: share of the trimmed tokenizer's tokens "
        "that are the unknown piece (single bytes for RoBERTa) beyond the source's own; the rest "
        "of what was dropped is made of shorter pieces.",
        _markdown(
            ["tokenizer", "texts kept", "judged on", "unchanged", "dropped", "lost", "more tokens"],
            [_effect_row(row) for row in measured["tokenizers"]],
        ),
        "Trained classifiers in fp32, their training texts kept, judged on all held-out texts:",
        _markdown(
            [
                *("checkpoint", "rows", "graph, MB", "texts unchanged"),
                *("decisions alike", "texts alike", "quality"),
            ],
            [_checkpoint_row(row) for row in measured["checkpoints"]],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _size_row(row: dict[str, Any]) -> tuple[str, ...]:
    first, last = row["rows"]
    return (
        _TITLES[row["tokenizer"]],
        _kept(row),
        f"{first:,} to {last:,}",
        *(
            f"{first * _WIDTH * size / 1e6:,.1f} to {last * _WIDTH * size / 1e6:,.1f}"
            for size in (4, 1)
        ),
        "{:.1f} to {:.1f}".format(*(size / 1e6 for size in row["json bytes"])),
        "{:,.0f} to {:,.0f}".format(*row["load ms"]),
    )


def _effect_row(row: dict[str, Any]) -> list[str]:
    return [
        _TITLES[row["tokenizer"]],
        _kept(row),
        f"{row['judged']}, {row['texts judged']:,}",
        f"{row['texts unchanged']:.1%}",
        f"{row['tokens dropped']:.2%}",
        f"{row['tokens lost']:.2%}",
        f"{row['more tokens']:.2%}",
    ]


def _checkpoint_row(row: dict[str, Any]) -> list[str]:
    return [
        row["checkpoint"],
        "{:,} to {:,}".format(*row["rows"]),
        "{:.1f} to {:.1f}".format(*(size / 1e6 for size in row["graph bytes"])),
        f"{row['texts unchanged']:.1%}",
        f"{row['pairs alike']:.2%}",
        f"{row['texts alike']:.2%}",
        "{}: {:.4f} to {:.4f}".format(row["metric"], *row["quality"]),
    ]


def _kept(row: dict[str, Any]) -> str:
    return f"{row['kept']}, {row['texts kept']:,}"


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
