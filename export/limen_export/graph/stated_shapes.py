"""Sizes that a graph computes although they are known, and masks that hide nothing: what older
exporters (Optimum's) write out.
"""

import numpy as np
import onnx_ir as ir

from limen_export.graph.observed import Observed, observe_shapes, size_of
from limen_export.graph.rewriting import (
    Array,
    Pass,
    Rewritten,
    add_node,
    attribute,
    constant,
    drop_dead,
    nodes_of,
    replace,
    weight,
)


def stated_shapes(longest: int) -> Pass:
    """Make the pass for a model that takes so many tokens."""

    def state_shapes(model: ir.Model) -> Rewritten:
        """Note the shape of everything; put numbers in place of what is the same at every shape,
        and constants into Reshape nodes; drop what adds zeros, multiplies by ones, or chooses the
        same side everywhere.

        Counts the inputs and nodes replaced, and shapes that were not known.
        """
        copy = model.clone()
        seen = observe_shapes(copy, longest)
        if seen is None:
            return Rewritten(copy, 0)
        count = _note(seen)
        count += _drop_idle(copy.graph, seen) + _state_reshapes(copy.graph, seen)
        count += _state_numbers(copy.graph, seen)
        drop_dead(copy.graph)
        return Rewritten(copy, count)

    return state_shapes


def _note(seen: Observed) -> int:
    unknown = sum(value.shape is None for value in seen.shapes)
    for value, dimensions in seen.shapes.items():
        value.shape = ir.Shape(list(dimensions))
        value.type = ir.TensorType(seen.types[value])
    return unknown


def _drop_idle(graph: ir.Graph, seen: Observed) -> int:
    count = 0
    for node in nodes_of(graph, "Add", "Mul", "Where"):
        kept = _left_over(node, seen)
        result = node.outputs[0]
        if kept is None or result.is_graph_output():
            continue
        if kept in seen.shapes and seen.shapes[kept] == seen.shapes[result]:
            replace(result, kept)
            count += 1
    return count


def _left_over(node: ir.Node, seen: Observed) -> ir.Value | None:
    """Return the input that a node gives unchanged, if the others do nothing at any sample."""
    if node.op_type == "Where":
        chosen, one, other = node.inputs
        found = None if chosen is None else seen.fixed.get(chosen)
        if found is not None and all(array.all() for array in found):
            return one
        return other if found is not None and not any(array.any() for array in found) else None
    neutral = 0 if node.op_type == "Add" else 1
    for place, value in enumerate(node.inputs):
        found = None if value is None else seen.fixed.get(value)
        if found is not None and all((array == neutral).all() for array in found):
            return node.inputs[1 - place]
    return None


def _state_reshapes(graph: ir.Graph, seen: Observed) -> int:
    count = 0
    for node in nodes_of(graph, "Reshape"):
        given, shape = node.inputs[0], node.inputs[1]
        if given is None or shape is None or attribute(node, "allowzero", 0):
            continue
        stated = _stated(seen.fixed.get(shape, ()), seen.shapes.get(given, ()))
        if stated is not None:
            node.replace_input_with(1, weight(graph, f"{shape.name}_stated", stated))
            count += 1
    return count


def _stated(found: tuple[Array, ...], given: tuple[int | str | None, ...]) -> Array | None:
    """Write a computed shape as a Reshape may state it: 0 for a size that is taken over from the
    same place, -1 for one other.
    """
    samples = found[:-1]
    if not samples or len({array.shape for array in samples}) != 1 or samples[0].ndim != 1:
        return None
    sizes = [size_of(tuple(int(number) for number in each)) for each in zip(*samples, strict=True)]
    stated = []
    for place, size in enumerate(sizes):
        if isinstance(size, int):
            stated.append(size)
        elif size is not None and place < len(given) and given[place] == size:
            stated.append(0)
        else:
            stated.append(-1)
    return np.array(stated, np.int64) if stated.count(-1) <= 1 else None


def _state_numbers(graph: ir.Graph, seen: Observed) -> int:
    count = 0
    for value, found in seen.fixed.items():
        first = found[0]
        if value.uses() and all(np.array_equal(first, array) for array in found[1:]):
            replace(value, weight(graph, f"{value.name}_stated", first))
            count += 1
    return count


def scale_once(model: ir.Model) -> Rewritten:
    """Multiply a product instead of both of its factors.

    torch scales queries and keys each by the root of the factor; attention is then not recognised.
    Products with weights are left alone: a bias is looked for right behind them.

    Counts the products.
    """
    copy = model.clone()
    count = 0
    for node in nodes_of(copy.graph, "MatMul"):
        if any(constant(value) is not None for value in node.inputs):
            continue
        factor, plain = 1.0, []
        for value in node.inputs:
            own, inner = _unscaled(value)
            factor *= own
            plain.append(inner)
        if plain == list(node.inputs):
            continue
        (product,) = add_node(node, "MatMul", plain)
        product.shape, product.type = node.outputs[0].shape, node.outputs[0].type
        scale = weight(copy.graph, f"{node.outputs[0].name}_scale", np.array(factor, np.float32))
        (result,) = add_node(node, "Mul", [product, scale])
        replace(node.outputs[0], result)
        count += 1
    drop_dead(copy.graph)
    return Rewritten(copy, count)


def _unscaled(value: ir.Value | None) -> tuple[float, ir.Value | None]:
    """Take a number off that a value is multiplied with or divided by."""
    node = None if value is None else value.producer()
    if value is None or node is None or node.op_type not in ("Mul", "Div"):
        return 1.0, value
    if len(list(value.uses())) != 1:
        return 1.0, value
    number = constant(node.inputs[1])
    if number is None or number.size != 1 or constant(node.inputs[0]) is not None:
        return 1.0, value
    factor = float(number.reshape(()))
    return (factor if node.op_type == "Mul" else 1.0 / factor), node.inputs[0]
