"""What `limen export` was given: every kind of source, how it is recognised, and what reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from limen.errors import InputError
from limen.format import Rule, Windows
from limen.text_files import DIALECTS

from limen_export.sources.head_wishes import NOTHING_SAID, HeadWishes

if TYPE_CHECKING:
    # onnx takes a moment to import; `limen export --help` reads this module.
    from limen_export.reference import Reference


@dataclass(frozen=True)
class SourceWishes:
    """What the user says about a source, beside naming it; each source takes what applies to it.

    Attributes:
        rule: overrides the source's own.
        max_tokens: overrides the longest input, in tokens.
        windows: how longer texts are read; None truncates them.
        labels: names of the outputs, in order, where the source has none or others; None takes the
            source's own.
        else_labels: names of the outputs where nothing else names them; for the parts of a
            composition.
        head: a backbone and the head on it.
        trust: read pickles of the source, which can run whatever code they hold.
        output: which of a graph's outputs holds the logits; None takes the one named logits, or the
            only one.
        python: interpreter of the tool that makes the graph, for `optimum`; None takes this one.
    """

    rule: Rule | None = None
    max_tokens: int | None = None
    windows: Windows | None = None
    labels: tuple[str, ...] | None = None
    else_labels: tuple[str, ...] | None = None
    head: HeadWishes = NOTHING_SAID
    trust: bool = False
    output: str | None = None
    python: str | None = None


class SourceReader(Protocol):
    """A module of this package that reads one kind of source."""

    def recognise(self, source: str) -> str | None:
        """Say in a few words what the source is, or None where it is of another kind; must not
        load weights.
        """
        ...

    def read(self, source: str, wishes: SourceWishes) -> "Reference":
        """Load it; ExportError names what is missing or does not fit."""
        ...


READERS = {
    "sklearn": "limen_export.sources.sklearn_pipeline",
    "model2vec": "limen_export.sources.model2vec",
    "sentences": "limen_export.sources.sentences",
    "torch": "limen_export.sources.torch_head",
    "onnx": "limen_export.sources.onnx_folder",
    "optimum": "limen_export.sources.optimum",
    "checkpoint": "limen_export.sources.checkpoint",
}
"""Kinds in the order in which they are tried; the last takes whatever is left, hub names
included.
"""
_TEXTS = (".jsonl", *DIALECTS)
"""How files of labelled texts end; the last kind would take them for hub names."""


@dataclass(frozen=True)
class Recognised:
    """A kind of source, what was recognised, and what reads it."""

    kind: str
    what: str
    reader: SourceReader


def recognise(source: str, forced: str | None = None) -> Recognised:
    """Find out what a source is.

    Args:
        source: a path, or a hub name.
        forced: a key of READERS that the user insists on; None tries all.

    Raises:
        InputError: no such kind, no kind recognises the source, or it is a file of texts.
    """
    if forced is not None and forced not in READERS:
        raise InputError(f"source {forced!r}; expected one of {', '.join(READERS)}")
    if forced is None and Path(source).suffix.lower() in _TEXTS and not Path(source).is_dir():
        raise InputError(
            f"{source}: a file of texts; expected a trained classifier (docs/sources.md); to train "
            f"one on labelled texts and make a file of it, run limen build {source} -o FILE.onnx"
        )
    kinds: Sequence[str] = [*READERS] if forced is None else [forced]
    for kind in kinds:
        reader = cast("SourceReader", import_module(READERS[kind]))
        what = reader.recognise(source)
        if what is not None or forced is not None:
            return Recognised(kind, what or f"{kind}, as asked for", reader)
    raise InputError(f"{source}: no kind of source recognises it; expected {', '.join(READERS)}")
