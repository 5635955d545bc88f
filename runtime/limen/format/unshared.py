"""A copy of a signed 8-bit weight for every node that reads it.

Where onnxruntime makes signed weights unsigned while a session opens, it names what it makes after
the weight, and refuses a graph in which two nodes share one, as the layers of ALBERT do (1.31.1,
not 1.22.1: "Attempt to replace the existing tensor").

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator
from functools import partial

from limen.format import wire
from limen.format.wire import Field

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_NODE_INPUT, _DATA_TYPE, _TENSOR_NAME, _INT8 = 1, 2, 8, 3


def unshared(model: bytes) -> bytes:
    """Return a checked ONNX model whose nodes share no signed 8-bit weight; it computes the same.

    Raises:
        FormatError: the bytes are no protobuf message.
    """
    return b"".join(
        wire.encode_bytes(_GRAPH, b"".join(_of_graph(list(wire.fields(record.body)))))
        if record.number == _GRAPH
        else record.raw
        for record in wire.fields(memoryview(model))
    )


def _of_graph(parts: list[Field]) -> Iterator[bytes | memoryview]:
    readers = Counter(
        wire.text(field.body)
        for part in parts
        if part.number == _NODE
        for field in wire.fields(part.body)
        if field.number == _NODE_INPUT
    )
    shared = {
        name: part
        for part in parts
        if part.number == _INITIALIZER and (name := _int8_name(part)) and readers[name] > 1
    }
    given: Counter[str] = Counter()

    def own(name: str) -> str:
        """Return the name of a weight for the next node that reads it."""
        given[name] += 1
        return _copy_name(name, given[name])

    for part in parts:
        yield _renamed(part, _NODE_INPUT, shared, own) if part.number == _NODE else part.raw
    for name, part in shared.items():
        for reader in range(2, readers[name] + 1):
            yield _renamed(part, _TENSOR_NAME, {name}, partial(_copy_name, reader=reader))


def _copy_name(name: str, reader: int) -> str:
    """Return what a weight is called for one of its readers, from 1, who keeps the name."""
    return name if reader == 1 else f"{name}/reader {reader}"


def _int8_name(tensor: Field) -> str:
    """The name of a TensorProto of signed 8-bit values; empty for another."""
    name, kind = "", 0
    for field in wire.fields(tensor.body):
        if field.number == _TENSOR_NAME:
            name = wire.text(field.body)
        elif field.number == _DATA_TYPE:
            kind = field.value
    return name if kind == _INT8 else ""


def _renamed(
    record: Field, number: int, names: Container[str], other: Callable[[str], str]
) -> bytes:
    """Replace those of the strings in one field of a message that are among some names."""
    fields = (
        wire.encode_bytes(number, other(name).encode())
        if field.number == number and (name := wire.text(field.body)) in names
        else field.raw
        for field in wire.fields(record.body)
    )
    return wire.encode_bytes(record.number, b"".join(fields))
