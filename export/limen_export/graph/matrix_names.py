"""Names of weight matrices that say where in the model they are."""

import onnx_ir as ir

from limen_export.graph.projections import bias_of
from limen_export.graph.rewriting import graph_pass, nodes_of, numbers_of

_BIAS, _WEIGHT = ".bias", ".weight"


@graph_pass
def name_matrices(graph: ir.Graph) -> int:
    """Give matrices the name of the layer that they belong to.

    The tracer transposes the weight of a linear layer and numbers what it made, but keeps
    the bias under its own name, which says where it belongs. A table of precisions that names
    matrices can then be read. Layers without bias keep their numbers.

    Counts the matrices named.
    """
    matrices: dict[ir.Value, dict[ir.Value, None]] = {}
    for node in nodes_of(graph, "MatMul"):
        matrix, added = node.inputs[1], bias_of(node)
        if matrix is not None and added is not None:
            matrices.setdefault(added[1], {})[matrix] = None
    count = 0
    for bias, several in matrices.items():
        # A bias that different matrices have (zeros that the tracer merged) names none of them.
        if len(several) == 1 and (bias.name or "").endswith(_BIAS):
            (matrix,) = several
            name = str(bias.name).removeprefix("model.").removesuffix(_BIAS) + _WEIGHT
            count += _rename(graph, matrix, name)
    return count


def _rename(graph: ir.Graph, matrix: ir.Value, name: str) -> bool:
    if matrix.name not in graph.initializers or name in graph.initializers:
        return False
    if str(matrix.name).endswith(_WEIGHT):
        return False
    # A name belongs to the numbers as well, which the graph that came in shares.
    matrix.const_value = ir.tensor(numbers_of(matrix), name=name)
    matrix.name = name
    return True
