"""What the runtime must know of an ONNX graph before any session sees it.

Field numbers are those of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from limen.errors import FormatError
from limen.format import limits, wire
from limen.format.operators import ALLOWED
from limen.format.wire import Field

_GRAPH, _TRAINING_INFO, _FUNCTION = 7, 20, 25
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_MAX_SUBGRAPH_DEPTH = 8
_SHOWN_CHARACTERS = 60
_ELEMENT_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    10: "float16",
    11: "float64",
}


@dataclass(frozen=True)
class Port:
    """An input or output of the graph: its name, element type and dimensions (a number, or a
    symbol's name).
    """

    name: str
    element_type: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class GraphSummary:
    """Inputs, outputs and operators (`domain.Name`, domain empty for ONNX's own) of a graph."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: frozenset[str]
    nodes: int


@dataclass
class _Findings:
    operators: set[tuple[str, str]] = field(default_factory=set)
    nodes: int = 0
    external: bool = False
    subgraphs: bool = False


def summarise(model: list[Field]) -> GraphSummary:
    """Walk every part of the model in which a tensor or an operator can hide, and judge it.

    Args:
        model: the top-level records of a ModelProto.

    Raises:
        FormatError: external data anywhere, functions, training information, control flow, an
            operator outside the list, more nodes than the cap, or not exactly one graph.
    """
    graphs = [record.body for record in model if record.number == _GRAPH]
    if len(graphs) != 1:
        raise FormatError(f"not an ONNX model: {len(graphs)} graphs found, expected one")
    found = _Findings()
    _walk_graph(graphs[0], found, depth=0)
    for record in model:
        if record.number == _FUNCTION:
            _walk_function(record.body, found)
        elif record.number == _TRAINING_INFO:
            _walk_training(record.body, found)
    _judge(found, {record.number for record in model})
    return GraphSummary(
        inputs=tuple(_ports(graphs[0], 11)),
        outputs=tuple(_ports(graphs[0], 12)),
        operators=frozenset(
            f"{domain}.{name}" if domain else name for domain, name in found.operators
        ),
        nodes=found.nodes,
    )


def _walk_function(function: memoryview, found: _Findings) -> None:
    """FunctionProto: node = 7, attribute_proto = 11."""
    for record in wire.fields(function):
        if record.number == 7:
            _walk_node(record.body, found, depth=0)
        elif record.number == 11:
            _walk_attribute(record.body, found, depth=0)


def _walk_training(training: memoryview, found: _Findings) -> None:
    """TrainingInfoProto: initialization = 1, algorithm = 2, both graphs."""
    for record in wire.fields(training):
        if record.number in (1, 2):
            _walk_graph(record.body, found, depth=0)


def _judge(found: _Findings, top_level: set[int]) -> None:
    if found.external:
        raise FormatError(
            "holds external data: a classifier file is one file with every weight inside; "
            "export again, or load and save the model without external data"
        )
    if _FUNCTION in top_level:
        raise FormatError("holds model-local functions; inline them before stamping")
    if _TRAINING_INFO in top_level:
        raise FormatError("holds training information; export the inference graph alone")
    refused = sorted(
        f"{domain or 'ai.onnx'}.{name}"
        for domain, name in found.operators
        if name not in ALLOWED.get(domain, ())
    )
    if refused:
        shown = ", ".join(name[:_SHOWN_CHARACTERS] for name in refused[:5])
        raise FormatError(
            f"operators outside the list of docs/format.md: {shown}; "
            "export the model with limen instead"
        )
    if found.subgraphs:
        raise FormatError(
            "holds control flow (a graph inside a node), which a classifier file never does"
        )


def _walk_graph(graph: memoryview, found: _Findings, depth: int) -> None:
    if depth > _MAX_SUBGRAPH_DEPTH:
        raise FormatError(f"graphs nested deeper than {_MAX_SUBGRAPH_DEPTH}")
    for record in wire.fields(graph):
        if record.number == 1:
            _walk_node(record.body, found, depth)
        elif record.number == 5:
            _walk_tensor(record.body, found)
        elif record.number == 15:
            _walk_sparse(record.body, found)


def _walk_node(node: memoryview, found: _Findings, depth: int) -> None:
    found.nodes += 1
    if found.nodes > limits.MAX_NODES:
        raise FormatError(f"more than {limits.MAX_NODES:,} nodes")
    operator = domain = ""
    for record in wire.fields(node):
        if record.number == 4:
            operator = wire.text(record.body)
        elif record.number == 7:
            domain = wire.text(record.body)
        elif record.number == 5:
            _walk_attribute(record.body, found, depth)
    found.operators.add((domain, operator))


def _walk_attribute(attribute: memoryview, found: _Findings, depth: int) -> None:
    for record in wire.fields(attribute):
        if record.number in (5, 10):  # t, tensors
            _walk_tensor(record.body, found)
        elif record.number in (6, 11):  # g, graphs
            found.subgraphs = True
            _walk_graph(record.body, found, depth + 1)
        elif record.number in (22, 23):  # sparse_tensor, sparse_tensors
            _walk_sparse(record.body, found)


def _walk_sparse(sparse: memoryview, found: _Findings) -> None:
    for record in wire.fields(sparse):
        if record.number in (1, 2):  # values, indices
            _walk_tensor(record.body, found)


def _walk_tensor(tensor: memoryview, found: _Findings) -> None:
    for record in wire.fields(tensor):
        if record.number == _TENSOR_EXTERNAL_DATA or (
            record.number == _TENSOR_DATA_LOCATION and record.value != 0
        ):
            found.external = True


def _ports(graph: memoryview, number: int) -> Iterator[Port]:
    for record in wire.fields(graph):
        if record.number == number:
            yield _port(record.body)


def _port(value_info: memoryview) -> Port:
    """ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; Tensor: elem_type = 1, shape
    = 2.
    """
    name, element_type = "", "not a tensor"
    shape: tuple[int | str, ...] = ()
    for record in wire.fields(value_info):
        if record.number == 1:
            name = wire.text(record.body)
        elif record.number == 2:
            for kind in wire.fields(record.body):
                if kind.number == 1:
                    element_type, shape = _tensor_type(kind.body)
    return Port(name, element_type, shape)


def _tensor_type(tensor: memoryview) -> tuple[str, tuple[int | str, ...]]:
    element_type = "undefined"
    shape: tuple[int | str, ...] = ()
    for record in wire.fields(tensor):
        if record.number == 1:
            element_type = _ELEMENT_TYPES.get(record.value, f"type {record.value}")
        elif record.number == 2:
            shape = tuple(
                _dimension(part.body) for part in wire.fields(record.body) if part.number == 1
            )
    return element_type, shape


def _dimension(dimension: memoryview) -> int | str:
    for record in wire.fields(dimension):
        if record.number == 1:
            return record.value
        if record.number == 2:
            return wire.text(record.body)
    return ""
