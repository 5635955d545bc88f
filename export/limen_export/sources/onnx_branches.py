"""Branches of a graph that go the same way for every text."""

import numpy as np
import onnx
from limen.engine import open_session, session_options
from onnx import AttributeProto, GraphProto, NodeProto, ValueInfoProto

_LENGTHS = (1, 2, 9)


def settle_branches(model: onnx.ModelProto, longest: int) -> onnx.ModelProto:
    """Put in place of an `If` the branch that is taken, where that is always the same.

    Optimum's DeBERTa asks in every layer whether queries and keys are equally many, which they
    always are. A condition counts as settled if no token id has a part in it, only shapes, and if
    it is the same for texts of 1, 2, 9 and `longest` tokens.

    Args:
        model: of `input_ids` alone.
        longest: the most tokens that it takes.

    Returns:
        The graph without such an `If`; others stay, to be refused as control flow.
    """
    settled = onnx.ModelProto()
    settled.CopyFrom(model)
    while True:
        by_shape = _without_ids(settled.graph)
        asked = [
            node.input[0]
            for node in settled.graph.node
            if node.op_type == "If" and node.input[0] in by_shape
        ]
        found = _outcomes(settled, list(dict.fromkeys(asked)), longest)
        if not found:
            return settled
        _inline(settled.graph, found)


def _without_ids(graph: GraphProto) -> set[str]:
    """Name the values that no token id has a part in."""
    touched = {port.name for port in graph.input}
    free = {tensor.name for tensor in graph.initializer} - touched
    for node in graph.node:
        inner = any(attribute.type == AttributeProto.GRAPH for attribute in node.attribute)
        if node.op_type != "Shape" and (inner or touched & {*node.input}):
            touched |= {*node.output}
        else:
            free |= {*node.output}
    return free


def _outcomes(model: onnx.ModelProto, conditions: list[str], longest: int) -> dict[str, bool]:
    if not conditions:
        return {}
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(ValueInfoProto(name=name) for name in conditions)
    session = open_session(shown.SerializeToString(), session_options())
    runs = [
        session.run(None, {"input_ids": np.zeros((1, min(length, longest)), np.int64)})
        for length in (*_LENGTHS, longest)
    ]
    seen = {name: {bool(run[place]) for run in runs} for place, name in enumerate(conditions)}
    return {name: ways.pop() for name, ways in seen.items() if len(ways) == 1}


def _inline(graph: GraphProto, found: dict[str, bool]) -> None:
    nodes: list[NodeProto] = []
    for place, node in enumerate(graph.node):
        if node.op_type != "If" or node.input[0] not in found:
            nodes.append(node)
            continue
        wanted = "then_branch" if found[node.input[0]] else "else_branch"
        branch = next(item.g for item in node.attribute if item.name == wanted)
        nodes += _renamed(branch, f"branch_{place}_", list(node.output), graph)
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _renamed(
    branch: GraphProto, prefix: str, outputs: list[str], graph: GraphProto
) -> list[NodeProto]:
    """Return the nodes of a branch with names of their own, giving what the `If` gave; its weights
    become the graph's.
    """
    made = [name for node in branch.node for name in node.output if name]
    names = {name: prefix + name for name in [*made, *(one.name for one in branch.initializer)]}
    for tensor in branch.initializer:
        added = graph.initializer.add()
        added.CopyFrom(tensor)
        added.name = names[tensor.name]
    nodes = [_node_renamed(node, names) for node in branch.node]
    for given, output in zip(branch.output, outputs, strict=True):
        passed = names.get(given.name, given.name)
        nodes.append(onnx.helper.make_node("Identity", [passed], [output]))
    return nodes


def _node_renamed(node: NodeProto, names: dict[str, str]) -> NodeProto:
    copy: NodeProto = NodeProto.FromString(node.SerializeToString())
    for values in (copy.input, copy.output):
        for place, name in enumerate(values):
            values[place] = names.get(name, name)
    for attribute in copy.attribute:
        if attribute.type == AttributeProto.GRAPH:
            inner = [_node_renamed(each, names) for each in attribute.g.node]
            del attribute.g.node[:]
            attribute.g.node.extend(inner)
            for output in attribute.g.output:
                output.name = names.get(output.name, output.name)
    return copy
