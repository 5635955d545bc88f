"""What rounding a matrix to 8 bits shifts on average, taken back in the bias."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
from limen.arrays import FloatArray

from limen_export.graph.int8_matrices import by_column, matrix_products
from limen_export.graph.projections import bias_of
from limen_export.graph.rewriting import Rewritten, drop_dead, numbers_of, replace, weight


def correct_biases(model: ir.Model, means: Mapping[str, FloatArray]) -> Rewritten:
    """Add to the bias of each product by how much its int8 matrix would be off on the mean row.

    Rows that reach a matrix are not centred on zero, so that rounded weights move every result the
    same way (Nagel et al. 2019, https://arxiv.org/abs/1906.04721, section 4.2). Taking that back
    costs nothing at run time. The graph that comes out is meant to be quantised next.

    Args:
        model: fp32, smoothed; it is left as it is.
        means: float32 (channels,), the mean of the rows that reach a matrix, by its name; products
            without one are left alone.

    Returns:
        The graph and the number of products whose bias was corrected.
    """
    copy = model.clone()
    graph = copy.graph
    count = 0
    for name, node in list(matrix_products(graph)):
        if name not in means:
            continue
        matrix = numbers_of(node.inputs[1])
        quantised, scale = by_column(matrix)
        shift = (means[name] @ (matrix - quantised * scale)).astype(np.float32)
        added = bias_of(node)
        if added is None:
            _add_bias(graph, node, weight(graph, f"{name}_correction", shift))
        else:
            end, bias = added
            corrected = weight(graph, f"{bias.name}_corrected", numbers_of(bias) + shift)
            end.replace_input_with(0 if end.inputs[0] is bias else 1, corrected)
        count += 1
    drop_dead(graph)
    return Rewritten(copy, count)


def _add_bias(graph: ir.Graph, product: ir.Node, bias: ir.Value) -> None:
    result = product.outputs[0]
    added = ir.node("Add", [result, bias])
    graph.insert_after(product, added)
    replace(result, added.outputs[0])
    added.replace_input_with(0, result)
