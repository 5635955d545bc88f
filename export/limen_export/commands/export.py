"""`limen export`: turn a trained checkpoint into a classifier file."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from limen.commands.labelled_arguments import add_data_arguments, labelled_rows
from limen.errors import InputError
from limen.evaluation.gate_settings import GateSettings
from limen.format import Windows
from limen.format.record_blocks import PRECISIONS, SHAPES
from limen.format.writing import check_writable, write_whole
from limen.text_files import read_texts

from limen_export import ExportSettings, export
from limen_export.commands.source_arguments import (
    add_source_arguments,
    head_wishes,
    labels_wished,
    source_wished,
)
from limen_export.given_thresholds import read_thresholds
from limen_export.settings import LabelledTexts, NamedTexts, ReadLabelled

if TYPE_CHECKING:
    from limen_export.report import ExportReport

_OPTIMUM = "optimum"
_USUAL = GateSettings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a folder that save_pretrained, sentence-transformers, Optimum or Model2Vec wrote, a "
        "hub name, a .onnx file, a scikit-learn pipeline (.skops), or weights of a backbone and "
        "head (docs/sources.md)",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument(
        "--device",
        choices=tuple(SHAPES),
        default="cpu",
        help="what the file is made for: cpu (default), or cuda (docs/gpu.md)",
    )
    parser.add_argument(
        "--via",
        type=_tool,
        metavar="optimum[=PYTHON]",
        help="let Optimum make the graph, if need be with another interpreter that has it",
    )
    parser.add_argument(
        "--output-name",
        metavar="NAME",
        help="which output of an ONNX graph holds the logits, where none is named logits",
    )
    parser.add_argument("--max-tokens", type=int, metavar="N", help="longest input, in tokens")
    parser.add_argument(
        "--windows",
        type=int,
        metavar="STRIDE",
        help="read longer texts in windows that share so many tokens, instead of truncating them",
    )
    parser.add_argument(
        "--aggregate",
        choices=("max", "mean"),
        help="of the scores of a text's windows (default: max); with --windows",
    )
    parser.add_argument(
        "--keep-vocabulary",
        type=Path,
        metavar="FILE",
        help="drop the vocabulary that these texts do not use (docs/vocabulary.md)",
    )
    parser.add_argument(
        "--golden",
        type=Path,
        metavar="FILE",
        help="4 to 8 texts that the file tests itself with when it is loaded",
    )
    add_source_arguments(parser)
    _add_texts(parser)
    _add_gate(parser)
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write the ladder as a page as well"
    )


def _add_texts(parser: argparse.ArgumentParser) -> None:
    texts = parser.add_argument_group("texts")
    add_data_arguments(texts)
    texts.add_argument(
        "--texts", type=Path, metavar="FILE", help="texts to compare on (.txt, .jsonl, .csv, .tsv)"
    )
    texts.add_argument(
        "--thresholds",
        type=Path,
        metavar="FILE.json",
        help="a map by label, or a list in label order, instead of thresholds fitted on --data",
    )


def _add_gate(parser: argparse.ArgumentParser) -> None:
    gate = parser.add_argument_group("precision and quality gate (docs/gate.md)")
    gate.add_argument(
        "--precision",
        choices=("auto", *PRECISIONS),
        default="auto",
        help="auto (default) takes the fastest that passes the gate",
    )
    gate.add_argument(
        "--max-drop",
        type=float,
        default=_USUAL.max_drop,
        metavar="X",
        help="how much the metric may drop on --data, absolute (default: %(default)s)",
    )
    gate.add_argument(
        "--min-agreement",
        type=float,
        metavar="X",
        help="share of decisions like the source's that must be shown "
        "(default: 0.995, or 0.99 for rules that give one label)",
    )
    gate.add_argument("--strict", action="store_true", help="refuse a rung whose drop is undecided")


def run(arguments: argparse.Namespace) -> int:
    """Export, then print the report."""
    if arguments.report is not None:
        check_writable(arguments.report)
    settings = ExportSettings(
        device=arguments.device,
        precision=arguments.precision,
        gate=GateSettings(arguments.max_drop, arguments.min_agreement, arguments.strict),
        thresholds=None if arguments.thresholds is None else read_thresholds(arguments.thresholds),
        labelled=None if arguments.data is None else _reader(arguments),
        texts=_texts(arguments.texts, arguments.column),
        golden=_texts(arguments.golden, arguments.column),
        keep_vocabulary=_texts(arguments.keep_vocabulary, arguments.column),
        rule=arguments.rule,
        max_tokens=arguments.max_tokens,
        windows=_windows(arguments),
        source=_kind(arguments),
        labels=labels_wished(arguments),
        head=head_wishes(arguments),
        trust=arguments.trust,
        output=arguments.output_name,
        python=None if arguments.via is None else arguments.via[1],
    )
    report = export(source_wished(arguments), arguments.output, settings)
    # The file is there: what is said of it must not depend on whether a page can be made.
    print(json.dumps(report.to_json(), ensure_ascii=False) if arguments.json else report.to_text())
    if arguments.report is not None:
        _write_page(arguments.report, report)
    return 0


def _tool(word: str) -> tuple[str, str | None]:
    """Read `optimum`, or `optimum=PYTHON`."""
    tool, _, python = word.partition("=")
    if tool != _OPTIMUM:
        raise argparse.ArgumentTypeError(f"{word!r}; expected {_OPTIMUM} or {_OPTIMUM}=PYTHON")
    return tool, python or None


def _kind(arguments: argparse.Namespace) -> str | None:
    if arguments.via is None:
        kind: str | None = arguments.kind
        return kind
    if arguments.kind not in (None, _OPTIMUM):
        raise InputError(f"--via {_OPTIMUM} with --source {arguments.kind}; give one of them")
    return _OPTIMUM


def _windows(arguments: argparse.Namespace) -> Windows | None:
    if arguments.windows is not None:
        return Windows(arguments.windows, arguments.aggregate or "max")
    if arguments.aggregate is not None:
        raise InputError("--aggregate without --windows; give both")
    return None


def _write_page(path: Path, report: "ExportReport") -> None:
    # matplotlib takes a second to import.
    from limen_export.ladder_page import ladder_page

    write_whole(path, ladder_page(report).encode("utf-8"))


def _reader(arguments: argparse.Namespace) -> ReadLabelled:
    """The labels of the data can only be read once those of the classifier are known."""

    def read(labels: tuple[str, ...]) -> LabelledTexts:
        name, rows = labelled_rows(arguments, labels)
        found = [(row.text, tuple(labels[place] for place in row.labels)) for row in rows]
        return LabelledTexts(name, tuple(text for text, _ in found), tuple(own for _, own in found))

    return read


def _texts(path: Path | None, column: str) -> NamedTexts | None:
    if path is None:
        return None
    name = path.name.encode("utf-8", "replace").decode("utf-8")
    return NamedTexts(name, tuple(read_texts(path, column)))
