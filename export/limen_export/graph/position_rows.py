"""Rows that do not depend on the text: positions and the token type of single texts."""

import numpy as np
import onnx
import onnx_ir as ir

from limen_export.graph.rewriting import (
    Array,
    add_node,
    attribute,
    constant,
    graph_pass,
    nodes_of,
    replace,
    same_shape,
    weight,
)

_KEEPS_VALUES = frozenset(
    "Cast Expand Gather GatherElements Identity Reshape Slice Squeeze Tile Transpose "
    "Unsqueeze".split()
)
"""Operators that only choose, repeat or reorder the elements of their first input."""

_WHOLE_NUMBERS = frozenset({onnx.TensorProto.INT32, onnx.TensorProto.INT64})


@graph_pass
def fold_positions(graph: ir.Graph) -> int:
    """Look positions up once, while exporting: the rows of a position table in the order of a
    constant of position ids become a table of their own, from which a text takes the first ones.

    Counts the lookups.
    """
    count = 0
    for node in nodes_of(graph, "Gather"):
        table, ids = constant(node.inputs[0]), node.inputs[1]
        cut = None if ids is None else ids.producer()
        if table is None or table.ndim != 2 or cut is None or cut.op_type != "Slice":
            continue
        stored = constant(cut.inputs[0])
        if stored is None or attribute(node, "axis", 0) != 0 or stored.ndim > 2:
            continue
        if not _cuts_axes(cut, stored.ndim) or stored.max() >= len(table):
            continue
        rows = weight(graph, f"{_name(node.inputs[0])}_in_order", table[stored])
        (result,) = add_node(node, "Slice", [rows, *cut.inputs[1:]])
        replace(node.outputs[0], result)
        count += 1
    return count


@graph_pass
def fold_token_types(graph: ir.Graph) -> int:
    """A table read with one and the same id everywhere is a constant row.

    A single text has token type 0 throughout. The tracer leaves a lookup with computed zeros; the
    row takes its place.

    Counts the lookups.
    """
    count = 0
    for node in nodes_of(graph, "Gather"):
        table, ids = constant(node.inputs[0]), node.inputs[1]
        if table is None or table.ndim != 2 or attribute(node, "axis", 0) != 0 or ids is None:
            continue
        row = _only_value(ids)
        if row is None or constant(ids) is not None or not -len(table) <= row < len(table):
            continue
        if _added_to_rows(node.outputs[0]):
            kept = weight(graph, f"{_name(node.inputs[0])}_row", table[row])
            replace(node.outputs[0], kept)
            count += 1
    return count


@graph_pass
def add_rows_once(graph: ir.Graph) -> int:
    """Add a constant row into the position table that is added to the same sum anyway.

    Counts the additions saved.
    """
    count = 0
    for node in nodes_of(graph, "Add"):
        found = _sum_with_row(node)
        if found is None:
            continue
        tokens, row, cut = found
        table = constant(cut.inputs[0])
        if table is None or not _cuts_axes(cut, table.ndim - 1) or len(row) != table.shape[-1]:
            continue
        rows = weight(graph, f"{_name(cut.inputs[0])}_with_row", table + row)
        (positions,) = add_node(node, "Slice", [rows, *cut.inputs[1:]])
        (result,) = add_node(node, "Add", [tokens, positions])
        replace(node.outputs[0], result)
        count += 1
    return count


def _cuts_axes(cut: ir.Node, count: int) -> bool:
    """Whether a Slice names the axes that it cuts, counted from the front, all before `count`."""
    axes = constant(cut.inputs[3]) if len(cut.inputs) > 3 else None
    return axes is not None and bool(((axes >= 0) & (axes < count)).all())


def _added_to_rows(result: ir.Value) -> bool:
    """Whether rows are only added to others that are known to have the same shape, so that one row
    can stand for all of them.
    """
    for use in result.uses():
        other = use.node.inputs[1 - use.idx] if use.node.op_type == "Add" else None
        if other is None or other is result or not same_shape(other, result):
            return False
    return bool(result.uses()) and not result.is_graph_output()


def _sum_with_row(node: ir.Node) -> tuple[ir.Value, Array, ir.Node] | None:
    """Take (tokens + row) + Slice(table) apart; None for any other sum."""
    for outer, inner in ((0, 1), (1, 0)):
        rows, part = node.inputs[outer], node.inputs[inner]
        cut = None if rows is None else rows.producer()
        before = None if part is None else part.producer()
        if cut is None or before is None or cut.op_type != "Slice" or before.op_type != "Add":
            continue
        if constant(cut.inputs[0]) is None or len(list(before.outputs[0].uses())) != 1:
            continue
        for place in (0, 1):
            row, tokens = constant(before.inputs[place]), before.inputs[1 - place]
            if row is not None and row.ndim == 1 and tokens is not None:
                return tokens, row, cut
    return None


def _only_value(value: ir.Value) -> int | None:
    """Return the number that every element of a value is, whatever its shape; None if unknown."""
    found = constant(value)
    while found is None:
        node = value.producer()
        if node is None:
            return None
        if node.op_type == "ConstantOfShape":
            filled = attribute(node, "value")
            return 0 if filled is None else int(filled.numpy().reshape(-1)[0])
        if node.op_type not in _KEEPS_VALUES or node.inputs[0] is None:
            return None
        if node.op_type == "Cast" and attribute(node, "to") not in _WHOLE_NUMBERS:
            return None
        value = node.inputs[0]
        found = constant(value)
    if not np.issubdtype(found.dtype, np.integer) or not found.size:
        return None
    return int(found.reshape(-1)[0]) if (found == found.reshape(-1)[0]).all() else None


def _name(value: ir.Value | None) -> str:
    return "rows" if value is None or value.name is None else value.name
