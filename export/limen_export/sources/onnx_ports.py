"""Inputs and outputs of an imported graph, made those of a classifier file: `input_ids` to
`logits`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import onnx
from limen.errors import ExportError
from limen.format import Link
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, helper

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
LOGITS = "logits"
_KNOWN = (IDS, MASK, TYPES)
_WHOLE = (TensorProto.INT32, TensorProto.INT64)
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
_LINKS: dict[str, Link] = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
_PASSED_ON = ("Identity", "Cast")
_SHAPE, _IDS_INT32, _LEAST = "limen_ids_shape", "limen_ids_int32", "limen_least"
LEAST_PROBABILITY = 1e-30
"""Smaller ones count as this: 0 has no logarithm."""


@dataclass(frozen=True)
class Ports:
    """What the graph takes and gives.

    Attributes:
        inputs: (name, ONNX element type), each `input_ids`, `attention_mask` or `token_type_ids`.
        output: name of the chosen output.
        logits: name of the value that holds the logits: the output itself, or what its softmax or
            sigmoid reads.
        link: that softmax or sigmoid; None where the output is the logits; log where it holds
            probabilities that were made in another way.
    """

    inputs: tuple[tuple[str, int], ...]
    output: str
    logits: str
    link: Link | None


def find_ports(model: onnx.ModelProto, wanted: str | None, name: str) -> Ports:
    """Find inputs and the output that holds the logits; what is behind it remains to be seen.

    Args:
        model: any graph.
        wanted: the output that the user named; None takes the one named logits, or the only one.
        name: of the source, for messages.

    Raises:
        ExportError: an input of another name or type, no `input_ids`, or several outputs of which
            none is named logits.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    given = [port for port in model.graph.input if port.name not in weights]
    inputs = tuple((port.name, port.type.tensor_type.elem_type) for port in given)
    names = [port for port, _ in inputs]
    strange = sorted(set(names) - set(_KNOWN))
    if strange or IDS not in names:
        raise ExportError(
            f"{name}: the graph takes {', '.join(names) or 'nothing'}; expected {IDS} and, where "
            f"there are others, {MASK} and {TYPES}"
        )
    for port, kind in inputs:
        if kind not in _WHOLE:
            raise ExportError(
                f"{name}: input {port} is {TensorProto.DataType.Name(kind).lower()}, expected "
                "int32 or int64"
            )
    output = _chosen([port.name for port in model.graph.output], wanted, name)
    kind = next(port for port in model.graph.output if port.name == output)
    if kind.type.tensor_type.elem_type not in (*_FLOATS, TensorProto.UNDEFINED):
        raise ExportError(
            f"{name}: output {output} holds no floating-point numbers; expected logits"
        )
    return Ports(inputs, output, output, None)


def _chosen(names: Sequence[str], wanted: str | None, name: str) -> str:
    if wanted is not None:
        if wanted not in names:
            raise ExportError(
                f"{name}: the graph has no output {wanted!r}; it has {', '.join(names)}"
            )
        return wanted
    if LOGITS in names:
        return LOGITS
    if len(names) == 1:
        return names[0]
    raise ExportError(
        f"{name}: the graph has {len(names)} outputs, none of them named {LOGITS}: "
        f"{', '.join(names)}; say which holds the logits with --output-name NAME"
    )


def behind_link(model: onnx.ModelProto, ports: Ports) -> Ports:
    """Find the logits behind scores, where the output is the result of a softmax or a sigmoid."""
    makers = {made: node for node in model.graph.node for made in node.output}
    node = makers.get(ports.output)
    while node is not None and node.op_type in _PASSED_ON:
        node = makers.get(node.input[0])
    if node is None or node.domain or node.op_type not in _LINKS:
        return ports
    return replace(ports, logits=node.input[0], link=_LINKS[node.op_type])


