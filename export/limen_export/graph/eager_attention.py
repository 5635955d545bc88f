"""Attention that a model computes step by step, found in the graph."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from limen_export.graph.rewriting import (
    MICROSOFT,
    add_node,
    attribute,
    constant,
    graph_pass,
    nodes_of,
    replace,
)

_HEADS_FIRST, _HEADS_FIRST_TURNED = (0, 2, 1, 3), (0, 2, 3, 1)


@dataclass(frozen=True)
class _Attention:
    """What is needed of one: query, key, value (batch, tokens, hidden), what is added to the
    scores, their factor, and where the mixed values come out, (batch, tokens, hidden).
    """

    query: ir.Value
    key: ir.Value
    value: ir.Value
    bias: ir.Value | None
    scale: float
    heads: int
    end: ir.Node


@graph_pass
def fuse_eager_attention(graph: ir.Graph) -> int:
    """Replace softmax(scale Q K^T + bias) V, over heads, by MultiHeadAttention.

    Models with a way of their own do not call the function that `fused_attention` replaces. MPNet
    adds a bias for each distance of two tokens, which the operator takes
    (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention).
    DeBERTa divides its heads in another order and is left alone.

    Counts the attentions replaced.
    """
    count = 0
    for node in nodes_of(graph, "Softmax"):
        found = _attention(node)
        if found is None:
            continue
        inputs: list[ir.Value | None] = [found.query, found.key, found.value]
        if found.bias is not None:
            inputs += [None, None, found.bias]
        (mixed,) = add_node(
            found.end,
            "MultiHeadAttention",
            inputs,
            {"num_heads": found.heads, "scale": found.scale},
            domain=MICROSOFT,
        )
        replace(found.end.outputs[0], mixed)
        count += 1
    return count


def _attention(softmax: ir.Node) -> _Attention | None:
    if attribute(softmax, "axis", -1) not in (-1, 3):
        return None
    mixing = _only_reader(softmax.outputs[0], "MatMul")
    if mixing is None or mixing.inputs[0] is not softmax.outputs[0]:
        return None
    turned = _only_reader(mixing.outputs[0], "Transpose")
    end = None if turned is None else _only_reader(turned.outputs[0], "Reshape")
    value = _before_heads(mixing.inputs[1], _HEADS_FIRST)
    scores = _scores(softmax.inputs[0])
    if turned is None or end is None or value is None or scores is None:
        return None
    product, bias, scale = scores
    if bias is not None and not _for_each_pair(bias, product.outputs[0]):
        return None
    query = _before_heads(product.inputs[0], _HEADS_FIRST)
    key = _before_heads(product.inputs[1], _HEADS_FIRST_TURNED)
    if query is None or key is None or _permutation(turned) != _HEADS_FIRST:
        return None
    heads = {part[1] for part in (query, key, value)}
    if len(heads) != 1 or (end.outputs[0].shape is None or len(end.outputs[0].shape) != 3):
        return None
    return _Attention(query[0], key[0], value[0], bias, scale, heads.pop(), end)


def _scores(value: ir.Value | None) -> tuple[ir.Node, ir.Value | None, float] | None:
    """Take scale Q K^T + bias apart into the product, the bias and the scale."""
    node = None if value is None else value.producer()
    bias: ir.Value | None = None
    if node is not None and node.op_type == "Add":
        for place in (0, 1):
            inner = _scaled_product(node.inputs[place])
            if inner is not None:
                return inner[0], node.inputs[1 - place], inner[1]
        return None
    inner = _scaled_product(value)
    return None if inner is None else (inner[0], bias, inner[1])


def _for_each_pair(bias: ir.Value, product: ir.Value) -> bool:
    """Say whether the operator takes the bias: a number for each pair of tokens, the same for all
    texts and heads or not.
    """
    if bias.shape is None or product.shape is None or len(bias.shape) != len(product.shape):
        return False
    given, wanted = (tuple(map(str, shape.dims)) for shape in (bias.shape, product.shape))
    alike = all(one in ("1", other) for one, other in zip(given[:2], wanted[:2], strict=True))
    return alike and given[2:] == wanted[2:] and "None" not in given


def _scaled_product(value: ir.Value | None) -> tuple[ir.Node, float] | None:
    node, scale = None if value is None else value.producer(), 1.0
    alone = value is not None and len(list(value.uses())) == 1
    if node is not None and alone and node.op_type in ("Div", "Mul"):
        factor = constant(node.inputs[1])
        if factor is None or factor.size != 1 or node.inputs[0] is None:
            return None
        number = float(factor.reshape(()))
        scale = 1.0 / number if node.op_type == "Div" else number
        node = node.inputs[0].producer()
    if node is None or node.op_type != "MatMul" or len(list(node.outputs[0].uses())) != 1:
        return None
    return node, scale


def _before_heads(value: ir.Value | None, order: tuple[int, ...]) -> tuple[ir.Value, int] | None:
    """Return (batch, tokens, hidden), and the heads into which it was divided before it was turned
    by `order`.
    """
    turned = None if value is None else value.producer()
    if turned is None or turned.op_type != "Transpose" or _permutation(turned) != order:
        return None
    divided = None if turned.inputs[0] is None else turned.inputs[0].producer()
    if divided is None or divided.op_type != "Reshape" or divided.inputs[0] is None:
        return None
    before, after = divided.inputs[0].shape, divided.outputs[0].shape
    if before is None or after is None or len(before) != 3 or len(after) != 4:
        return None
    heads, size, hidden = after[2], after[3], before[2]
    if not (isinstance(heads, int) and isinstance(size, int) and hidden == heads * size):
        return None
    return divided.inputs[0], heads


def _permutation(node: ir.Node) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.asarray(attribute(node, "perm", ())))


def _only_reader(value: ir.Value, operator: str) -> ir.Node | None:
    uses = list(value.uses())
    if len(uses) != 1 or value.is_graph_output() or uses[0].node.op_type != operator:
        return None
    return uses[0].node
