"""`limen tune`: fit calibration and operating points of a classifier file on labelled texts."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from limen.commands.fit_lines import fit_lines
from limen.commands.labelled_arguments import add_data_arguments, labelled_rows
from limen.errors import InputError
from limen.format import read
from limen.format.json_block import Json

if TYPE_CHECKING:
    # It needs an extra; `limen tune --help` does not.
    from limen.evaluation.retuning import Retuned

CALIBRATIONS = ("auto", "none", "temperature", "platt", "platt_each", "isotonic", "isotonic_each")
"""limen.evaluation.calibrating.KINDS and `auto`, without importing it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a classifier file")
    add_data_arguments(parser)
    parser.add_argument(
        "--points",
        metavar="NAMES",
        help="operating points, such as f1,precision@0.9,recall@0.8,cost(1,5),coverage@0.9 or "
        "precision@0.9:conf0.95 (default: those of the rule)",
    )
    parser.add_argument("--default", metavar="POINT", help="the point used when none is asked for")
    parser.add_argument(
        "--calibration",
        choices=CALIBRATIONS,
        default=CALIBRATIONS[0],
        help="auto takes the simplest kind whose log loss in cross-validation is within one "
        "standard error of the least",
    )
    parser.add_argument(
        "--grid", metavar="A:B:STEP", help="search f1 on a grid, such as 0.1:0.9:0.05"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE.onnx", help="write here, not over FILE"
    )
    parser.add_argument(
        "--back", action="store_true", help="put the block that was replaced last into use again"
    )
    parser.add_argument(
        "--block", metavar="NAME", help="with --back: the kept block of this name, not the last"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Fit, or go back, then print what is in use now."""
    from limen.evaluation.retuning import restore

    if arguments.block is not None and not arguments.back:
        raise InputError("--block goes with --back; give both")
    if arguments.back:
        if arguments.data is not None or arguments.points or arguments.grid:
            raise InputError("--back fits nothing; leave --data, --points and --grid out")
        done = restore(arguments.file, arguments.block, arguments.output)
    else:
        done = _retune(arguments)
    print(json.dumps(as_json(done), ensure_ascii=False) if arguments.json else as_text(done))
    return 0


def _retune(arguments: argparse.Namespace) -> "Retuned":
    from limen.evaluation.retuning import retune
    from limen.evaluation.thresholds import Grid
    from limen.evaluation.tuning import TuneSettings

    labels = read(arguments.file).metadata.decision.labels
    name, rows = labelled_rows(arguments, labels)
    settings = TuneSettings(
        points=split_points(arguments.points or ""),
        default_point=arguments.default,
        calibration=arguments.calibration,
        grid=None if arguments.grid is None else Grid.parse(arguments.grid),
    )
    return retune(arguments.file, name, rows, settings, arguments.output)


def split_points(text: str) -> tuple[str, ...]:
    """Split names at the commas that stand outside parentheses."""
    names, depth, start = [], 0, 0
    for place, one in enumerate(text):
        depth += (one == "(") - (one == ")")
        if one == "," and depth == 0:
            names.append(text[start:place])
            start = place + 1
    return tuple(name.strip() for name in (*names, text[start:]) if name.strip())


def as_json(done: "Retuned") -> Json:
    """Return the outcome for machines."""
    return {
        "block": done.block.to_json(),
        "digest": done.digest,
        "file": str(done.path),
        "kept": list(done.kept),
        "notices": list(done.notices),
        "record": None if done.record is None else done.record.to_json(),
    }


def as_text(done: "Retuned") -> str:
    """Return the outcome for a person."""
    calibration = done.block.calibration
    kind = "none" if calibration is None else type(calibration).__name__.lower()
    lines = [f"note: {notice}" for notice in done.notices]
    if done.record is not None:
        lines += fit_lines(done.record)
    points = ", ".join(
        f"{point.name}{' (default)' if point.name == done.block.default_point else ''}"
        for point in done.block.points
    )
    lines += [
        f"calibration {kind}; points {points}",
        f"in use: {done.block.name!r}; kept: {', '.join(repr(name) for name in done.kept)}",
        f"wrote {done.path}  {done.digest[:19]}...",
    ]
    return "\n".join(lines)
