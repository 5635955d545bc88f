"""What was trained, read from its folder by the readers of `limen export`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from limen.arrays import FloatArray
from limen.format import Link, Rule

from limen_export.sources.recognising import SourceWishes, recognise
from limen_export.sources.torch_classifier import SourceLogits, TorchClassifier
from limen_export.transformers_quiet import quiet_transformers


@dataclass(frozen=True)
class ReadBack:
    """A trained classifier as its own library runs it.

    Attributes:
        labels: in an order of its own.
        rule: how scores become labels.
        link: logits to scores.
        logits: texts to float32 (texts, outputs).
    """

    labels: tuple[str, ...]
    rule: Rule
    link: Link
    logits: Callable[[Sequence[str]], FloatArray]


def read_back(folder: Path) -> ReadBack:
    """Read a folder that was trained. Nothing is traced: that is left to the export.

    Raises:
        ExportError: it is not what a source can be.
    """
    reader = recognise(str(folder)).reader
    load = getattr(reader, "load", None)
    with quiet_transformers():
        if load is None:
            found = reader.read(str(folder), SourceWishes())
            return ReadBack(found.labels, found.rule, found.link, found.logits)
        classifier: TorchClassifier = load(str(folder), SourceWishes())
    logits = SourceLogits(classifier.module, classifier.tokenizer, classifier.max_tokens)
    head = classifier.head
    return ReadBack(head.labels, head.rule, head.link, logits)
