"""The blocks that record how a file was made and what proves it: execution, evidence, golden texts,
provenance.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from limen.errors import FormatError
from limen.format import limits
from limen.format.json_block import Json, Node

Precision: TypeAlias = Literal["fp32", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
_MAX_RUNGS = 64
_MAX_VERSIONS = 64
_IDS = 2**31


@dataclass(frozen=True)
class ExecutionBlock:
    """`limen.execution`: what the graph was made for.

    Attributes:
        precision: `fp32` or `int8`.
        device: `cpu`.
        shape: `exact`: every text runs alone, at its own length, without padding or mask.
    """

    precision: Precision
    device: Literal["cpu"] = "cpu"
    shape: Literal["exact"] = "exact"

    def to_json(self) -> Json:
        """Return the block as `limen.execution` stores it."""
        return {"device": self.device, "precision": self.precision, "shape": self.shape}

    @classmethod
    def from_json(cls, node: Node) -> "ExecutionBlock":
        """Read the block; FormatError where it is not as documented."""
        node.string("device", ("cpu",))
        node.string("shape", ("exact",))
        return cls(precision=cast("Precision", node.string("precision", PRECISIONS)))


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
class Evidence:
    """`limen.evidence`: how the file compares with the model it was made from.

    Attributes:
        texts_name: name of the texts compared on, never a path.
        texts: how many.
        rungs: every precision that was tried; the file's own is among them.
        fitted_on: name and size of the labelled texts that thresholds were fitted on; None for
            none.
    """

    texts_name: str
    texts: int
    rungs: tuple[Rung, ...]
    fitted_on: str | None = None

    def to_json(self) -> Json:
        """Return the block as `limen.evidence` stores it."""
        return {
            "fitted_on": self.fitted_on,
            "rungs": [rung.to_json() for rung in self.rungs],
            "texts": self.texts,
            "texts_name": self.texts_name,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Evidence":
        """Read the block; FormatError where it is not as documented."""
        return cls(
            texts_name=node.string("texts_name"),
            texts=node.integer("texts", 0, 2**53),
            rungs=tuple(Rung.from_json(part) for part in node.nodes("rungs", _MAX_RUNGS)),
            fitted_on=node.optional_string("fitted_on"),
        )


@dataclass(frozen=True)
class Golden:
    """`limen.golden`: texts with what they must give, run whenever the file is loaded.

    Attributes:
        texts: short texts.
        ids: the token ids of each text.
        logits: the logits of each text, as this very graph gave them.
        tolerance: largest absolute difference of a logit that still counts as the same.
    """

    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    logits: tuple[tuple[float, ...], ...]
    tolerance: float

    def to_json(self) -> Json:
        """Return the block as `limen.golden` stores it."""
        return {
            "ids": [list(row) for row in self.ids],
            "logits": [list(row) for row in self.logits],
            "texts": list(self.texts),
            "tolerance": self.tolerance,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Golden":
        """Read the block; FormatError where it is not as documented."""
        most = limits.MAX_GOLDEN_TEXTS
        texts = node.strings("texts", most)
        ids = node.number_rows("ids", most, limits.MAX_GOLDEN_CHARACTERS)
        logits = node.number_rows("logits", most, limits.MAX_LABELS)
        if not len(texts) == len(ids) == len(logits):
            raise FormatError("limen.golden: texts, ids and logits differ in number")
        if any(len(text) > limits.MAX_GOLDEN_CHARACTERS for text in texts):
            node.fail(f"a text longer than {limits.MAX_GOLDEN_CHARACTERS:,} characters")
        if any(value != int(value) or not 0 <= value < _IDS for row in ids for value in row):
            node.fail(f"ids: whole numbers from 0 to {_IDS - 1:,} expected")
        whole = tuple(tuple(int(value) for value in row) for row in ids)
        return cls(texts, whole, logits, node.number("tolerance", 0.0))


@dataclass(frozen=True)
class Provenance:
    """`limen.provenance`: where the model came from.

    Attributes:
        source: hub name or the folder's own name, never a path.
        versions: (library, version) of what made the file.
        date: day of the export, YYYY-MM-DD.
        licence: licence of the weights where the source states one.
    """

    source: str
    versions: tuple[tuple[str, str], ...]
    date: str
    licence: str | None = None

    def to_json(self) -> Json:
        """Return the block as `limen.provenance` stores it."""
        versions: dict[str, Json] = dict(self.versions)
        return {
            "date": self.date,
            "licence": self.licence,
            "source": self.source,
            "versions": versions,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Provenance":
        """Read the block; FormatError where it is not as documented."""
        stored = node.node("versions")
        names = stored.keys()
        if len(names) > _MAX_VERSIONS:
            node.fail(f"more than {_MAX_VERSIONS} versions")
        return cls(
            source=node.string("source"),
            versions=tuple((name, stored.string(name)) for name in names),
            date=node.string("date"),
            licence=node.optional_string("licence"),
        )
