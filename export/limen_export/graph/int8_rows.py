"""Rows of the word-embedding table in 8 bits."""

import numpy as np
import onnx
import onnx_ir as ir

from limen_export.graph.int8_matrices import by_column
from limen_export.graph.rewriting import (
    Array,
    add_node,
    attribute,
    constant,
    graph_pass,
    nodes_of,
    replace,
    weight,
)


@graph_pass
def int8_rows(graph: ir.Graph) -> int:
    """Store the rows of tables that token ids look up as signed 8-bit numbers, a scale for each.

    A row is scaled after it was looked up, so a text pays for its own tokens alone. The table is
    most of a small model: half of an int8 MiniLM file would be rows in float.

    Counts the lookups.
    """
    count = 0
    known: dict[ir.Value, tuple[ir.Value, ir.Value]] = {}
    for node in nodes_of(graph, "Gather"):
        table, ids = node.inputs[0], node.inputs[1]
        rows = constant(table)
        if table is None or rows is None or ids is None or not reads_ids(node):
            continue
        if table not in known:
            quantised, scale = by_row(rows)
            known[table] = (
                weight(graph, f"{table.name}_int8", quantised),
                weight(graph, f"{table.name}_scale", scale),
            )
        stored, scales = known[table]
        (found,) = add_node(node, "Gather", [stored, ids], {"axis": 0})
        (numbers,) = add_node(node, "Cast", [found], {"to": onnx.TensorProto.FLOAT})
        (factor,) = add_node(node, "Gather", [scales, ids], {"axis": 0})
        (result,) = add_node(node, "Mul", [numbers, factor])
        replace(node.outputs[0], result)
        count += 1
    return count


def by_row(table: Array) -> tuple[Array, Array]:
    """Quantise a table, float32 (rows, columns), to int8 of the same shape and a float32 scale for
    each row, (rows, 1); their product is within half a scale of the table.
    """
    quantised, scale = by_column(table.T)
    return quantised.T, scale[:, None]


def reads_ids(lookup: ir.Node) -> bool:
    """Say whether a Gather looks rows of a float table up by the graph's own input."""
    rows, ids = constant(lookup.inputs[0]), lookup.inputs[1]
    return (
        rows is not None
        and rows.ndim == 2
        and np.issubdtype(rows.dtype, np.floating)
        and attribute(lookup, "axis", 0) == 0
        and ids is not None
        and ids.is_graph_input()
    )


def vocabulary_size(model: ir.Model) -> int | None:
    """Return how many token ids the graph has rows for; None where no table is read by ids."""
    sizes = [
        len(rows)
        for node in nodes_of(model.graph, "Gather")
        if reads_ids(node) and (rows := constant(node.inputs[0])) is not None
    ]
    return min(sizes, default=None)
