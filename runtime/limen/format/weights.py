"""The large weights of a checked file apart from its graph, so that no session has to parse them.

onnxruntime copies what it parses: once into its own message, once into tensors. Weights that are
handed over beside the graph (`SessionOptions.add_external_initializers`) are copied once. What a
session opens is made of the very bytes that were checked; nothing is read from a disk.

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from limen.format import wire
from limen.format.tables import table_name
from limen.format.wire import Field

Weight: TypeAlias = npt.NDArray[Any]

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_ELEMENT_TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 10: np.float16}

LEAST_BYTES = 1 << 16
"""Smaller weights stay in the graph: they cost less than what would stand in their place."""


@dataclass(frozen=True)
class SplitGraph:
    """A model in two parts.

    Attributes:
        graph: an ONNX model whose large weights are declared external.
        weights: those weights by name, little-endian as stored; 8-bit ones are views of the model's
            bytes, others are copied, since a record may begin at any byte.
    """

    graph: bytes
    weights: dict[str, Weight]


def split_graph(model: bytes) -> SplitGraph:
    """Take large weights out of an ONNX model that passed every check of `limen.format`, and leave
    out the encoder's tables, which no node reads.

    A weight stays inside where its bytes do not fit its shape, its element type is not float32,
    float16, int8 or uint8, or another weight has its name: onnxruntime then says what is wrong.
    """
    top = list(wire.fields(memoryview(model)))
    graphs = [
        [part for part in wire.fields(record.body) if table_name(part) is None]
        for record in top
        if record.number == _GRAPH
    ]
    held = {id(part): _weight(part) for parts in graphs for part in parts if _is_tensor(part)}
    names = Counter(weight.name for weight in held.values())
    weights: dict[str, Weight] = {}

    def without(part: Field) -> bytes | memoryview:
        weight = held.get(id(part))
        if weight is None or weight.values is None or names[weight.name] > 1:
            return part.raw
        weights[weight.name] = weight.values
        return _declared_external(part)

    bodies = iter(graphs)
    records = [
        wire.encode_bytes(_GRAPH, b"".join(map(without, next(bodies))))
        if record.number == _GRAPH
        else record.raw
        for record in top
    ]
    return SplitGraph(b"".join(records), weights)


@dataclass(frozen=True, eq=False)
class _Weight:
    """A TensorProto: its name, and its values where they can stand apart."""

    name: str
    values: Weight | None


def _is_tensor(part: Field) -> bool:
    return part.number == _INITIALIZER and part.wire_type == wire.LENGTH_DELIMITED


def _weight(tensor: Field) -> _Weight:
    name, kind = "", 0
    shape: list[int] = []
    raws = []
    for part in wire.fields(tensor.payload):
        if part.number == _DIMS:
            shape += [part.value] if part.wire_type == wire.VARINT else wire.varints(part.body)
        elif part.number == _DATA_TYPE:
            kind = part.value
        elif part.number == _NAME:
            name = wire.text(part.body)
        elif part.number == _RAW_DATA:
            raws.append(part.body)
    if len(raws) != 1 or len(raws[0]) < LEAST_BYTES or kind not in _ELEMENT_TYPES or not name:
        return _Weight(name, None)
    element = np.dtype(_ELEMENT_TYPES[kind])
    if len(raws[0]) != prod(shape) * element.itemsize:
        return _Weight(name, None)
    values = np.frombuffer(raws[0], element.newbyteorder("<")).reshape(shape)
    return _Weight(name, values if element.itemsize == 1 else values.astype(element))


def _declared_external(tensor: Field) -> bytes:
    """Name another place in the stead of a TensorProto's bytes; nobody reads there."""
    parts = list(wire.fields(tensor.payload))
    size = sum(len(part.payload) for part in parts if part.number == _RAW_DATA)
    place = {"location": "memory", "offset": "0", "length": str(size)}
    entries = [
        wire.encode_bytes(_ENTRY_KEY, key.encode()) + wire.encode_bytes(_ENTRY_VALUE, text.encode())
        for key, text in place.items()
    ]
    return wire.encode_bytes(
        _INITIALIZER,
        b"".join(
            [
                *(part.raw for part in parts if part.number != _RAW_DATA),
                *(wire.encode_bytes(_EXTERNAL_DATA, entry) for entry in entries),
                wire.encode_varint(_DATA_LOCATION, _EXTERNAL),
            ]
        ),
    )
