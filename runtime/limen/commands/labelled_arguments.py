"""Arguments that say where labelled texts are, shared by `tune` and `evaluate`."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from limen.errors import InputError

if TYPE_CHECKING:
    from limen.evaluation.labelled_source import LabelledSource, LabelledText


def add_data_arguments(parser: argparse._ActionsContainer) -> None:
    """Declare them."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="labelled texts: .jsonl, .csv or .tsv with a header, or hf:NAME[:SPLIT]",
    )
    add_column_arguments(parser)


def add_column_arguments(parser: argparse._ActionsContainer) -> None:
    """Declare those that say how labelled texts are written."""
    parser.add_argument("--column", default="text", help="field or column of the text")
    parser.add_argument(
        "--labels", default="labels", metavar="COLUMN", help="field or column of the labels"
    )
    parser.add_argument(
        "--names",
        type=Path,
        metavar="FILE.json",
        help="a map from label names in the data to the classifier's",
    )
    parser.add_argument(
        "--separator", default=",", help="between labels in a cell of .csv and .tsv (default: ,)"
    )
    parser.add_argument(
        "--unquoted",
        action="store_true",
        help="quotes in .csv and .tsv files are characters like any other",
    )


def labelled_rows(
    arguments: argparse.Namespace, labels: tuple[str, ...]
) -> tuple[str, Iterator["LabelledText"]]:
    """Return the name of the texts, never a path, and the texts, read as they are asked for.

    Raises:
        InputError: no data named, or a map of names that cannot be used.
    """
    from limen.evaluation.labelled_texts import read_labelled

    if arguments.data is None:
        raise InputError("no labelled texts; give --data FILE")
    given: str = arguments.data
    name = given if given.startswith("hf:") else Path(given).name
    source = labelled_source(arguments, given)
    return name.encode("utf-8", "replace").decode("utf-8"), read_labelled(source, labels)


def labelled_source(arguments: argparse.Namespace, path: str) -> "LabelledSource":
    """Return where texts are and how their labels are written there.

    Raises:
        InputError: a map of names that cannot be used.
    """
    from limen.evaluation.label_names import read_label_names
    from limen.evaluation.labelled_source import LabelledSource

    return LabelledSource(
        path,
        text_column=arguments.column,
        label_column=arguments.labels,
        label_names=None if arguments.names is None else read_label_names(arguments.names),
        separator=arguments.separator,
        quoted=not arguments.unquoted,
    )
