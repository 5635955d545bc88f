"""A graph that gathers a row for each token, sums them, and decides by a small head."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import onnx
from limen.arrays import FloatArray, IntArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from limen_export.graph.rewriting import Array

Activation: TypeAlias = Literal["Relu", "Tanh", "Sigmoid", "Identity"]
SMALLEST_NORM = 1e-32
"""Added to a norm before it divides, so that a text without a known token stays at zero; the number
is model2vec's own (https://github.com/MinishLab/model2vec/blob/main/model2vec/model.py)."""

_OPSET, _IR_VERSION = 18, 10


@dataclass(frozen=True, eq=False)
class TokenRows:
    """What each token id stands for.

    Attributes:
        table: float32 (rows, width).
        counted: float32 (ids,): 1 for ids that count in the mean, 0 for those that are left out,
            whose rows (or weights) are zero as well.
        mapping: int64 (ids,): the row of each id, where ids share rows; None where id i has row i.
        weights: float32 (ids,), by which rows are multiplied; None where that is done already.
    """

    table: FloatArray
    counted: FloatArray
    mapping: IntArray | None = None
    weights: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer: float32 (outputs, inputs) and (outputs,), and what follows it."""

    weight: FloatArray
    bias: FloatArray
    activation: Activation = "Identity"


def row_mean_graph(rows: TokenRows, head: Sequence[Layer], *, normalised: bool) -> onnx.ModelProto:
    """Make the graph: rows of a text's tokens, their mean, divided by its length if `normalised`,
    then the head.

    Its cost follows the tokens of a text, not the vocabulary.

    Args:
        rows: of the vocabulary.
        head: at least one layer; the last gives the logits.
        normalised: whether the mean is brought to length 1.

    Returns:
        fp32, `input_ids`, int64 (batch, tokens), to `logits`, float32 (batch, outputs).
    """
    weights: dict[str, Array] = {
        "rows": rows.table,
        "counted": rows.counted,
        "tokens_axis": np.array([1], np.int64),
        "width_axis": np.array([2], np.int64),
        "one": np.array(1, np.float32),
        "smallest_norm": np.array(SMALLEST_NORM, np.float32),
    }
    nodes = [*_mean(rows, weights)]
    last = "mean"
    if normalised:
        nodes += _divided_by_norm(last)
        last = "normalised"
    for place, layer in enumerate(head):
        nodes += _applied(layer, place, last, weights)
        last = f"layer_{place}"
    nodes.append(helper.make_node("Identity", [last], ["logits"]))
    read = {name for node in nodes for name in node.input}
    outputs = len(head[-1].bias)
    graph = helper.make_graph(
        nodes,
        "row_means",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs])],
        [
            numpy_helper.from_array(np.ascontiguousarray(numbers), name)
            for name, numbers in weights.items()
            if name in read
        ],
    )
    imports = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)


def _mean(rows: TokenRows, weights: dict[str, Array]) -> Iterator[NodeProto]:
    ids = "input_ids"
    if rows.mapping is not None:
        weights["row_of_id"] = rows.mapping
        yield helper.make_node("Gather", ["row_of_id", ids], ["row_numbers"])
        ids = "row_numbers"
    yield helper.make_node("Gather", ["rows", ids], ["found"])
    summed = "found"
    if rows.weights is not None:
        weights["weight_of_id"] = rows.weights
        yield helper.make_node("Gather", ["weight_of_id", "input_ids"], ["own_weights"])
        yield helper.make_node("Unsqueeze", ["own_weights", "width_axis"], ["factors"])
        yield helper.make_node("Mul", ["found", "factors"], ["weighted"])
        summed = "weighted"
    yield helper.make_node("ReduceSum", [summed, "tokens_axis"], ["sum"], keepdims=0)
    yield helper.make_node("Gather", ["counted", "input_ids"], ["counting"])
    yield helper.make_node("ReduceSum", ["counting", "tokens_axis"], ["count"], keepdims=1)
    yield helper.make_node("Max", ["count", "one"], ["divisor"])
    yield helper.make_node("Div", ["sum", "divisor"], ["mean"])


def _divided_by_norm(mean: str) -> Iterator[NodeProto]:
    yield helper.make_node("Mul", [mean, mean], ["squares"])
    yield helper.make_node("ReduceSum", ["squares", "tokens_axis"], ["square"], keepdims=1)
    yield helper.make_node("Sqrt", ["square"], ["norm"])
    yield helper.make_node("Add", ["norm", "smallest_norm"], ["norm_above_0"])
    yield helper.make_node("Div", [mean, "norm_above_0"], ["normalised"])


def _applied(
    layer: Layer, place: int, given: str, weights: dict[str, Array]
) -> Iterator[NodeProto]:
    names = [f"head.{place}.weight", f"head.{place}.bias"]
    weights |= dict(zip(names, (layer.weight, layer.bias), strict=True))
    result = f"layer_{place}"
    if layer.activation == "Identity":
        yield helper.make_node("Gemm", [given, *names], [result], transB=1)
        return
    yield helper.make_node("Gemm", [given, *names], [f"{result}_sum"], transB=1)
    yield helper.make_node(layer.activation, [f"{result}_sum"], [result])
