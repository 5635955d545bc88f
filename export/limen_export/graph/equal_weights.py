"""Weights that layers share, stored once."""

from hashlib import sha256

import numpy as np
import onnx_ir as ir

from limen_export.graph.rewriting import constant, graph_pass, replace


@graph_pass
def share_equal_weights(graph: ir.Graph) -> int:
    """Let equal matrices and tables be one.

    The tracer transposes the weight of a linear layer at every call and merges only small results,
    so that an ALBERT of 12 layers, which has one layer's weights, would be stored as 12. Vectors
    are left alone: biases that happen to be equal, such as zeros, keep the names of their layers.

    Counts the weights dropped.
    """
    known: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}
    count = 0
    for value in list(graph.initializers.values()):
        numbers = constant(value)
        if numbers is None or numbers.ndim < 2 or _is_port(value):
            continue
        digest = sha256(np.ascontiguousarray(numbers).tobytes()).digest()
        first = known.setdefault((numbers.dtype.name, numbers.shape, digest), value)
        if first is not value and value.uses():
            replace(value, first)
            count += 1
    return count


def _is_port(value: ir.Value) -> bool:
    return value.is_graph_input() or value.is_graph_output()
