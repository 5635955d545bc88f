"""Names of weight matrices that say where in the model they are."""

import onnx_ir as ir

from limen_export.graph.projections import bias_of
from limen_export.graph.rewriting import constant, graph_pass, nodes_of

_BIAS, _WEIGHT = ".bias", ".weight"


@graph_pass
def name_matrices(graph: ir.Graph) -> int:
    """Give matrices the name of the layer that they belong to.

    The tracer transposes the weight of a linear layer and numbers what it made, but keeps
    the bias under its own name, which says where it belongs. A table of precisions that names
    matrices can then be read. Layers without bias keep their numbers.

    Counts the matrices named.
    """
    count = 0
    for node in nodes_of(graph, "MatMul"):
        matrix, added = node.inputs[1], bias_of(node)
        if matrix is None or constant(matrix) is None or added is None:
            continue
        # A bias that several layers share (zeros that the tracer merged) names none of them.
        bias = (added[1].name or "") if len(list(added[1].uses())) == 1 else ""
        name = bias.removeprefix("model.").removesuffix(_BIAS) + _WEIGHT
        if (
            bias.endswith(_BIAS)
            and matrix.name in graph.initializers
            and name not in graph.initializers
        ):
            matrix.name = name
            count += 1
    return count
