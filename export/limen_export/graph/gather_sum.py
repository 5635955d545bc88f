"""The graph of a linear model over features: the rows of the features that a text holds, added up.

Its cost follows the text, not the vocabulary. Sums are taken in float64, one row after another
(ScatterND adds its updates in their order), so a text's logits do not depend on what else a run
holds; only weights, features and their products are rounded to float32.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import onnx
from limen.arrays import FloatArray, WideArray
from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR_VERSION = 18, 10
_MOST_FILLED = 0.5
"""Share of rows that are not 0, above which a list of places would save nothing."""


class Nodes:
    """The nodes and constants of a graph in the making."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        """Add a node of one output, and return the output's name."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: np.ndarray, name: str | None = None) -> str:
        """Add a constant, and return its name."""
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name


class Ending(Protocol):
    """Turns the sums, float64 (texts, columns), into outputs, float64 (texts, outputs)."""

    @property
    def outputs(self) -> int:
        """How many outputs there are."""
        ...

    def __call__(self, nodes: Nodes, sums: str) -> str:
        """Add its nodes behind those of the sums, and return the name of what they give."""
        ...


def gather_sum(weights: FloatArray, intercept: WideArray, ending: Ending) -> onnx.ModelProto:
    """Return the graph from `indices`, `values`, `rows` and `texts` (docs/format.md) to `logits`.

    Args:
        weights: (features, columns).
        intercept: (columns,).
        ending: what becomes of the sums.
    """
    nodes = Nodes()
    weighted = weighted_rows(nodes, weights)
    starts = starting_sums(nodes, intercept)
    places = nodes.add("Unsqueeze", "rows", nodes.constant(np.array([1], np.int64)))
    sums = nodes.add("ScatterND", starts, places, weighted, reduction="add")
    return finished(nodes, sums, ending)


def weighted_rows(nodes: Nodes, weights: FloatArray) -> str:
    """Add what looks up the rows of a table, (features, width), for the features that texts hold,
    and multiplies them by their values: float64, (features held, width).
    """
    one = nodes.constant(np.array([1], np.int64))
    gathered = nodes.add("Gather", *_table_and_places(nodes, weights), axis=0)
    # In float32, as exact as the weights: with 77 columns a run takes a fifth less than in float64.
    products = nodes.add("Mul", gathered, nodes.add("Unsqueeze", "values", one))
    return nodes.add("Cast", products, to=TensorProto.DOUBLE)


def starting_sums(nodes: Nodes, intercept: WideArray) -> str:
    """Add the sums of texts that hold nothing: float64, (texts, columns)."""
    start = nodes.constant(np.ascontiguousarray(intercept[np.newaxis], np.float64), "intercept")
    shape = nodes.add("Concat", "texts", nodes.constant(np.array([1], np.int64)), axis=0)
    return nodes.add("Expand", start, shape)


def finished(nodes: Nodes, sums: str, ending: Ending) -> onnx.ModelProto:
    """Add the ending, and return the graph."""
    last = ending(nodes, sums)
    nodes.nodes.append(
        helper.make_node("Cast", [last], ["logits"], name="logits", to=TensorProto.FLOAT)
    )
    return _model(nodes, ending.outputs)


def _table_and_places(nodes: Nodes, weights: FloatArray) -> tuple[str, str]:
    """The rows to gather, and where a feature's row is: its own place, or, where most rows are 0
    (hashed features, weights under an L1 penalty), what a list says, and the rows are kept once.
    """
    filled = np.flatnonzero(weights.any(axis=1))
    if len(filled) > _MOST_FILLED * len(weights):
        return nodes.constant(np.ascontiguousarray(weights), "weights"), "indices"
    kept = np.zeros((len(filled) + 1, weights.shape[1]), np.float32)
    kept[1:] = weights[filled]
    places = np.zeros(len(weights), np.int32)
    places[filled] = np.arange(1, len(filled) + 1)
    return (
        nodes.constant(kept, "weights"),
        nodes.add("Gather", nodes.constant(places, "places"), "indices", axis=0),
    )


def _model(nodes: Nodes, outputs: int) -> onnx.ModelProto:
    def port(name: str, element: int, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, element, shape)

    integers, floats = TensorProto.INT64, TensorProto.FLOAT
    graph = helper.make_graph(
        nodes.nodes,
        "gather_sum",
        [
            port("indices", integers, ["features"]),
            port("values", floats, ["features"]),
            port("rows", integers, ["features"]),
            port("texts", integers, [1]),
        ],
        [port("logits", floats, ["batch", outputs])],
        nodes.constants,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
