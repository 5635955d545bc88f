"""Weight matrices in 8 bits; activations quantised as they come."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import numpy as np
import onnx_ir as ir

from limen_export.graph.projections import bias_of
from limen_export.graph.rewriting import (
    MICROSOFT,
    Array,
    Rewritten,
    add_node,
    constant,
    drop_dead,
    nodes_of,
    numbers_of,
    replace,
    weight,
)

LARGEST = 127
"""Of signed 8-bit weights: symmetric, so that no zero point is needed."""


def matrix_products(graph: ir.Graph) -> Iterator[tuple[str, ir.Node]]:
    """Walk the products of computed rows with a weight matrix, each under its matrix' name.

    Those of the head are traced as Gemm and not among them: they run on one row of a text, cost
    next to nothing and are closest to the decision.
    """
    for node in nodes_of(graph, "MatMul"):
        rows, matrix = node.inputs[0], constant(node.inputs[1])
        if matrix is not None and matrix.ndim == 2 and rows is not None and constant(rows) is None:
            yield str(node.inputs[1].name if node.inputs[1] is not None else ""), node


def matrix_names(model: ir.Model) -> tuple[str, ...]:
    """Name the weight matrices of the body, each once, in the order of the graph."""
    return tuple(dict.fromkeys(name for name, _ in matrix_products(model.graph)))


def int8_matrices(model: ir.Model, in_float: AbstractSet[str] = frozenset()) -> Rewritten:
    """Quantise weight matrices: signed 8-bit weights with one scale for each column, unsigned 8-bit
    activations with a scale and zero point for each text, found as it runs
    (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeMatMul).
    The bias is added inside the product.

    Args:
        model: fp32; it is left as it is.
        in_float: names of matrices that stay in float.

    Returns:
        The graph and the number of products that now run in int8.
    """
    copy = model.clone()
    count = 0
    for name, node in matrix_products(copy.graph):
        if name in in_float:
            continue
        matrix, scale = stored_by_column(copy.graph, name, node)
        end, bias = with_bias(node)
        (result,) = add_node(
            end,
            "DynamicQuantizeMatMul",
            [node.inputs[0], matrix, scale, None, bias],
            domain=MICROSOFT,
        )
        replace(end.outputs[0], result)
        count += 1
    drop_dead(copy.graph)
    return Rewritten(copy, count)


def with_bias(product: ir.Node) -> tuple[ir.Node, ir.Value | None]:
    """Return the node whose output is the product with its bias, and the bias."""
    added = bias_of(product)
    return (product, None) if added is None else added


def by_column(matrix: Array) -> tuple[Array, Array]:
    """Quantise a matrix, float32 (rows, columns), to int8 of the same shape and a float32 scale for
    each column; their product is within half a scale of the matrix.
    """
    scale = np.abs(matrix).max(axis=0) / LARGEST
    scale = np.where(scale == 0, 1, scale).astype(np.float32)
    return np.rint(matrix / scale).clip(-LARGEST, LARGEST).astype(np.int8), scale


def stored_by_column(graph: ir.Graph, name: str, node: ir.Node) -> tuple[ir.Value, ir.Value]:
    """Add a quantised matrix and its scales, or find them where the matrix is shared by layers."""
    known = graph.initializers.get(f"{name}_int8"), graph.initializers.get(f"{name}_scale")
    if known[0] is not None and known[1] is not None:
        return known[0], known[1]
    quantised, scale = by_column(numbers_of(node.inputs[1]))
    return weight(graph, f"{name}_int8", quantised), weight(graph, f"{name}_scale", scale)