def showing(model: onnx.ModelProto, value: str) -> onnx.ModelProto:
    """Return the graph with one value, of whatever name and type, as its only output; what only
    other outputs need is left out.
    """
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    # Without a type: onnxruntime infers it, and the value may be inside the graph.
    shown.graph.output.append(ValueInfoProto(name=value))
    needed, kept = {value}, []
    for node in reversed(shown.graph.node):
        if needed & {*node.output}:
            kept.append(NodeProto.FromString(node.SerializeToString()))
            needed |= {*_reads(node)}
    del shown.graph.node[:]
    shown.graph.node.extend(reversed(kept))
    return shown


def _reads(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield from (output.name for output in attribute.g.output)
            for inner in attribute.g.node:
                yield from _reads(inner)


def with_file_ports(shown: onnx.ModelProto, ports: Ports, outputs: int) -> onnx.ModelProto:
    """Return a graph from `input_ids`, int64 (batch, tokens), to `logits`, float32 (batch,
    outputs), for texts without padding: a mask of ones and token types of zeros are computed from
    the shape of the ids.

    Args:
        shown: the logits are its only output; it is left as it is.
        ports: of it.
        outputs: width of the logits.
    """
    made = onnx.ModelProto()
    made.CopyFrom(shown)
    graph = made.graph
    _rename(graph, {LOGITS: f"{LOGITS}_given", ports.logits: f"{LOGITS}_computed"})
    if dict(ports.inputs)[IDS] == TensorProto.INT32:
        _read_cast_ids(graph)
    if ports.link == "log":
        least = helper.make_tensor(_LEAST, TensorProto.FLOAT, [], [LEAST_PROBABILITY])
        graph.initializer.append(least)
    nodes = [*_entry(dict(ports.inputs)), *graph.node, *_exit(ports)]
    copied = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(copied)
    takes = helper.make_tensor_value_info(IDS, TensorProto.INT64, ["batch", "tokens"])
    gives = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["batch", outputs])
    graph.input.append(takes)
    graph.output.append(gives)
    del made.metadata_props[:]
    return made


def _entry(kinds: dict[str, int]) -> Iterator[NodeProto]:
    """Make what a text without padding needs beside its ids, and ids as the graph wants them."""
    if len(kinds) > 1:
        yield helper.make_node("Shape", [IDS], [_SHAPE])
    for name, number in ((MASK, 1), (TYPES, 0)):
        if name in kinds:
            filled = helper.make_tensor("filled", kinds[name], [1], [number])
            yield helper.make_node("ConstantOfShape", [_SHAPE], [name], value=filled)
    if kinds[IDS] == TensorProto.INT32:
        yield helper.make_node("Cast", [IDS], [_IDS_INT32], to=TensorProto.INT32)


def _exit(ports: Ports) -> Iterator[NodeProto]:
    """Make float32 of the logits, or logarithms of probabilities."""
    computed = f"{LOGITS}_computed"
    if ports.link != "log":
        yield helper.make_node("Cast", [computed], [LOGITS], to=TensorProto.FLOAT)
        return
    yield helper.make_node("Cast", [computed], ["limen_float"], to=TensorProto.FLOAT)
    yield helper.make_node("Max", ["limen_float", _LEAST], ["limen_above_0"])
    yield helper.make_node("Log", ["limen_above_0"], [LOGITS])


def _read_cast_ids(graph: GraphProto) -> None:
    """Let everything that needs them as int32 read such ids; a lookup takes int64 as well, and is
    then known as one.
    """
    for node in graph.node:
        for place, value in enumerate(node.input):
            looked_up = node.op_type == "Gather" and place == 1
            if value == IDS and not looked_up:
                node.input[place] = _IDS_INT32


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    """Rename values wherever they are made or read."""
    for node in graph.node:
        for values in (node.input, node.output):
            for place, value in enumerate(values):
                values[place] = names.get(value, value)
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                _rename(attribute.g, names)
                for output in attribute.g.output:
                    output.name = names.get(output.name, output.name)
