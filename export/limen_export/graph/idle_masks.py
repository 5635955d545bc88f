"""Masks that hide nothing, built by models that compute attention step by step."""

import onnx_ir as ir

from limen_export.graph.rewriting import constant, graph_pass, nodes_of, replace

_SAME_VALUES = frozenset("Cast Expand Identity Reshape Squeeze Tile Transpose Unsqueeze".split())


@graph_pass
def drop_idle_masks(graph: ir.Graph) -> int:
    """Remove a mask that is added to scores and is zero wherever a token can be.

    Without an attention mask, transformers makes one while it is traced: positions that are not
    negative get 0, others the smallest float. Positions count from 0, so all of them get 0.

    Counts the additions removed.
    """
    count = 0
    for node in nodes_of(graph, "Add"):
        for place in (0, 1):
            mask, scores = node.inputs[place], node.inputs[1 - place]
            if mask is None or scores is None or constant(mask) is not None:
                continue
            if _is_zero(mask) and _fits_into(mask, scores):
                replace(node.outputs[0], scores)
                count += 1
                break
    return count


def _is_zero(value: ir.Value) -> bool:
    """Say whether a computed value is zero in every element, whatever the text."""
    node = _source(value).producer()
    if node is None or node.op_type != "Where" or node.inputs[0] is None:
        return False
    chosen = constant(node.inputs[1])
    return chosen is not None and not chosen.any() and _is_true(node.inputs[0])


def _is_true(value: ir.Value) -> bool:
    """Say whether a condition holds in every element: numbers counted upwards from a start are at
    least that start.
    """
    node = _source(value).producer()
    if node is None or node.op_type != "GreaterOrEqual" or node.inputs[0] is None:
        return False
    counted, least = _source(node.inputs[0]).producer(), constant(node.inputs[1])
    if counted is None or counted.op_type != "Range" or least is None:
        return False
    start, step = constant(counted.inputs[0]), constant(counted.inputs[2])
    return start is not None and step is not None and bool((start >= least).all() and step > 0)


def _source(value: ir.Value) -> ir.Value:
    """Go back over nodes that only repeat or reorder elements."""
    node = value.producer()
    while node is not None and node.op_type in _SAME_VALUES and node.inputs[0] is not None:
        value = node.inputs[0]
        node = value.producer()
    return value


def _fits_into(mask: ir.Value, scores: ir.Value) -> bool:
    """Say whether the sum has the shape of the scores."""
    if mask.shape is None or scores.shape is None or len(mask.shape) > len(scores.shape):
        return False
    pairs = zip(reversed(mask.shape.dims), reversed(scores.shape.dims), strict=False)
    return all(one == 1 or (str(one) == str(other) and str(one) != "None") for one, other in pairs)
