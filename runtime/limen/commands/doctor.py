"""`limen doctor`: what will be used on this machine, and why."""

import argparse
import json
from pathlib import Path

from limen.doctor.file_fit import look_at_file
from limen.doctor.finding import Finding
from limen.doctor.installation import (
    installed,
    look_at_libraries,
    look_at_providers,
    look_at_wheels,
)
from limen.doctor.machine import look_at_processor, look_at_threads
from limen.engine import quiet_onnxruntime
from limen.format.json_block import Json
from limen.processor import read_processor
from limen.threads import thread_source

EXIT_PROBLEM = 1
_MARKS = {"ok": " ", "note": "-", "problem": "!"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a classifier file to open and time"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="texts run at once (default: the cores at hand)"
    )
    parser.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="where to open FILE: auto (default), cpu, cuda or openvino",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 where one of them is a problem."""
    distributions = installed()
    findings = [
        look_at_libraries(distributions),
        look_at_wheels(distributions),
        look_at_providers(quiet_onnxruntime),
        look_at_processor(read_processor()),
        look_at_threads(thread_source(arguments.threads)),
    ]
    if arguments.file is not None:
        findings += look_at_file(arguments.file, arguments.threads, arguments.device)
    print(json.dumps(_json(findings), ensure_ascii=False) if arguments.json else _text(findings))
    return EXIT_PROBLEM if any(one.verdict == "problem" for one in findings) else 0


def _json(findings: list[Finding]) -> Json:
    problems = sum(one.verdict == "problem" for one in findings)
    return {"findings": [one.to_json() for one in findings], "problems": problems}


def _text(findings: list[Finding]) -> str:
    width = max(len(one.name) for one in findings)
    lines = []
    for one in findings:
        lines.append(f"{_MARKS[one.verdict]} {one.name:<{width}}  {one.shown}")
        if one.advice:
            lines.append(f"  {'':<{width}}  -> {one.advice}")
    return "\n".join(lines)
