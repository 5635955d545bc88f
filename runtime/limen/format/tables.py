"""Tables of an encoder: initializers of the graph that no node reads, named `limen.*`.

They stand in the graph because JSON would hold a vocabulary several times as large and take longer
to read. Field numbers are those of onnx.proto3
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from limen.errors import FormatError
from limen.format import wire
from limen.format.wire import Field

Table: TypeAlias = npt.NDArray[Any]
Tables: TypeAlias = Mapping[str, Table]

TABLE_PREFIX = "limen."
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
_ELEMENT_TYPES = {1: np.float32, 2: np.uint8, 6: np.int32}
_DATA_TYPES = {np.dtype(element): number for number, element in _ELEMENT_TYPES.items()}
_MOST_TABLES = 1_000


def read_tables(model: Sequence[Field]) -> dict[str, Table]:
    """Read the tables of a model.

    Args:
        model: the top-level records of a ModelProto.

    Returns:
        Tables by name: float32, uint8 or int32, of rank 1; views of the model's bytes where they
            can be.

    Raises:
        FormatError: a table that stands twice, of another element type or rank, or whose bytes do
            not fit its shape; more tables than an encoder can have.
    """
    tables: dict[str, Table] = {}
    for record in model:
        if record.number != _GRAPH:
            continue
        for part in wire.fields(record.body):
            name = table_name(part)
            if name is None:
                continue
            if name in tables:
                raise FormatError(f"table {name[:60]!r} stands twice")
            if len(tables) == _MOST_TABLES:
                raise FormatError(f"more than {_MOST_TABLES:,} tables")
            tables[name] = _values(part, name)
    return tables


def table_name(part: Field) -> str | None:
    """Return the name of a record of a GraphProto if it is a table, else None."""
    if part.number != _INITIALIZER or part.wire_type != wire.LENGTH_DELIMITED:
        return None
    name = ""
    for field in wire.fields(part.payload):
        if field.number == _NAME:
            name = wire.text(field.body)
    return name if name.startswith(TABLE_PREFIX) else None


def with_tables(record: Field, tables: Tables) -> bytes:
    """Return a graph record of a ModelProto that holds these tables and no others."""
    kept = [part.raw for part in wire.fields(record.body) if table_name(part) is None]
    added = [_tensor(name, tables[name]) for name in sorted(tables)]
    return wire.encode_bytes(_GRAPH, b"".join([*kept, *added]))


def _values(tensor: Field, name: str) -> Table:
    kind = 0
    shape: list[int] = []
    raws = []
    for part in wire.fields(tensor.payload):
        if part.number == _DIMS:
            shape += [part.value] if part.wire_type == wire.VARINT else wire.varints(part.body)
        elif part.number == _DATA_TYPE:
            kind = part.value
        elif part.number == _RAW_DATA:
            raws.append(part.body)
    if kind not in _ELEMENT_TYPES:
        raise FormatError(
            f"table {name[:60]!r}: element type {kind}, expected float32, uint8 or int32"
        )
    if len(shape) != 1:
        raise FormatError(f"table {name[:60]!r}: rank {len(shape)}, expected 1")
    element = np.dtype(_ELEMENT_TYPES[kind])
    data = raws[0] if raws else memoryview(b"")
    if len(raws) > 1 or len(data) != shape[0] * element.itemsize:
        raise FormatError(f"table {name[:60]!r}: its bytes do not fit its shape")
    return np.frombuffer(data, element.newbyteorder("<")).astype(element, copy=False)


def _tensor(name: str, values: Table) -> bytes:
    """A TensorProto as an initializer record."""
    stored = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return wire.encode_bytes(
        _INITIALIZER,
        b"".join(
            [
                *(wire.encode_varint(_DIMS, size) for size in values.shape),
                wire.encode_varint(_DATA_TYPE, _DATA_TYPES[values.dtype.newbyteorder("=")]),
                wire.encode_bytes(_NAME, name.encode("utf-8")),
                wire.encode_bytes(_RAW_DATA, stored.tobytes()),
            ]
        ),
    )
