"""`limen predict`: decide about texts from the command line, a file or standard input."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from limen.errors import InputError
from limen.opening import load
from limen.text_files import plain_texts, read_texts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a classifier file")
    parser.add_argument(
        "texts", nargs="*", metavar="TEXT", help="texts; a single - reads lines from standard input"
    )
    parser.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help="read texts from a .txt, .jsonl, .csv or .tsv file; - reads lines from standard input",
    )
    parser.add_argument(
        "--column", default="text", help="field or column that holds the text (default: text)"
    )
    parser.add_argument("--at", metavar="POINT", help="operating point (default: the file's own)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="texts run at once (default: the cores at hand)"
    )
    parser.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="auto (default), cpu, cuda or openvino",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Print one line for each text."""
    texts = _texts(arguments)
    model = load(
        arguments.file,
        device=arguments.device,
        threads=arguments.threads,
        operating_point=arguments.at,
    )
    for prediction in model.stream(texts):
        if arguments.json:
            print(json.dumps(prediction.to_dict(), ensure_ascii=False))
        else:
            print(prediction)
    return 0


def _texts(arguments: argparse.Namespace) -> Iterator[str]:
    if arguments.input is not None:
        if arguments.texts:
            raise InputError("TEXT and --input together; give one of them")
        if arguments.input != Path("-"):
            return read_texts(arguments.input, arguments.column)
        return _standard_input()
    if arguments.texts == ["-"]:
        return _standard_input()
    if not arguments.texts:
        raise InputError("no text; give TEXT, - for standard input, or --input FILE")
    return iter(arguments.texts)


def _standard_input() -> Iterator[str]:
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8-sig")
    try:
        yield from plain_texts(sys.stdin)
    except UnicodeDecodeError as error:
        raise InputError(
            f"standard input is not UTF-8 near byte {error.start:,}; convert it first"
        ) from error
