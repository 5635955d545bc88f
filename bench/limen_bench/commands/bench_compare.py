"""`limen bench compare`: what became slower or larger between two results.

Exit status: 0 without a regression, 1 with one.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from limen.errors import InputError

from limen_bench.comparison import Change, Comparison, compare
from limen_bench.results import read_results
from limen_bench.statistics import ENOUGH_ROUNDS, Ratio
from limen_bench.summary import summarise

EXIT_REGRESSION = 1
_NAMES = {
    "one": {"p50_ms": "one, p50 ms", "p99_ms": "one, p99 ms"},
    "bulk": {"texts_per_s": "bulk, texts/s"},
    "cold": {"total_ms": "cold start, ms"},
    "memory": {"peak_mb": "peak memory, MB"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("old", type=Path, metavar="OLD", help="earlier results of `limen bench`")
    parser.add_argument("new", type=Path, metavar="NEW", help="later ones")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="how much slower or larger NEW may be (default: 0.05). A figure is worse only where "
        "its whole interval, of 5 rounds or more, is beyond this. There is no correction for the "
        "number of figures: of 200 simulated comparisons of 65 figures without a change, 1 found "
        "a regression where figures spread by 5 %% between rounds, 4 where by 10 %%",
    )
    parser.add_argument(
        "--absolute",
        action="store_true",
        help="judge as measured, even where both results tell how fast the machine was",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison; 1 where something regressed."""
    if not (math.isfinite(arguments.tolerance) and arguments.tolerance >= 0):
        raise InputError(f"--tolerance {arguments.tolerance}: expected 0 or more, such as 0.05")
    old, new = (summarise(read_results([path])) for path in (arguments.old, arguments.new))
    outcome = compare(old, new, arguments.tolerance, arguments.absolute)
    print(_json(outcome) if arguments.json else _text(outcome, arguments.tolerance))
    return EXIT_REGRESSION if outcome.regressed else 0


def _json(outcome: Comparison) -> str:
    return json.dumps({**asdict(outcome), "regressed": outcome.regressed}, ensure_ascii=False)


def _text(outcome: Comparison, tolerance: float) -> str:
    blocks = []
    subjects = dict.fromkeys((change.model, change.texts) for change in outcome.changes)
    for model, texts in subjects:
        changes = [each for each in outcome.changes if (each.model, each.texts) == (model, texts)]
        blocks.append(f"{model} on {texts}\n{_table(changes)}")
    worse = [change for change in outcome.changes if change.verdict == "worse"]
    summary = [f"{_place(loss)}: lost, {loss.reason}" for loss in outcome.lost]
    summary += [
        f"{_place(change)}: {_name(change)} {_judging(change).median:.2f} times OLD"
        for change in worse
    ]
    head = (
        f"{len(summary)} regression{'s' if len(summary) != 1 else ''}:"
        if summary
        else f"no regression beyond {tolerance:.0%}"
    )
    return "\n\n".join(
        [
            *blocks,
            *(["\n".join(f"note: {note}" for note in outcome.notes)] if outcome.notes else []),
            _how(outcome),
            "\n".join([head, *(f"  {line}" for line in summary)]),
        ]
    )


def _how(outcome: Comparison) -> str:
    by = dict.fromkeys(change.judged_by for change in outcome.changes)
    text = (
        "Ratios: how many times more NEW costs than OLD, above 1 slower or larger, in brackets "
        f"{_spread(outcome)}. "
    )
    if "normalised" in by:
        return text + (
            "Latency and bulk speed are judged by the normalised ratio (*), which takes out the "
            "speed of the machine; cold start and memory as measured."
        )
    return text + "Everything is judged as measured (*)."


def _spread(outcome: Comparison) -> str:
    """Say what stands in brackets; few rounds give no interval."""
    enough = [change.raw.rounds >= ENOUGH_ROUNDS for change in outcome.changes]
    few = f"the range that the rounds leave (fewer than {ENOUGH_ROUNDS} give no interval)"
    if enough and not any(enough):
        return few
    interval = "the 95 % interval"
    return interval if all(enough) else f"{interval}, or {few}"


def _table(changes: Sequence[Change]) -> str:
    rows = [("engine", "measure", "OLD", "NEW", "as measured", "normalised", "verdict")]
    rows += [
        (
            change.engine,
            _name(change),
            f"{change.old:.4g}",
            f"{change.new:.4g}",
            _ratio(change.raw, change.judged_by == "raw"),
            _ratio(change.normalised, change.judged_by == "normalised"),
            change.verdict,
        )
        for change in changes
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _ratio(ratio: Ratio | None, judged: bool) -> str:
    if ratio is None:
        return "-"
    what = "" if ratio.rounds >= ENOUGH_ROUNDS else "range "
    ends = f"{what}{ratio.low:.2f} - {ratio.high:.2f}" if ratio.rounds > 1 else "one round"
    return f"{ratio.median:.2f} ({ends}){' *' if judged else ''}"


def _judging(change: Change) -> Ratio:
    if change.judged_by == "raw" or change.normalised is None:
        return change.raw
    return change.normalised


def _name(change: Change) -> str:
    return _NAMES[change.measure][change.value]


def _place(of: object) -> str:
    return f"{getattr(of, 'model', '')} on {getattr(of, 'texts', '')}, {getattr(of, 'engine', '')}"
