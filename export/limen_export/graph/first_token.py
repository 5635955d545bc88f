"""Only what the head reads: the first token's row of the last layer."""

import numpy as np
import onnx_ir as ir

from limen_export.graph.rewriting import (
    add_node,
    attribute,
    constant,
    graph_pass,
    nodes_of,
    weight,
    whole_number,
)

_BY_ROW = frozenset(
    "Add Sub Mul Div Pow MatMul Gelu Tanh Relu Erf Sigmoid LayerNormalization".split()
)
"""Operators whose row i depends on row i of their inputs alone, given rank 3 and constant weights.
"""


@graph_pass
def keep_first_token(graph: ir.Graph) -> int:
    """Compute the last layer's query, attention output and feed-forward for the first token alone.

    Applies where the head takes row 0 (`Gather` along the tokens with index 0) and nothing else
    reads the last layer. Keys and values still need every row. A head that pools all tokens is left
    alone.

    Counts the nodes that now run on one row.
    """
    count = 0
    for select in nodes_of(graph, "Gather"):
        rows = select.inputs[0]
        if (
            rows is not None
            and attribute(select, "axis", 0) == 1
            and whole_number(select.inputs[1]) == 0
            and len(list(rows.uses())) == 1
            and _rank(rows) == 3
        ):
            count += _Narrowing(graph, rows).narrow(select)
    return count


class _Narrowing:
    """Copies the nodes behind the last rows, from back to front, until rows needed in full."""

    def __init__(self, graph: ir.Graph, last: ir.Value) -> None:
        self._graph = graph
        self._last = last
        self._full = _needed_in_full(last)
        self._narrow: dict[ir.Value, ir.Value] = {}
        self._slice: list[ir.Value] = []
        self.count = 0

    def narrow(self, select: ir.Node) -> int:
        if self._last in self._full or not self._full:
            return 0
        self._order = {
            value: index for index, node in enumerate(self._graph) for value in node.outputs
        }
        first = self._first_row(self._last, select)
        select.replace_input_with(0, first)
        return self.count

    def _first_row(self, value: ir.Value, select: ir.Node) -> ir.Value:
        known = self._narrow.get(value)
        if known is None:
            node = value.producer()
            if value in self._full or node is None or not _copies(node):
                known = self._sliced(value, select)
            else:
                known = self._copy(node, select)
            known.type = value.type
            self._narrow[value] = known
        return known

    def _copy(self, node: ir.Node, select: ir.Node) -> ir.Value:
        """Attention needs the first query alone; all else the first row of all that has rows."""
        inputs = list(node.inputs)
        narrowed = [0] if node.op_type == "MultiHeadAttention" else range(len(inputs))
        for index in narrowed:
            given = inputs[index]
            if given is not None and constant(given) is None:
                inputs[index] = self._first_row(given, select)
        self.count += 1
        (result,) = add_node(
            select,
            node.op_type,
            inputs,
            {name: item.value for name, item in node.attributes.items()},
            domain=node.domain,
        )
        return result

    def _sliced(self, value: ir.Value, select: ir.Node) -> ir.Value:
        if not self._slice:
            numbers = {"first_row_start": 0, "first_row_end": 1, "first_row_axis": 1}
            self._slice = [
                weight(self._graph, name, np.array([number], np.int64))
                for name, number in numbers.items()
            ]
        (result,) = add_node(select, "Slice", [value, *self._slice])
        return result


def _copies(node: ir.Node) -> bool:
    if node.op_type == "MultiHeadAttention":
        return len(node.inputs) == 3 or all(extra is None for extra in node.inputs[3:])
    if node.op_type not in _BY_ROW or len(node.outputs) != 1:
        return False
    if node.op_type == "MatMul":
        matrix = constant(node.inputs[1])
        return matrix is not None and matrix.ndim == 2
    if node.op_type == "LayerNormalization" and attribute(node, "axis", -1) not in (-1, 2):
        return False
    computed = [given for given in node.inputs if given is not None and constant(given) is None]
    fixed = [constant(given) for given in node.inputs if given is not None]
    return all(_rank(given) == 3 for given in computed) and all(
        numbers.ndim <= 1 for numbers in fixed if numbers is not None
    )


def _needed_in_full(last: ir.Value) -> set[ir.Value]:
    """Everything that the keys and values of the nearest attention read."""
    nearest, waiting, seen = [], [last], set()
    while waiting:
        value = waiting.pop()
        node = value.producer()
        if value in seen or node is None:
            continue
        seen.add(value)
        if node.op_type == "MultiHeadAttention":
            nearest.append(node)
            continue
        waiting += [given for given in node.inputs if given is not None]
    full: set[ir.Value] = set()
    waiting = [given for node in nearest for given in node.inputs[1:3] if given is not None]
    while waiting:
        value = waiting.pop()
        if value in full:
            continue
        full.add(value)
        node = value.producer()
        if node is not None:
            waiting += [given for given in node.inputs if given is not None]
    return full


def _rank(value: ir.Value) -> int | None:
    return None if value.shape is None else len(value.shape)
