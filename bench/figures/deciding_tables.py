"""The tables of docs/deciding.md, from what was measured."""

import json
from pathlib import Path


def deciding_markdown(path: Path) -> str:
    """Return the tables of docs/deciding.md from what was measured."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    parts = [f"Measured on {measured['date']} (`make figures`), on texts that no fit has seen."]
    for one in measured["classifiers"]:
        parts += _tables(one)
    parts += _promises(measured["promises"])
    parts.append(_cost_lines(measured["cost"]))
    return "\n\n".join(parts) + "\n"


def _tables(one: dict[str, object]) -> list[str]:
    halves, random = one["halves"], one["random"]
    if not isinstance(halves, list) or not isinstance(random, dict):
        raise SystemExit("deciding.json is not what this version writes; measure again")
    names = list(halves[0]["points"])
    first = [
        f"### {one['name']}, {one['texts']:,} held-out texts",
        "Macro-F1 with its 95 % interval (bootstrap over texts). Two halves divided by a hash of "
        "the text, each judged by what was fitted on the other; then the mean over 12 random "
        "halves, with the standard deviation over them of the difference to `f1`:",
        _markdown(
            ["", "on the second half", "on the first half", "random halves"],
            [
                [
                    name,
                    *(_interval(half["points"][name]["macro_f1"]) for half in halves),
                    f"{random[name][0]:.4f}"
                    + (f" ({random[name][1]:.4f})" if name != "f1" else ""),
                ]
                for name in names
            ],
        ),
        _markdown(
            ["", "on the second half", "on the first half"],
            [
                *(
                    [name, *(_interval(half["differences"][name], signed=True) for half in halves)]
                    for name in halves[0]["differences"]
                ),
                [
                    "calibration error, before and after",
                    *(
                        f"{half['calibration error']['before']:.4f}, "
                        f"{half['calibration error']['after']:.4f} ({half['calibration']})"
                        for half in halves
                    ),
                ],
            ],
        ),
    ]
    return first


def _promises(rows: list[dict[str, object]]) -> list[str]:
    table = [
        [
            str(row["name"]),
            f"`{row['point']}`",
            f"{row['made']:,}",
            f"{row['mean']:.4f}",
            "-" if row["kept"] is None else f"{float(str(row['kept'])):.1%}",
        ]
        for row in rows
    ]
    return [
        "### Promises",
        "Each point is made 200 times. Coverage: on a random half, judged on the other; what "
        "counts is the mean. Precision: on a draw with replacement from all texts, judged on "
        "all of them, for each label that it was promised for (one for all where the rule gives "
        "one label); what counts is the share kept, at least the confidence in the name.",
        _markdown(["", "point", "promises made", "mean reached", "promises kept"], table),
    ]


def _interval(numbers: list[float], *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    value, low, high = (format(number, f"{sign}.4f") for number in numbers)
    return f"{value} ({low} to {high})"


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cost_lines(cost: dict[str, object]) -> str:
    seconds, rate = cost["seconds"], cost["minilm texts/s"]
    if not isinstance(seconds, list) or not isinstance(rate, float):
        raise SystemExit("deciding.json is not what this version writes; measure again")
    middle = seconds[len(seconds) // 2]
    whole = float(str(cost["texts"])) / rate
    return (
        f"Deciding about {cost['texts']:,} texts with {cost['labels']} labels, `Prediction` "
        f"objects included, takes {middle:.2f} s in one thread ({seconds[0]:.2f} to "
        f"{seconds[-1]:.2f} over {len(seconds)} runs); MiniLM's logits of as many texts take "
        f"{whole:.0f} s on the same "
        f"machine in the same run ({rate:,.0f} texts/s): {middle / whole:.1%}."
    )
