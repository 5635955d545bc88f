"""The tables of docs/training-imbalance.md, from what was measured."""

import json
from pathlib import Path
from typing import Any

_POINTS = {"half": "at 0.5", "argmax": "the best label", "f1": "tuned"}
_METRICS = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "accuracy": "accuracy",
    "subset_accuracy": "subset accuracy",
    "brier": "Brier score",
}
_RULES = {"multiclass": "multi-class", "multilabel": "multi-label"}
_NOT_SHARES = {"one_vs_one": ("brier",)}
"""A mean over pairs, most of which do not hold the text's label, is no probability of the label."""
_SUBJECTS = {"goemotions": "GoEmotions", "banking77": "Banking77", "3i4k": "3i4k"}


def training_losses_markdown(path: Path) -> str:
    """Return the tables from what was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    parts = [
        f"Measured on {measured['date']} (`python bench/figures/training_losses.py`), one thread. "
        "Thresholds and calibration are fitted on one half of the held-out texts, by a hash of "
        "the text; all figures are of the other half. Brackets: 95 % intervals, bootstrap over "
        "texts; differences to `plain` are paired. **Bold**: the interval leaves 0 out.",
    ]
    for key, name in _SUBJECTS.items():
        if key in measured:
            parts += _subject(name, measured[key])
    if "samplers" in measured:
        parts += _samplers(measured["samplers"])
    return "\n\n".join(parts) + "\n"


def _subject(name: str, found: dict[str, Any]) -> list[str]:
    train, tune, judge = found["texts"]
    least, middle, most = found["support"]
    parts = [
        f"### {name}",
        f"{_sentence(found['told'])}. {found['labels']} labels; {train:,} texts to learn from, "
        f"{tune:,} to tune, {judge:,} to judge; {least:,} to {most:,} texts a label, "
        f"median {middle:,}. "
        f"{'. '.join(_sentence(line) for line in found['imbalance'])}.",
    ]
    for rule, rows in found["rules"].items():
        parts.append(f"{_sentence(_RULES.get(rule, rule.replace('_', '-')))}:")
        for point in rows[0]["points"]:
            parts.append(_table(rows, point, without=_NOT_SHARES.get(rule, ())))
        scales = [row["scales"] for row in rows]
        if scales[0] is not None:
            parts.append(_scales(rows))
    return parts


def _table(rows: list[dict[str, Any]], point: str, without: tuple[str, ...]) -> str:
    metrics = [name for name in rows[0]["points"][point] if name not in without]
    header = [_POINTS[point]]
    header += [_METRICS[name] for name in metrics if name != "brier"]
    header += [f"{_METRICS[name]}, less plain" for name in metrics]
    if point != "f1":
        header.append("training")
    lines = []
    for row in rows:
        line = [row["name"]]
        line += [_interval(row["points"][point][name]) for name in metrics if name != "brier"]
        plain = row["name"] == "plain"
        line += ["" if plain else _difference(row["differences"][point][name]) for name in metrics]
        if point != "f1":
            line.append(f"{row['seconds']:.1f} s")
        lines.append(line)
    return _markdown(header, lines)


def _scales(rows: list[dict[str, Any]]) -> str:
    header = ["scales of the parts", "slopes before", "slopes after", "spreads before", "after"]
    lines = []
    for row in rows:
        scales = row["scales"]
        slopes, spreads = scales["slopes"], scales["spread_ratio"]
        lines.append(
            [
                f"{row['name']} ({scales['calibration']})",
                *(_ends(slopes[when]) for when in ("before", "after")),
                *(_times(spreads[when]) for when in ("before", "after")),
            ]
        )
    return _markdown(header, lines)


def _samplers(rows: list[dict[str, Any]]) -> list[str]:
    header = [
        "data",
        "sampler",
        "texts",
        "imbalance ratio, mean",
        "largest",
        "P(b given a) moved by, mean",
        "most",
        "of rare a, mean",
        "most copies",
    ]
    lines = [
        [
            row["data"],
            row["sampler"],
            f"{row['texts']:,.0f}",
            f"{row['mean ratio']:.2f}",
            f"{row['largest ratio']:.1f}",
            f"{row['mean moved']:.4f}",
            f"{row['most moved']:.3f}",
            f"{row['rare moved']:.4f}",
            f"{row['copies']:.0f}",
        ]
        for row in rows
    ]
    return [
        "### Labels that occur together",
        "Medians over ten seeds. Imbalance ratio: the count of the most frequent label over each "
        "label's. P(b given a): of the texts with label a, the share that also has b; how far it "
        "moves, over all pairs of labels and over those whose a has an imbalance ratio above the "
        "mean. ML-ROS and LP-ROS may add up to a quarter.",
        _markdown(header, lines),
    ]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _interval(numbers: list[float]) -> str:
    value, low, high = numbers
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _difference(numbers: list[float]) -> str:
    value, low, high = numbers
    told = f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
    return told if low <= 0.0 <= high else f"**{told}**"


def _ends(ends: list[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f} times"


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
