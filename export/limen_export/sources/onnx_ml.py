"""Linear heads of scikit-learn as skl2onnx writes them (exports of SetFit), in plain operators.

A classifier file holds none of the domain `ai.onnx.ml`
(https://github.com/onnx/onnx/blob/main/docs/Operators-ml.md).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from limen.errors import ExportError
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

DOMAIN = "ai.onnx.ml"
_LINKS = {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid", "NONE": "Identity"}


def uses_ml_operators(model: onnx.ModelProto) -> bool:
    """Say whether a graph has operators of that domain."""
    return any(node.domain == DOMAIN for node in model.graph.node)


def in_own_operators(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return a graph with LinearClassifier and Normalizer written out; other operators of the
    domain stay, to be refused by name.

    Args:
        model: any graph; it is left as it is.
        name: of the source, for messages.

    Raises:
        ExportError: a LinearClassifier whose numbers do not fit its labels.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    makers = {output: node for node in graph.node for output in node.output}
    nodes: list[NodeProto] = []
    for node in graph.node:
        written = _WRITTEN_OUT.get(node.op_type) if node.domain == DOMAIN else None
        nodes += [node] if written is None else written(node, graph, makers, name)
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    return made


def in_single_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph without 64-bit floating-point numbers, which heads of scikit-learn have."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    tensors = [*made.graph.initializer]
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.DOUBLE:
                attribute.i = TensorProto.FLOAT
            elif attribute.HasField("t"):
                tensors.append(attribute.t)
    for tensor in tensors:
        if tensor.data_type == TensorProto.DOUBLE:
            numbers = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(numbers, tensor.name))
    return made


def _linear_classifier(
    node: NodeProto, graph: GraphProto, makers: dict[str, NodeProto], name: str
) -> Iterator[NodeProto]:
    stated = _attributes(node)
    labels = stated.get("classlabels_strings") or stated.get("classlabels_ints") or []
    numbers = np.array(stated.get("coefficients", []), np.float32)
    biases = np.array(stated.get("intercepts") or [0.0] * len(labels), np.float32)
    link = stated.get("post_transform", b"NONE").decode("ascii", "replace")
    if not labels or numbers.size % len(labels) or len(biases) != len(labels) or link not in _LINKS:
        raise ExportError(
            f"{name}: a LinearClassifier of {len(labels)} labels, {numbers.size:,} coefficients "
            f"and {link}; expected a row of coefficients for each label and {', '.join(_LINKS)}"
        )
    scores = node.output[1]
    weight, bias, sums = f"{scores}_weight", f"{scores}_bias", f"{scores}_logits"
    rows = numbers.reshape(len(labels), -1)
    graph.initializer.append(numpy_helper.from_array(rows, weight))
    graph.initializer.append(numpy_helper.from_array(biases, bias))
    yield helper.make_node("Gemm", [node.input[0], weight, bias], [sums], transB=1)
    # The usual axis of a softmax is the last.
    yield helper.make_node(_LINKS[link], [sums], [scores])


def _normalizer(
    node: NodeProto, graph: GraphProto, makers: dict[str, NodeProto], name: str
) -> Iterator[NodeProto]:
    """Divide by the sum of absolute values; behind a softmax that is 1."""
    given, result = node.input[0], node.output[0]
    if _attributes(node).get("norm", b"MAX") != b"L1":
        yield node
        return
    maker = makers.get(given)
    if maker is not None and _attributes(maker).get("post_transform") == b"SOFTMAX":
        yield helper.make_node("Identity", [given], [result])
        return
    axis = f"{result}_axis"
    graph.initializer.append(helper.make_tensor(axis, TensorProto.INT64, [1], [1]))
    yield helper.make_node("Abs", [given], [f"{result}_sizes"])
    yield helper.make_node("ReduceSum", [f"{result}_sizes", axis], [f"{result}_sum"], keepdims=1)
    yield helper.make_node("Div", [given, f"{result}_sum"], [result])


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


_WRITTEN_OUT: dict[str, Callable[..., Iterator[NodeProto]]] = {
    "LinearClassifier": _linear_classifier,
    "Normalizer": _normalizer,
}
