"""The blocks that record how a file was made: execution, golden texts, provenance."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from limen.errors import FormatError
from limen.format import limits
from limen.format.json_block import Json, Node

Precision: TypeAlias = Literal[
    "fp32", "int8", "int8-float-rows", "int8-mixed", "int8-static", "fp16"
]
PRECISIONS: tuple[str, ...] = get_args(Precision)
MadeFor: TypeAlias = Literal["cpu", "cuda"]
Shape: TypeAlias = Literal["exact", "joined", "padded"]
SHAPES: dict[MadeFor, tuple[Shape, ...]] = {"cpu": ("exact", "joined"), "cuda": ("padded",)}
"""The shapes of files for each device, the usual one first."""
DEVICE_PRECISIONS: dict[MadeFor, tuple[Precision, ...]] = {
    "cpu": ("fp32", "int8", "int8-float-rows", "int8-mixed", "int8-static"),
    "cuda": ("fp32", "fp16"),
}
"""The precisions of files for each device: int8 kernels are the CPU's, fp16 kernels the GPU's."""
_MAX_VERSIONS = 64
_IDS = 2**31


@dataclass(frozen=True)
class ExecutionBlock:
    """`limen.execution`: what the graph was made for.

    Attributes:
        precision: `fp32`; `int8`; `int8-float-rows`: int8 matrices, embedding rows in float;
            `int8-mixed`: the most sensitive matrices in float; `int8-static`: the scales of
            activations fixed at export; `fp16` (for `cuda`): weights and activations in 16 bits.
        device: `cpu` or `cuda`.
        shape: `exact` (`cpu`): every text runs alone, at its own length, without padding or mask.
            `joined` (`cpu`): as `exact`, or texts stand one behind another in one row of ids, each
            with its last id, which no other place of a text has, and each gives a row of logits.
            `padded` (`cuda`): texts of several lengths may run together, padded on the right, with
            an `attention_mask` that says which tokens count.
        optimised: the graph was optimised when the file was made; a session opens it as it is.
    """

    precision: Precision
    device: MadeFor = "cpu"
    shape: Shape = "exact"
    optimised: bool = False

    def to_json(self) -> Json:
        """Return the block as `limen.execution` stores it."""
        return {
            "device": self.device,
            "optimised": self.optimised,
            "precision": self.precision,
            "shape": self.shape,
        }

    @classmethod
    def made_for(
        cls, device: MadeFor, precision: Precision, *, joined: bool = False
    ) -> "ExecutionBlock":
        """Return the block of what the exporter makes, of the device's usual shape or, for the CPU,
        `joined`. A graph for the CPU is optimised there; one for a GPU when a session opens, by the
        provider that knows its kernels.
        """
        shape = "joined" if joined else SHAPES[device][0]
        return cls(precision, device, shape, optimised=device == "cpu")

    @classmethod
    def from_json(cls, node: Node) -> "ExecutionBlock":
        """Read the block; FormatError where it is not as documented."""
        device = cast("MadeFor", node.string("device", tuple(SHAPES)))
        precision = cast("Precision", node.string("precision", PRECISIONS))
        shape = cast("Shape", node.string("shape", get_args(Shape)))
        if precision not in DEVICE_PRECISIONS[device]:
            node.fail(f"precision {precision} for device {device}, which has no file of that kind")
        if shape not in SHAPES[device]:
            node.fail(f"shape {shape} for device {device}, expected {' or '.join(SHAPES[device])}")
        return cls(precision, device, shape, node.boolean("optimised"))


@dataclass(frozen=True)
class Golden:
    """`limen.golden`: texts with what they must give, run whenever the file is loaded.

    Attributes:
        texts: short texts.
        ids: the token ids of each text.
        logits: the logits of each text, as this very graph gave them.
        tolerance: largest absolute difference of a logit with which a text still counts as the
            same; more than half of the texts must (docs/self_test.md).
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
        logits = node.number_rows("logits", most, limits.MAX_OUTPUTS)
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
            # An object of JSON has no order, so a file that is written again must not change it.
            versions=tuple((name, stored.string(name)) for name in sorted(names)),
            date=node.string("date"),
            licence=node.optional_string("licence"),
        )
