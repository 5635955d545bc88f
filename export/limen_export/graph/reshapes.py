"""Reshapes that change nothing: heads taken apart and put together around a fused attention."""

import onnx_ir as ir

from limen_export.graph.rewriting import (
    attribute,
    constant,
    graph_pass,
    nodes_of,
    replace,
    same_shape,
)


@graph_pass
def drop_needless_reshapes(graph: ir.Graph) -> int:
    """Read past a Reshape into another one, and drop a Reshape that gives the shape it was given.

    A Reshape only looks at the order of the elements, so that of two in a row the first can go. One
    that gives the shape it was given is known by the dimensions that the tracer noted, which are
    numbers or the symbols `batch` and `tokens`.

    Counts the Reshape and Identity nodes passed over.
    """
    count = 0
    for node in nodes_of(graph, "Identity", "Reshape"):
        given, result = node.inputs[0], node.outputs[0]
        if given is None:
            continue
        if node.op_type == "Identity":
            if not result.is_graph_output():
                replace(result, given)
                count += 1
            continue
        count += _pass_over(node)
        given = node.inputs[0]
        if given is not None and same_shape(given, result) and not result.is_graph_output():
            replace(result, given)
            count += 1
    return count


def _pass_over(node: ir.Node) -> int:
    """Read what the Reshape before this one reads, unless this one copies a dimension from it."""
    count = 0
    while True:
        given = node.inputs[0]
        before = None if given is None else given.producer()
        if before is None or before.op_type != "Reshape" or not _states_all_dimensions(node):
            return count
        node.replace_input_with(0, before.inputs[0])
        count += 1


def _states_all_dimensions(node: ir.Node) -> bool:
    if attribute(node, "allowzero", 0) == 1:
        return True
    shape = constant(node.inputs[1])
    return shape is not None and bool((shape != 0).all())
