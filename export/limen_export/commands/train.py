"""`limen train`: from labelled texts to a folder that `limen export` takes."""

import argparse
import json
from pathlib import Path

from limen.progress import progress

from limen_export.commands.train_arguments import (
    add_train_arguments,
    split_texts,
    train_settings,
)
from limen_export.training.unfinished import check_target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    add_train_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, then print the report."""
    settings = train_settings(arguments)
    check_target(arguments.output, overwrite=arguments.overwrite)
    told = progress()
    data = split_texts(arguments, told)
    # torch takes seconds to import; what is wrong with command or texts is said before.
    from limen_export.training.run import train

    report = train(data, arguments.output, settings, told, overwrite=arguments.overwrite)
    if arguments.json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
        return 0
    print(report.to_text())
    return 0
