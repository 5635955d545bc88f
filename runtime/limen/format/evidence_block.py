"""`limen.evidence`: what proves that a file decides like its source, and how well it decides."""

from dataclasses import dataclass
from typing import cast

from limen.format import limits
from limen.format.json_block import Json, Node
from limen.format.record_blocks import PRECISIONS, Precision

_MAX_RUNGS = 64
_MAX_FIGURES = 1_000


@dataclass(frozen=True)
class Rung:
    """One precision that was tried, compared with the source on the evidence's texts.

    Attributes:
        precision: `fp32` or `int8`.
        size_bytes: size of the file before this evidence and the golden texts were added.
        max_logit_difference: largest absolute difference to the source's logits.
        texts_alike: share of texts in [0, 1] that get the same set of labels at the default point.
        cells_alike: share of (text, label) pairs in [0, 1] decided alike.
        p50_ms: median milliseconds for one text at a time; None when it was not timed.
    """

    precision: Precision
    size_bytes: int
    max_logit_difference: float
    texts_alike: float
    cells_alike: float
    p50_ms: float | None

    def to_json(self) -> Json:
        """Return the rung as `limen.evidence` stores it."""
        return {
            "cells_alike": self.cells_alike,
            "max_logit_difference": self.max_logit_difference,
            "p50_ms": self.p50_ms,
            "precision": self.precision,
            "size_bytes": self.size_bytes,
            "texts_alike": self.texts_alike,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Rung":
        """Read a rung; FormatError where it is not as documented."""
        return cls(
            precision=cast("Precision", node.string("precision", PRECISIONS)),
            size_bytes=node.integer("size_bytes", 0, limits.MAX_FILE_BYTES),
            max_logit_difference=node.number("max_logit_difference", 0.0),
            texts_alike=node.number("texts_alike", 0.0, 1.0),
            cells_alike=node.number("cells_alike", 0.0, 1.0),
            p50_ms=node.optional_number("p50_ms"),
        )


@dataclass(frozen=True)
class FitRecord:
    """What a block of calibration and points was fitted on, and how well it then decided.

    Attributes:
        block: the block's name.
        texts_name: name of the labelled texts, never a path.
        texts: how many.
        parts: (name, texts): how the texts were divided, by a hash of each.
        judged: how the figures were had, in words.
        figures: (name, value), such as (`macro_f1 at f1`, 0.42); None for an undefined one.
        label_f1: F1 of each label at the block's default point; None for an undefined one.
        support: true texts of each label.
        notices: what a user should know, such as labels with too few texts.
    """

    block: str
    texts_name: str
    texts: int
    parts: tuple[tuple[str, int], ...]
    judged: str
    figures: tuple[tuple[str, float | None], ...]
    label_f1: tuple[float | None, ...]
    support: tuple[int, ...]
    notices: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return the record as `limen.evidence` stores it."""
        figures: dict[str, Json] = dict(self.figures)
        parts: dict[str, Json] = dict(self.parts)
        return {
            "block": self.block,
            "figures": figures,
            "judged": self.judged,
            "label_f1": list(self.label_f1),
            "notices": list(self.notices),
            "parts": parts,
            "support": list(self.support),
            "texts": self.texts,
            "texts_name": self.texts_name,
        }

    @classmethod
    def from_json(cls, node: Node) -> "FitRecord":
        """Read a record; FormatError where it is not as documented."""
        figures, parts = node.node("figures"), node.node("parts")
        if len(figures.keys()) > _MAX_FIGURES or len(parts.keys()) > _MAX_FIGURES:
            node.fail(f"more than {_MAX_FIGURES:,} figures or parts")
        return cls(
            block=node.string("block"),
            texts_name=node.string("texts_name"),
            texts=node.integer("texts", 1, 2**53),
            parts=tuple((name, parts.integer(name, 0, 2**53)) for name in parts.keys()),  # noqa: SIM118
            judged=node.string("judged"),
            figures=tuple((name, figures.optional_number(name)) for name in figures.keys()),  # noqa: SIM118
            label_f1=node.optional_numbers("label_f1", limits.MAX_LABELS, 0.0, 1.0),
            support=_whole(node, "support"),
            notices=node.strings("notices", _MAX_FIGURES),
        )


def _whole(node: Node, key: str) -> tuple[int, ...]:
    numbers = node.numbers(key, limits.MAX_LABELS, 0.0, 2.0**53)
    if any(number != int(number) for number in numbers):
        node.fail(f"{key}: whole numbers expected")
    return tuple(int(number) for number in numbers)


@dataclass(frozen=True)
class Evidence:
    """`limen.evidence`: how the file compares with the model it was made from.

    Attributes:
        texts_name: name of the texts compared on, never a path.
        texts: how many.
        rungs: every precision that was tried; the file's own is among them.
        fits: a record for every block of calibration and points that was fitted.
    """

    texts_name: str
    texts: int
    rungs: tuple[Rung, ...]
    fits: tuple[FitRecord, ...] = ()

    def fit_of(self, block: str) -> FitRecord | None:
        """Return the record of a block; None where nothing was fitted."""
        return next((fit for fit in self.fits if fit.block == block), None)

    def to_json(self) -> Json:
        """Return the block as `limen.evidence` stores it."""
        return {
            "fits": [fit.to_json() for fit in self.fits],
            "rungs": [rung.to_json() for rung in self.rungs],
            "texts": self.texts,
            "texts_name": self.texts_name,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Evidence":
        """Read the block; FormatError where it is not as documented."""
        most = limits.MAX_REPLACED_BLOCKS + 1
        return cls(
            texts_name=node.string("texts_name"),
            texts=node.integer("texts", 0, 2**53),
            rungs=tuple(Rung.from_json(part) for part in node.nodes("rungs", _MAX_RUNGS)),
            fits=tuple(FitRecord.from_json(part) for part in node.nodes("fits", most)),
        )
