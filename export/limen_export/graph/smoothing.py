"""Outlying channels of what reaches a matrix, moved into the matrix where int8 minds them less."""

from collections.abc import Iterator, Mapping

import numpy as np
import onnx_ir as ir
from limen.arrays import FloatArray

from limen_export.graph.activations import Activations
from limen_export.graph.int8_matrices import by_column, matrix_products
from limen_export.graph.projections import bias_of
from limen_export.graph.rewriting import (
    Array,
    Rewritten,
    add_node,
    constant,
    drop_dead,
    numbers_of,
    weight,
)

_CAPS = (0.998, 0.99, 0.97, 0.9)
_POWERS = (0.5, 0.6, 0.7, 0.8)
_WORTH_IT = 0.95
"""A scale must bring the error below this share of what it is without one."""
_STEPS = 255


def choose_scales(model: ir.Model, seen: Mapping[str, Activations]) -> dict[str, FloatArray]:
    """Find for each matrix by what to divide its channels, so that its int8 product errs least.

    Activations have one int8 scale for all channels of a text, so one channel of 28 where the
    others stay below 3 costs all of them three bits. Dividing channel c by s and multiplying row c
    of the matrix by s changes nothing in exact arithmetic; weights, with a scale for each column,
    mind it less. The idea is SmoothQuant's (Xiao et al. 2023, https://arxiv.org/abs/2211.10438),
    its scale max|X_c|^a / max|W_c|^(1-a) among the candidates here; the others cap the channels at
    a quantile of their maxima, which leaves all but the outliers alone. Of all candidates the one
    whose quantised product is nearest to the exact one on the rows seen is taken.

    Args:
        model: fp32.
        seen: what reaches each matrix.

    Returns:
        Scales, float32 (channels,), all positive, by name of the matrix; none where it is better
        left alone.
    """
    chosen: dict[str, FloatArray] = {}
    for name, node in matrix_products(model.graph):
        matrix = constant(node.inputs[1])
        if matrix is None or name not in seen or name in chosen:
            continue
        scale = _best_scale(matrix, seen[name])
        if scale is not None:
            chosen[name] = scale
    return chosen


def smooth(model: ir.Model, scales: Mapping[str, FloatArray]) -> Rewritten:
    """Divide channels by their scales and multiply the rows of the matrices; only rounding differs.

    Before the output matrix of an attention the division goes into the matrix that made the values,
    which costs nothing; elsewhere it is one Mul. (It cannot go into the LayerNormalization before
    it: the residual reads that as well.)

    Counts the products smoothed.
    """
    copy = model.clone()
    graph = copy.graph
    products: dict[str, list[ir.Node]] = {}
    for name, node in matrix_products(graph):
        products.setdefault(name, []).append(node)
    count = 0
    for name, nodes in products.items():
        scale, matrix = scales.get(name), constant(nodes[0].inputs[1])
        if scale is None or matrix is None:
            continue
        if len(nodes) > 1 or not _fold_into_values(graph, nodes[0], scale):
            factor = weight(graph, f"{name}_smooth", (1 / scale).astype(np.float32))
            for node in nodes:
                (rows,) = add_node(node, "Mul", [node.inputs[0], factor])
                node.replace_input_with(0, rows)
        _exchange(graph, nodes, numbers_of(nodes[0].inputs[1]) * scale[:, None])
        count += len(nodes)
    drop_dead(graph)
    return Rewritten(copy, count)


def int8_error(matrix: Array, given: Activations) -> float:
    """Return the mean squared error of the int8 product on the rows seen, each text by itself.

    Unsigned 8-bit activations between the smallest and largest value of a text, zero included
    (https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html).
    """
    return _error(matrix, given, given.rows @ matrix)


def _best_scale(matrix: Array, seen: Activations) -> FloatArray | None:
    exact = seen.rows @ matrix
    best, least = None, _WORTH_IT * _error(matrix, seen, exact)
    for candidate in _candidates(matrix, seen):
        scale = candidate.astype(np.float32)
        error = _error(matrix * scale[:, None], seen.divided_by(scale), exact)
        if error < least:
            best, least = scale, error
    return best


