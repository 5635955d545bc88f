"""Matrices that read the same rows, merged into one."""

import numpy as np
import onnx_ir as ir

from limen_export.graph.rewriting import (
    add_node,
    constant,
    graph_pass,
    nodes_of,
    numbers_of,
    replace,
    weight,
)


@graph_pass
def merge_projections(graph: ir.Graph) -> int:
    """Merge the matrices that read the same rows, such as query, key and value, into one MatMul and
    a Split.

    One product of (tokens, hidden) with (hidden, 3 hidden) uses the cache better than three, and an
    int8 graph quantises the rows once. Biases are merged where every matrix of a group has one.

    Counts the MatMul nodes that were merged.
    """
    groups: dict[ir.Value, list[ir.Node]] = {}
    for node in nodes_of(graph, "MatMul"):
        rows, matrix = node.inputs[0], constant(node.inputs[1])
        if rows is not None and constant(rows) is None and matrix is not None and matrix.ndim == 2:
            groups.setdefault(rows, []).append(node)
    merged = [group for group in groups.values() if len(group) > 1]
    for group in merged:
        _merge(graph, group)
    return sum(len(group) for group in merged)


def _merge(graph: ir.Graph, group: list[ir.Node]) -> None:
    first = group[0]
    parts = [node.inputs[1] for node in group]
    matrix = _joined(graph, parts)
    (product,) = add_node(first, "MatMul", [first.inputs[0], matrix])
    ends = [node.outputs[0] for node in group]
    added = [bias_of(node) for node in group]
    if all(bias is not None for bias in added):
        bias = _joined(graph, [one[1] for one in added if one is not None])
        (product,) = add_node(first, "Add", [product, bias])
        ends = [one[0].outputs[0] for one in added if one is not None]
    widths = np.array([numbers_of(part).shape[1] for part in parts], np.int64)
    sizes = weight(graph, f"{matrix.name}_sizes", widths)
    results = add_node(first, "Split", [product, sizes], {"axis": -1}, outputs=len(group))
    for end, result in zip(ends, results, strict=True):
        replace(end, result)


def _joined(graph: ir.Graph, parts: list[ir.Value | None]) -> ir.Value:
    """Put weights side by side, once for all layers that share them."""
    names = [str(part.name) for part in parts if part is not None]
    name = "+".join([names[0], *(other.rsplit(".", 2)[-2:][0] for other in names[1:])])
    known = graph.initializers.get(name)
    numbers = np.concatenate([numbers_of(part) for part in parts], axis=-1)
    if known is not None and np.array_equal(numbers_of(known), numbers):
        return known
    return weight(graph, name, numbers)


def bias_of(product: ir.Node) -> tuple[ir.Node, ir.Value] | None:
    """Return the Add that gives a product its bias, and the bias, (columns,); None where the
    product is read by anything else.
    """
    uses = list(product.outputs[0].uses())
    if len(uses) != 1 or product.outputs[0].is_graph_output() or uses[0].node.op_type != "Add":
        return None
    other = uses[0].node.inputs[1 - uses[0].idx]
    numbers = constant(other)
    matrix = constant(product.inputs[1])
    if other is None or numbers is None or matrix is None or numbers.shape != matrix.shape[1:]:
        return None
    return uses[0].node, other
