"""`limen demo`: train, export and try a small emotion classifier, offline."""

import argparse
from pathlib import Path

from limen.progress import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("limen-demo"),
        metavar="FOLDER",
        help="default: limen-demo",
    )
    parser.add_argument("--language", choices=("en", "ko"), default="en", help="part of the corpus")
    parser.add_argument(
        "--backbone",
        metavar="NAME",
        help="a hub name or folder instead of the embedded all-MiniLM-L6-v2, "
        "such as klue/roberta-base for Korean",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    # torch takes seconds to import; `limen demo --help` should not wait for it.
    from limen_export.demo.run import DemoSettings, run_demo

    run_demo(DemoSettings(arguments.output, arguments.language, arguments.backbone), progress())
    return 0
