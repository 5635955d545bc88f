"""What `limen export` is told about its source."""

import argparse
from pathlib import Path

from limen.errors import InputError
from limen.format.rules import RULES

from limen_export.given_labels import read_label_names
from limen_export.sources.composing import (
    COMPOSED_RULES,
    Composition,
    PartName,
    PartSource,
    compose,
)
from limen_export.sources.head_wishes import ACTIVATIONS, POOLINGS, HeadWishes
from limen_export.sources.recognising import READERS


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    source = parser.add_argument_group("source (docs/sources.md)")
    source.add_argument(
        "--source",
        dest="kind",
        choices=tuple(READERS),
        metavar="KIND",
        help=f"what SOURCE is, instead of finding out: {', '.join(READERS)}",
    )
    source.add_argument("--rule", choices=RULES, help="instead of what the source says")
    source.add_argument(
        "--classes", metavar="NAMES", help='labels in the order of the outputs: "joy,anger"'
    )
    source.add_argument(
        "--labels-file",
        type=Path,
        metavar="FILE",
        help="the same from a file: a JSON list or map, or one name a line",
    )
    source.add_argument(
        "--backbone", metavar="NAME", help="folder or hub name of the backbone under a head"
    )
    source.add_argument(
        "--pooling", choices=POOLINGS, help="how the backbone's rows become one for the head"
    )
    source.add_argument(
        "--head", type=Path, metavar="FILE", help="weights of the head on sentence embeddings"
    )
    source.add_argument(
        "--compose",
        nargs="+",
        metavar="LABEL=SOURCE",
        help="instead of SOURCE: yes-or-no classifiers on one backbone, joy=FOLDER anger=FOLDER, "
        "or of scikit-learn, joy=joy.skops; with --rule one_vs_one pairs, joy:anger=FOLDER",
    )
    source.add_argument(
        "--only-labels",
        action="store_true",
        help="with --compose: a part's yes or no counts, and not how sure it is",
    )
    source.add_argument(
        "--head-activation",
        choices=ACTIVATIONS,
        help="between the linear layers of a head that has several",
    )
    source.add_argument(
        "--trust",
        action="store_true",
        help="read pickles in SOURCE: they can run any code, so only with files of your own",
    )


def source_wished(arguments: argparse.Namespace) -> str | Composition:
    """Return SOURCE, or the parts that are to be put together; InputError where both or neither are
    there, or parts do not fit their rule.
    """
    if arguments.compose is None:
        if arguments.source is None:
            raise InputError("no SOURCE, and no --compose; give one of them")
        if arguments.only_labels:
            raise InputError("--only-labels without --compose; give both, or neither")
        return str(arguments.source)
    if arguments.source is not None:
        raise InputError(f"SOURCE {arguments.source} and --compose; give one of them")
    parts: dict[PartName, PartSource] = {}
    for part in arguments.compose:
        label, equals, source = part.partition("=")
        if not (label and equals and source) or label in parts:
            raise InputError(f"--compose {part}; expected LABEL=SOURCE, each label once")
        parts[label] = source
    if arguments.rule is None:
        raise InputError(f"--compose without --rule; pass one of {', '.join(COMPOSED_RULES)}")
    return compose(
        parts,
        rule=arguments.rule,
        labels=labels_wished(arguments),
        only_labels=arguments.only_labels,
    )


def head_wishes(arguments: argparse.Namespace) -> HeadWishes:
    """Return what was said of a backbone and its head."""
    return HeadWishes(
        backbone=arguments.backbone,
        pooling=arguments.pooling,
        activation=arguments.head_activation,
        file=arguments.head,
    )


def labels_wished(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """Return the labels that were named; InputError where they are in two places, or unreadable."""
    if arguments.classes is None:
        path: Path | None = arguments.labels_file
        return None if path is None else read_label_names(path)
    if arguments.labels_file is not None:
        raise InputError("--classes and --labels-file; give one of them")
    names = tuple(name.strip() for name in arguments.classes.split(","))
    if not all(names):
        raise InputError('--classes holds an empty name; expected names such as "joy,anger"')
    return names
