"""Graphs between the traced one and the one that is written, and other ways of computing parts of
it: what the measurements of docs/graph.md compare.
"""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnx_ir as ir
from limen_export.graph.int8_matrices import by_column, matrix_products
from limen_export.graph.passes import PASSES
from limen_export.graph.rewriting import (
    MICROSOFT,
    add_node,
    attribute,
    graph_pass,
    nodes_of,
    numbers_of,
    replace,
    weight,
)
from limen_export.reference import Reference
from limen_export.sources.checkpoint import read_checkpoint

LAST_STEP = "positions and token types folded"
ENDS = {
    "drop_needless_reshapes": "constants folded, needless reshapes dropped",
    "keep_first_token": "first token alone in the last layer",
    "merge_projections": "query, key and value merged",
}
"""The last pass of each step but the last one, which takes all that is left, and what tables call
the step."""


def read_both(checkpoint: Path) -> tuple[Reference, Reference]:
    """Read a checkpoint twice: traced as torch has it, and with attention as one operator."""
    # As if every attention had a mask to apply.
    with patch("limen_export.graph.trace.calls_without_mask", return_value=()):
        apart = read_checkpoint(str(checkpoint), None, None)
    if any(node.op_type == "MultiHeadAttention" for node in apart.graph.graph.node):
        raise SystemExit(f"{checkpoint.name}: attention was fused where it was to be left apart")
    return apart, read_checkpoint(str(checkpoint), None, None)


def cumulative(apart: ir.Model, fused: ir.Model) -> Iterator[tuple[str, ir.Model]]:
    """Yield each step's name and the graph after it, from the traced graph on."""
    yield "as traced", apart
    yield "attention as one operator", fused
    model = fused
    for apply in PASSES:
        model = apply(model).graph
        name = getattr(apply, "__name__", "")
        if name in ENDS:
            yield ENDS[name], model
    yield LAST_STEP, model


@graph_pass
def quantised_apart(graph: ir.Graph) -> int:
    """Make two operators of each DynamicQuantizeMatMul: DynamicQuantizeLinear and
    MatMulIntegerToFloat. Counts the products.
    """
    count = 0
    for node in nodes_of(graph, "DynamicQuantizeMatMul"):
        rows, matrix, columns, _, bias = (*node.inputs, None)[:5]
        quantised, scale, zero = add_node(node, "DynamicQuantizeLinear", [rows], outputs=3)
        (result,) = add_node(
            node,
            "MatMulIntegerToFloat",
            [quantised, matrix, scale, columns, zero, None, bias],
            domain=MICROSOFT,
        )
        replace(node.outputs[0], result)
        count += 1
    return count


@graph_pass
def weights_alone(graph: ir.Graph) -> int:
    """Round the weight matrices of an fp32 graph as int8 does, and leave activations in float: what
    int8 weights cost in decisions. Nothing is faster. Counts the products.
    """
    count = 0
    for name, node in [*matrix_products(graph)]:
        quantised, scale = by_column(numbers_of(node.inputs[1]))
        rounded = weight(graph, f"{name}_rounded", (quantised * scale).astype(np.float32))
        node.replace_input_with(1, rounded)
        count += 1
    return count


@graph_pass
def bias_with_gelu(graph: ir.Graph) -> int:
    """Take the bias out of each int8 product before a GELU, and give it to BiasGelu. Counts the
    products.
    """
    count = 0
    for node in nodes_of(graph, "Gelu"):
        given = node.inputs[0]
        product = None if given is None else given.producer()
        if (
            product is None
            or given is None
            or product.op_type != "DynamicQuantizeMatMul"
            or len(product.inputs) < 5
            or product.inputs[4] is None
            or len(list(given.uses())) != 1
            or attribute(node, "approximate", "none") != "none"
        ):
            continue
        bias = product.inputs[4]
        product.replace_input_with(4, None)
        (result,) = add_node(node, "BiasGelu", [given, bias], domain=MICROSOFT)
        replace(node.outputs[0], result)
        count += 1
    return count


def second_matrices(model: ir.Model) -> frozenset[str]:
    """Name the second matrix of every feed-forward: the one that reads a GELU."""
    return frozenset(
        str(node.inputs[1].name)
        for node in nodes_of(model.graph, "MatMul")
        if node.inputs[1] is not None and _reads_gelu(node)
    )


def _reads_gelu(node: ir.Node) -> bool:
    given = node.inputs[0]
    before = None if given is None else given.producer()
    return before is not None and before.op_type == "Gelu"
