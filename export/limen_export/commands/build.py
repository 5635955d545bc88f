"""`limen build`: train, and turn the result into a classifier file, in one command."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from limen.errors import InputError
from limen.format.record_blocks import PRECISIONS
from limen.format.writing import check_writable
from limen.progress import progress

from limen_export.commands.train_arguments import (
    add_train_arguments,
    split_texts,
    train_settings,
)

if TYPE_CHECKING:
    from limen_export.training.build import Built


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="where the training is kept (default: FILE.trained beside the file)",
    )
    parser.add_argument(
        "--file-precision",
        choices=("auto", *PRECISIONS),
        default="auto",
        help="of the file; auto (default) takes the fastest that passes the gate (docs/gate.md)",
    )
    add_train_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, export, judge the file on test, then print both reports."""
    settings = train_settings(arguments)
    output: Path = arguments.output
    if output.suffix != ".onnx":
        raise InputError(f"{output}: expected a name that ends in .onnx")
    check_writable(output)
    folder = arguments.folder or output.with_suffix(".trained")
    told = progress()
    data = split_texts(arguments, told)
    # torch takes seconds to import; what is wrong with command or texts is said before.
    from limen_export.training.build import BuildSettings, build

    wishes = BuildSettings(settings, folder, arguments.file_precision, arguments.overwrite)
    built = build(data, output, wishes, told)
    if arguments.json:
        print(json.dumps(built.to_json(), ensure_ascii=False))
        return 0
    print(_text(built))
    return 0


def _text(built: "Built") -> str:
    return f"{built.trained}\n{built.exported.to_text(built.said)}\n{built.judged}"
