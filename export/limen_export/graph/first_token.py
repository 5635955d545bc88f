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
    "Add Sub Mul Div Pow MatMul Gelu Tanh Relu Erf Sigmoid LayerNormalization Split".split()
)
"""Operators whose row i depends on row i of their inputs alone, given rank 3 and constant weights.
"""


@graph_pass
def keep_first_token(graph: ir.Graph) -> int:
    """Compute the last layer's query, attention output and feed-forward for the first token alone.

    Applies where the head takes row 0 (`Gather` along the tokens with index 0) and nothing else
    reads the last layer. Keys and values still need every row. A head that pools all tokens is left
    alone. Where attention is not fused, only what follows it is narrowed.

    Counts the nodes that now run on one row.
    """
    count = 0
    for select in nodes_of(graph, "Gather"):
        rows = select.inputs[0]
        if (
            rows is not None
            and attribute(select, "axis", 0) == 1
            and whole_number(select.inputs[1]) == 0
            and _rank(rows) == 3
        ):
            count += _Narrowing(graph, select, rows).narrow()
    return count


class _Narrowing:
    """Copies the nodes behind the last rows, from back to front, until rows needed in full."""

    def __init__(self, graph: ir.Graph, select: ir.Node, last: ir.Value) -> None:
        self._graph = graph
        self._select = select
        self._last = last
        self._full = _needed_in_full(select, last)
        self._narrow: dict[ir.Value, ir.Value] = {}
        self._slice: list[ir.Value] = []
        self.count = 0

    def narrow(self) -> int:
        if self._last not in self._full:
            self._select.replace_input_with(0, self._first_row(self._last))
        return self.count

    def _first_row(self, value: ir.Value) -> ir.Value:
        if value not in self._narrow:
            node = value.producer()
            if value in self._full or node is None:
                self._narrow[value] = self._sliced(value)
            else:
                self._narrow |= dict(zip(node.outputs, self._copy(node), strict=True))
            self._narrow[value].type = value.type
        return self._narrow[value]

    def _copy(self, node: ir.Node) -> list[ir.Value]:
        inputs = list(node.inputs)
        for index in _by_row(node):
            given = inputs[index]
            if given is not None:
                inputs[index] = self._first_row(given)
        self.count += 1
        return add_node(
            self._select,
            node.op_type,
            inputs,
            {name: item.value for name, item in node.attributes.items()},
            domain=node.domain,
            outputs=len(node.outputs),
        )

    def _sliced(self, value: ir.Value) -> ir.Value:
        if not self._slice:
            numbers = {"first_row_start": 0, "first_row_end": 1, "first_row_axis": 1}
            self._slice = [
                weight(self._graph, name, np.array([number], np.int64))
                for name, number in numbers.items()
            ]
        (result,) = add_node(self._select, "Slice", [value, *self._slice])
        return result


def _by_row(node: ir.Node) -> list[int]:
    """Return the inputs of which row i of the result needs row i alone: of an attention the query,
    of all else what is computed.
    """
    if node.op_type == "MultiHeadAttention":
        return [0]
    return [place for place, given in enumerate(node.inputs) if constant(given) is None]


def _copies(node: ir.Node) -> bool:
    if node.op_type == "MultiHeadAttention":
        return _sees_every_token(node)
    if node.op_type not in _BY_ROW:
        return False
    computed = [given for given in node.inputs if given is not None and constant(given) is None]
    fixed = [numbers for given in node.inputs if (numbers := constant(given)) is not None]
    if any(_rank(given) != 3 for given in computed):
        return False
    if node.op_type == "MatMul":
        return constant(node.inputs[0]) is None and [numbers.ndim for numbers in fixed] == [2]
    if node.op_type == "Split":
        return attribute(node, "axis", 0) in (-1, 2) and computed == [node.inputs[0]]
    if node.op_type == "LayerNormalization" and attribute(node, "axis", -1) not in (-1, 2):
        return False
    return len(node.outputs) == 1 and all(numbers.ndim <= 1 for numbers in fixed)


def _sees_every_token(attention: ir.Node) -> bool:
    """Whether the rows of a query are independent of each other: a mask, a bias or a past would
    have to be narrowed as well.
    """
    given, more = attention.inputs[:3], attention.inputs[3:]
    return (
        len(given) == 3
        and all(part is not None and _rank(part) == 3 for part in given)
        and all(extra is None for extra in more)
        and len(attention.outputs) == 1
        and not attribute(attention, "unidirectional", 0)
    )


def _needed_in_full(select: ir.Node, last: ir.Value) -> set[ir.Value]:
    """Everything that is computed for every token anyway, so that its first row is cut out: what
    the keys and values of the nearest attention read, what others read, and what cannot be had for
    one row alone. A copy of it for one row would be work on top.
    """
    full: set[ir.Value] = set()
    while True:
        path = _path(last, full)
        nodes = {node for value in path if (node := value.producer()) is not None}
        needed = [part for node in nodes for part in _other_inputs(node)]
        needed += [value for value in path if not _narrows(value, nodes | {select})]
        if full.issuperset(needed):
            return full
        full |= _with_all_before(needed)


def _path(last: ir.Value, full: set[ir.Value]) -> set[ir.Value]:
    """Walk from the last rows to those needed in full."""
    found: set[ir.Value] = set()
    waiting = [last]
    while waiting:
        value = waiting.pop()
        if value in found or value in full:
            continue
        found.add(value)
        node = value.producer()
        if node is not None:
            waiting += [given for place in _by_row(node) if (given := node.inputs[place])]
    return found


def _other_inputs(node: ir.Node) -> list[ir.Value]:
    return [
        given
        for place, given in enumerate(node.inputs)
        if given is not None and constant(given) is None and place not in _by_row(node)
    ]


def _narrows(value: ir.Value, readers: set[ir.Node]) -> bool:
    node = value.producer()
    return (
        node is not None
        and _copies(node)
        and not any(part.is_graph_output() for part in node.outputs)
        and all(use.node in readers for part in node.outputs for use in part.uses())
    )


def _with_all_before(values: list[ir.Value]) -> set[ir.Value]:
    found: set[ir.Value] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        node = value.producer()
        if value not in found:
            found.add(value)
            waiting += [] if node is None else [given for given in node.inputs if given is not None]
    return found


def _rank(value: ir.Value) -> int | None:
    return None if value.shape is None else len(value.shape)
