"""`limen evaluate`: judge a classifier file on labelled texts."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from limen.commands.labelled_arguments import add_data_arguments, labelled_rows
from limen.commands.tune import split_points
from limen.format import ClassifierFile, check_writable, read, write_whole
from limen.format.json_block import Json
from limen.progress import progress

if TYPE_CHECKING:
    # It needs an extra; `limen evaluate --help` does not.
    from limen.evaluation.judging_a_file import Evaluation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a classifier file")
    add_data_arguments(parser)
    parser.add_argument(
        "--at",
        metavar="POINTS",
        help="operating points to judge, such as f1,half (default: the file's default point)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE.html", help="write a page with pictures"
    )
    parser.add_argument(
        "--resamples", type=int, default=1_000, metavar="N", help="of the bootstrap (default: 1000)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="texts run at once")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Judge, write the page where one is asked for, then print."""
    from limen.evaluation.intervals import BootstrapSettings
    from limen.evaluation.judging_a_file import EvaluationSettings, evaluate

    if arguments.output is not None:
        check_writable(arguments.output)
    file = read(arguments.file)
    name, rows = labelled_rows(arguments, file.metadata.decision.labels)
    settings = EvaluationSettings(
        points=split_points(arguments.at or ""),
        bootstrap=BootstrapSettings(resamples=arguments.resamples),
        threads=arguments.threads,
    )
    told = progress()
    found = evaluate(file, name, rows, settings, told)
    if arguments.output is not None:
        told.step(f"drawing {arguments.output}")
        write_whole(arguments.output, _page(file, name, found).encode("utf-8"))
    shown = (
        json.dumps(as_json(file, name, found), ensure_ascii=False)
        if arguments.json
        else as_text(found, arguments.output)
    )
    print(shown)
    return 0


def as_json(file: ClassifierFile, name: str, found: "Evaluation") -> Json:
    """Return the figures for machines; an undefined one is null, with its reason."""
    return {
        "digest": file.digest,
        "file": file.name,
        "notices": list(found.notices),
        "points": [one.quality.to_json() for one in found.points],
        "texts_name": name,
    }


def as_text(found: "Evaluation", page_path: Path | None) -> str:
    """Return the figures for a person."""
    from limen.evaluation.report.table import table

    parts = [f"note: {notice}" for notice in found.notices]
    parts += [table(one.quality) for one in found.points]
    if page_path is not None:
        parts.append(f"wrote {page_path}")
    return "\n\n".join(parts)


def _page(file: ClassifierFile, name: str, found: "Evaluation") -> str:
    from limen.evaluation.report.page import page

    decision = file.metadata.decision
    facts = (
        ("file", file.digest),
        ("texts", name),
        ("rule", decision.rule),
        ("calibration and points", decision.block_name),
        *(("note", notice) for notice in found.notices),
    )
    return page(file.name, found.points, facts)
