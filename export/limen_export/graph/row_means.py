"""A graph that gathers a row for each token, sums them, and decides by a small head."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
_WIDTHS = 16
"""Rows are as wide as a multiple of this, 64 bytes."""


@dataclass(frozen=True, eq=False)
class TokenRows:
    """What each token id stands for.

    Attributes:
        table: float32 (rows, width).
        counted: float32 (ids,): 1 for ids that count in the mean, 0 for those that are left out,
            whose rows (or weights) are zero as well.
        ends: int64 (ids,): 1 for the id that ends every text, 0 for all others.
        mapping: int64 (ids,): the row of each id, where ids share rows; None where id i has row i.
        weights: float32 (ids,), by which rows are multiplied; None where that is done already.
    """

    table: FloatArray
    counted: FloatArray
    ends: IntArray
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

    Its cost follows the tokens of a text, not the vocabulary. Texts may stand one behind another:
    each ends with its last id, and its rows are added one after another (ScatterND adds in order),
    so a sum does not depend on what else the run holds.

    Args:
        rows: of the vocabulary.
        head: at least one layer; the last gives the logits.
        normalised: whether the mean is brought to length 1.

    Returns:
        fp32, `input_ids`, int64 (batch, tokens), to `logits`, float32 (texts, outputs).
    """
    rows, head = _padded(rows, head)
    weights = _constants(rows)
    nodes = [*_text_of_each(), *_sums(rows, weights)]
    last = "sum"
    if normalised:
        # The count falls out: a sum of length 1 is a mean of length 1.
        nodes += _divided_by_norm(last)
        last = "normalised"
    else:
        nodes += _divided_by_count(last)
        last = "mean"
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
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", outputs])],
        [
            numpy_helper.from_array(np.ascontiguousarray(numbers), name)
            for name, numbers in weights.items()
            if name in read
        ],
    )
    imports = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)


def _constants(rows: TokenRows) -> dict[str, Array]:
    """What the nodes read beside `input_ids`, by name."""
    width = rows.table.shape[1]
    return {
        "rows": rows.table,
        "counted": rows.counted,
        "ends": rows.ends,
        "as_tokens": np.array([-1], np.int64),
        "as_rows": np.array([-1, width], np.int64),
        "width": np.array([width], np.int64),
        "last": np.array([-1], np.int64),
        "one_more": np.array([1], np.int64),
        "no_sum": np.zeros((1, 1), np.float32),
        "no_count": np.zeros(1, np.float32),
        "first_axis": np.array(0, np.int64),
        "column_axis": np.array([1], np.int64),
        "weight_axis": np.array([2], np.int64),
        "one": np.array(1, np.float32),
        "smallest_norm": np.array(SMALLEST_NORM, np.float32),
    }


def _padded(rows: TokenRows, head: Sequence[Layer]) -> tuple[TokenRows, Sequence[Layer]]:
    """Fill the width up with zeros: a sum over a row takes its numbers in an order that follows
    where in memory the row begins, unless all rows begin alike.
    """
    missing = -rows.table.shape[1] % _WIDTHS
    if not missing:
        return rows, head
    table = np.pad(rows.table, ((0, 0), (0, missing)))
    first = replace(head[0], weight=np.pad(head[0].weight, ((0, 0), (0, missing))))
    return replace(rows, table=table), (first, *head[1:])


def _text_of_each() -> Iterator[NodeProto]:
    """`text`: int64 (tokens, 1), the text that a token belongs to; `texts`: int64 (1,), how many
    there are, the last of which need not have ended.
    """
    yield helper.make_node("Gather", ["ends", "input_ids"], ["ending"])
    yield helper.make_node("Reshape", ["ending", "as_tokens"], ["ended"])
    yield helper.make_node("CumSum", ["ended", "first_axis"], ["place"], exclusive=1)
    yield helper.make_node("Unsqueeze", ["place", "column_axis"], ["text"])
    yield helper.make_node("Gather", ["place", "last"], ["last_text"])
    yield helper.make_node("Add", ["last_text", "one_more"], ["texts"])


def _sums(rows: TokenRows, weights: dict[str, Array]) -> Iterator[NodeProto]:
    """`sum`: float32 (texts, width)."""
    ids = "input_ids"
    if rows.mapping is not None:
        weights["row_of_id"] = rows.mapping
        yield helper.make_node("Gather", ["row_of_id", ids], ["row_numbers"])
        ids = "row_numbers"
    yield helper.make_node("Gather", ["rows", ids], ["found"])
    added = "found"
    if rows.weights is not None:
        weights["weight_of_id"] = rows.weights
        yield helper.make_node("Gather", ["weight_of_id", "input_ids"], ["own_weights"])
        yield helper.make_node("Unsqueeze", ["own_weights", "weight_axis"], ["factors"])
        yield helper.make_node("Mul", ["found", "factors"], ["weighted"])
        added = "weighted"
    yield helper.make_node("Reshape", [added, "as_rows"], ["added"])
    yield helper.make_node("Concat", ["texts", "width"], ["shape"], axis=0)
    yield helper.make_node("Expand", ["no_sum", "shape"], ["nothing"])
    yield helper.make_node("ScatterND", ["nothing", "text", "added"], ["sum"], reduction="add")


def _divided_by_count(summed: str) -> Iterator[NodeProto]:
    yield helper.make_node("Gather", ["counted", "input_ids"], ["counting"])
    yield helper.make_node("Reshape", ["counting", "as_tokens"], ["counts"])
    yield helper.make_node("Expand", ["no_count", "texts"], ["uncounted"])
    yield helper.make_node("ScatterND", ["uncounted", "text", "counts"], ["count"], reduction="add")
    yield helper.make_node("Max", ["count", "one"], ["at_least_one"])
    yield helper.make_node("Unsqueeze", ["at_least_one", "column_axis"], ["divisor"])
    yield helper.make_node("Div", [summed, "divisor"], ["mean"])


def _divided_by_norm(summed: str) -> Iterator[NodeProto]:
    yield helper.make_node("Mul", [summed, summed], ["squares"])
    yield helper.make_node("ReduceSum", ["squares", "column_axis"], ["square"], keepdims=1)
    yield helper.make_node("Sqrt", ["square"], ["norm"])
    yield helper.make_node("Add", ["norm", "smallest_norm"], ["norm_above_0"])
    yield helper.make_node("Div", [summed, "norm_above_0"], ["normalised"])


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
