"""`limen export`: turn a trained checkpoint into a classifier file."""

import argparse
import json
from pathlib import Path

from limen.format.record_blocks import PRECISIONS
from limen.format.rules import RULES
from limen.text_files import read_texts

from limen_export import ExportSettings, export
from limen_export.given_thresholds import read_thresholds
from limen_export.settings import NamedTexts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a folder that save_pretrained wrote, or a hub name",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    parser.add_argument(
        "--thresholds",
        type=Path,
        metavar="FILE.json",
        help="a map by label, or a list in label order",
    )
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", help="texts to compare on (.txt, .jsonl, .csv)"
    )
    parser.add_argument(
        "--column", default="text", help="field or column of --texts (default: text)"
    )
    parser.add_argument("--rule", choices=RULES, help="instead of what problem_type says")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="longest input, in tokens")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Export, then print the report."""
    settings = ExportSettings(
        precision=arguments.precision,
        thresholds=None if arguments.thresholds is None else read_thresholds(arguments.thresholds),
        texts=_texts(arguments),
        rule=arguments.rule,
        max_tokens=arguments.max_tokens,
    )
    report = export(arguments.checkpoint, arguments.output, settings)
    print(json.dumps(report.to_json(), ensure_ascii=False) if arguments.json else report.to_text())
    return 0


def _texts(arguments: argparse.Namespace) -> NamedTexts | None:
    if arguments.texts is None:
        return None
    name = arguments.texts.name.encode("utf-8", "replace").decode("utf-8")
    return NamedTexts(name, tuple(read_texts(arguments.texts, arguments.column)))
