"""How many multiply-adds one node of a graph needs, from the shapes that onnxruntime's profiler
gives.

The inputs of the operators are those of https://onnx.ai/onnx/operators and, for com.microsoft, of
onnxruntime's docs/ContribOperators.md. The profiler leaves out attributes and absent optional
inputs, so each formula needs shapes only, and refuses those that leave it in doubt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from limen.errors import EngineError
from limen.format.operators import ONNX_OPERATORS

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One node of one run.

    Attributes:
        operator: its name, without the domain.
        inputs: shapes of the inputs that are there (an absent optional one leaves no gap).
        outputs: shapes of the outputs.
        constant_bytes: size of the inputs that are weights.
    """

    operator: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    constant_bytes: int


@dataclass(frozen=True)
class Count:
    """Multiply-adds.

    Attributes:
        weights: of products with a constant matrix.
        activations: of products of two activations, as in attention.
    """

    weights: int = 0
    activations: int = 0


def count_products(nodes: list[Node], name: str) -> Count:
    """Sum the multiply-adds of the nodes of one run.

    Args:
        nodes: all of the run.
        name: the file's name, for messages.

    Raises:
        EngineError: an operator, or one with these shapes, cannot be counted.
    """
    weights = activations = 0
    for node in nodes:
        if node.operator in _PRODUCTS:
            try:
                count = _PRODUCTS[node.operator](node)
            except (IndexError, ValueError, ZeroDivisionError) as error:
                raise EngineError(
                    f"{name}: the multiply-adds of {node.operator} with inputs {node.inputs} are "
                    "not known"
                ) from error
            weights += count.weights
            activations += count.activations
        elif node.operator not in _NO_PRODUCTS:
            raise EngineError(f"{name}: the multiply-adds of {node.operator} are not known")
    return Count(weights, activations)


def _matmul(node: Node) -> Count:
    """(..., M, K) times (..., K, N): each element of the output sums K products."""
    return _split_by_weight(node, node.inputs[0][-1])


def _fused_matmul(node: Node) -> Count:
    """As MatMul, but either side may be transposed, and the profile does not say which: M K of one
    side and K N of the other are known in both cases.
    """
    left, right, out = node.inputs[0], node.inputs[1], node.outputs[0]
    inner, rest = divmod(left[-1] * left[-2], out[-2])
    if rest or inner * out[-1] != right[-1] * right[-2]:
        raise ValueError("batch axes are transposed as well")
    return _split_by_weight(node, inner)


def _gemm(node: Node) -> Count:
    """Two matrices of two axes, either transposed: M K on the left, N columns out."""
    left, (rows, _) = node.inputs[0], node.outputs[0]
    return _split_by_weight(node, prod(left) // rows)


def _split_by_weight(node: Node, inner: int) -> Count:
    """The right side is a weight if the constants of the node are large enough to hold it: half a
    byte for each element, the smallest that MatMulNBits packs into. Scales and zero points are not.
    """
    count = prod(node.outputs[0]) * inner
    right = inner * prod(node.outputs[0][-1:])
    is_weight = 2 * node.constant_bytes >= right
    return Count(weights=count) if is_weight else Count(activations=count)


def _attention(node: Node) -> Count:
    """ONNX's operator takes Q, K, V; com.microsoft's, and QAttention, make them of one input."""
    weight = node.inputs[1]
    if len(weight) != 2:
        return _multi_head(node)
    batch, rows, _ = node.inputs[0]
    columns, value_columns = weight[1], node.outputs[0][-1]
    if any(len(shape) > 4 for shape in node.inputs):
        raise ValueError("keys of the past")
    # The weight holds Q, K and V side by side; Q and K are equally wide.
    query_columns = (columns - value_columns) // 2
    return Count(
        weights=batch * rows * prod(weight),
        activations=batch * rows * rows * (query_columns + value_columns),
    )


def _multi_head(node: Node) -> Count:
    """Q times K for each pair of rows, then the result times V.

    Each is (batch, rows, columns) or (batch, heads, rows, columns). MultiHeadAttention also knows
    all three packed in one tensor, and keys of earlier runs; no classifier needs them.
    """
    out, rest = node.outputs[0], node.inputs[3:]
    query, key, value = node.inputs[0], node.inputs[1], node.inputs[2]
    masks = ((query[-2], key[-2]), (1, key[-2]))
    if not 3 <= len(query) == len(key) == len(value) <= 4 or value[-2] != key[-2]:
        raise ValueError("unequal axes")
    # Four axes after V: a mask or bias for each pair of rows, or else keys of the past.
    if any(len(shape) > 3 and shape[-2:] not in masks for shape in rest):
        raise ValueError("keys of the past")
    return Count(activations=(prod(query) + prod(out)) * key[-2])


_PRODUCTS: dict[str, Callable[[Node], Count]] = {
    **dict.fromkeys(
        "MatMul MatMulInteger MatMulIntegerToFloat DynamicQuantizeMatMul QLinearMatMul "
        "MatMulNBits".split(),
        _matmul,
    ),
    **dict.fromkeys(("FusedMatMul", "TransposeMatMul"), _fused_matmul),
    **dict.fromkeys(("Gemm", "FusedGemm", "QGemm"), _gemm),
    **dict.fromkeys(("Attention", "QAttention"), _attention),
    "MultiHeadAttention": _multi_head,
}
_MULTIPLYING = frozenset(
    "Conv ConvInteger ConvTranspose DeformConv Einsum GRU LSTM LinearAttention RNN".split()
)
"""Never to be taken for free, should the format allow them one day."""
_NO_PRODUCTS = (
    ONNX_OPERATORS
    | frozenset(
        """
        BiasAdd BiasGelu BiasSoftmax FastGelu QuickGelu SkipLayerNormalization
        SimplifiedLayerNormalization SkipSimplifiedLayerNormalization EmbedLayerNormalization
        QEmbedLayerNormalization RMSNormalization RotaryEmbedding GatherBlockQuantized QLinearAdd
        QLinearMul QLinearSigmoid QLinearSoftmax QLinearConcat QLinearReduceMean QLinearWhere
        """.split()
    )
) - _MULTIPLYING
"""Operators that run without a matrix product; one that is in neither list is an error, not 0."""
