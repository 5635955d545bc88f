"""What does not depend on the text, computed once, while exporting."""

import onnx_ir as ir

from limen_export.graph.rewriting import Array, constant, graph_pass, replace, weight
from limen_export.graph.running import open_graph

_IR_VERSION = 10
_MOST_BYTES = 1 << 26
"""Largest result that is stored in place of the nodes that make it."""


@graph_pass
def fold_constants(graph: ir.Graph) -> int:
    """Replace what is computed from weights alone by its result.

    DeBERTa multiplies its table of relative positions with the key and query matrices of every
    layer, for every text anew; only the products are needed. What onnxruntime itself folds when it
    optimises comes too late: by then these matrices would be int8.

    Counts the nodes that no longer run.
    """
    fixed = _computed_from_weights(graph)
    wanted = [value for value in fixed if _read_by_others(value, fixed)]
    if not wanted:
        return 0
    before = graph.num_nodes()
    for value, numbers in zip(wanted, _evaluated(graph, wanted), strict=True):
        if numbers.nbytes <= _MOST_BYTES:
            replace(value, weight(graph, f"{value.name}_folded", numbers))
    return before - _living(graph)


def _computed_from_weights(graph: ir.Graph) -> dict[ir.Value, None]:
    found: dict[ir.Value, None] = {}
    for node in graph:
        inputs = [value for value in node.inputs if value is not None]
        if (
            node.op_type != "Constant"
            and inputs
            and all(value in found or constant(value) is not None for value in inputs)
        ):
            found |= dict.fromkeys(node.outputs)
    return found


def _read_by_others(value: ir.Value, fixed: dict[ir.Value, None]) -> bool:
    readers = [use.node for use in value.uses()]
    return value.is_graph_output() or any(
        not all(output in fixed for output in reader.outputs) for reader in readers
    )


def _evaluated(graph: ir.Graph, wanted: list[ir.Value]) -> list[Array]:
    """Run the part of the graph that makes some values; it reads no input."""
    part = ir.convenience.extract(graph, [], [str(value.name) for value in wanted])
    made: list[Array] = open_graph(ir.Model(part, ir_version=_IR_VERSION)).run(None, {})
    return made


def _living(graph: ir.Graph) -> int:
    """Count the nodes that something reads, from the outputs backwards."""
    living = set()
    waiting = list(graph.outputs)
    while waiting:
        node = waiting.pop().producer()
        if node is not None and node not in living:
            living.add(node)
            waiting += [value for value in node.inputs if value is not None]
    return len(living)