def _candidates(matrix: Array, seen: Activations) -> Iterator[Array]:
    channels = np.maximum(seen.largest, 1e-9)
    rows = np.maximum(np.abs(matrix).max(axis=1), 1e-9)
    for quantile in _CAPS:
        yield np.maximum(1.0, channels / np.quantile(channels, quantile))
    for power in _POWERS:
        scale = channels**power / rows ** (1 - power)
        yield scale / np.median(scale)


def _error(matrix: Array, seen: Activations, exact: Array) -> float:
    step = (seen.high.max(axis=1) - seen.low.min(axis=1)) / _STEPS
    step = np.where(step == 0, 1, step).astype(np.float32)
    zero = np.rint(-seen.low.min(axis=1) / step)
    step, zero = step[seen.text_of_row, None], zero[seen.text_of_row, None]
    rows = (np.clip(np.rint(seen.rows / step) + zero, 0, _STEPS) - zero) * step
    quantised, scale = by_column(matrix)
    return float(((rows.astype(np.float32) @ (quantised * scale) - exact) ** 2).mean())


def _exchange(graph: ir.Graph, nodes: list[ir.Node], numbers: Array) -> None:
    """Give products another matrix under the name of the old one, by which it stays known."""
    old = nodes[0].inputs[1]
    name = "" if old is None else str(old.name)
    new = weight(graph, f"{name}_smoothed", numbers.astype(np.float32))
    for node in nodes:
        node.replace_input_with(1, new)
    if old is not None and not old.uses():
        graph.initializers.pop(name, None)
        new.name = name


def _values_before(node: ir.Node) -> tuple[ir.Node, slice] | None:
    """Find the product that makes the values which an attention hands to this one, and the columns
    of it that are values; None where anything else reads them.
    """
    given = node.inputs[0]
    attention = None if given is None else given.producer()
    if attention is None or attention.op_type != "MultiHeadAttention" or _read_elsewhere(given):
        return None
    value = attention.inputs[2]
    columns = slice(None)
    split = None if value is None else value.producer()
    if value is not None and split is not None and split.op_type == "Split":
        sizes = constant(split.inputs[1])
        if sizes is None or _read_elsewhere(value):
            return None
        place = split.outputs.index(value)
        columns = slice(int(sizes[:place].sum()), int(sizes[: place + 1].sum()))
        value = split.inputs[0]
    if value is None or _read_elsewhere(value):
        return None
    added = value.producer()
    product = added
    if added is not None and added.op_type == "Add":
        product = added.inputs[0].producer() if added.inputs[0] is not None else None
    if product is None or product.op_type != "MatMul" or constant(product.inputs[1]) is None:
        return None
    return product, columns


def _read_elsewhere(value: ir.Value | None) -> bool:
    return value is None or len(list(value.uses())) != 1 or value.is_graph_output()


def _fold_into_values(graph: ir.Graph, node: ir.Node, scale: FloatArray) -> bool:
    found = _values_before(node)
    if found is None:
        return False
    product, columns = found
    name, matrix, bias = product.inputs[1], constant(product.inputs[1]), bias_of(product)
    if name is None or matrix is None or len(list(name.uses())) != 1:
        return False
    divided = matrix.copy()
    divided[:, columns] /= scale
    if bias is not None:
        added, values = bias
        numbers = constant(values)
        if numbers is None:
            return False
        numbers = numbers.copy()
        numbers[columns] /= scale
        place = 0 if added.inputs[0] is values else 1
        added.replace_input_with(place, weight(graph, f"{values.name}_smoothed", numbers))
    elif product.outputs[0].uses() and next(iter(product.outputs[0].uses())).node.op_type == "Add":
        return False
    _exchange(graph, [product], divided)
    return True
