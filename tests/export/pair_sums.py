"""A graph whose int8 products are spelled out as sums of pairs, with saturation or without, so that
any graph around them can run in onnxruntime as on a processor without VNNI.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PRODUCTS = ("MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul")


class Rewriting:
    """Nodes and constants of the graph in the making."""

    def __init__(self, graph):
        self.tensors = {one.name: one for one in graph.initializer}
        self.nodes, self.constants = [], []

    def value(self, name):
        return numpy_helper.to_array(self.tensors[name])

    def constant(self, value):
        name = f"pair_c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, operator, *inputs, to=None, **attributes):
        output = to or f"pair_v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def quantised(self, value):
        names = [f"pair_q{len(self.nodes)}_{index}" for index in range(3)]
        self.nodes.append(helper.make_node("DynamicQuantizeLinear", [value], names))
        return names

    def product(self, left, zero, weights, saturating):
        """u8 (..., k) less its zero point, times s8 (k, n): float64 (..., n)."""
        k, n = weights.shape
        floats = self.cast(left, TensorProto.FLOAT)
        shape = self.constant(np.array([-1, k // 2, 2]))
        rows = self.node("Transpose", self.node("Reshape", floats, shape), perm=[1, 0, 2])
        halves = self.constant(weights.astype(np.float32).reshape(k // 2, 2, n))
        sums = self.node("MatMul", rows, halves)
        if saturating:
            ends = (self.constant(np.float32(end)) for end in (-32_768, 32_767))
            sums = self.node("Clip", sums, *ends)
        total = self.node("ReduceSum", self.cast(sums), self.constant(np.array([0])), keepdims=0)
        columns = self.constant(weights.astype(np.float64).sum(0))
        total = self.node("Sub", total, self.node("Mul", self.cast(zero), columns))
        start, end = self.constant(np.array([0])), self.constant(np.array([-1]))
        leading = self.node("Slice", self.node("Shape", left), start, end)
        whole = self.node("Concat", leading, self.constant(np.array([n])), axis=0)
        return self.node("Reshape", total, whole)

    def cast(self, value, kind=TensorProto.DOUBLE, to=None):
        output = to or f"pair_v{len(self.nodes)}"
        self.nodes.append(helper.make_node("Cast", [value], [output], to=kind))
        return output

    def scaled(self, total, scale, scales, bias, output):
        floats = self.node(
            "Mul", self.cast(total, TensorProto.FLOAT), self.node("Mul", scale, scales)
        )
        self.node("Add", floats, bias or self.constant(np.float32(0)), to=output)

    def rewrite(self, node, saturating):
        inputs = [*node.input, *[""] * (7 - len(node.input))]
        weights = self.value(inputs[1])
        if node.op_type == "MatMulInteger":
            total = self.product(inputs[0], inputs[2], weights, saturating)
            self.cast(total, TensorProto.INT32, to=node.output[0])
        elif node.op_type == "MatMulIntegerToFloat":
            left, _, scale, scales, zero, _, bias = inputs
            total = self.product(left, zero, weights, saturating)
            self.scaled(total, scale, scales, bias, node.output[0])
        else:
            _, _, scales, _, bias, *_ = inputs
            left, scale, zero = self.quantised(inputs[0])
            total = self.product(left, zero, weights, saturating)
            self.scaled(total, scale, scales, bias, node.output[0])


def with_pair_sums(model, *, saturating):
    """Return the graph with every product of integers spelled out; weight zero points are 0."""
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    work = Rewriting(rewritten.graph)
    for node in rewritten.graph.node:
        if node.op_type in PRODUCTS:
            work.rewrite(node, saturating)
        else:
            work.nodes.append(node)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in work.nodes]
    del rewritten.graph.node[:]
    rewritten.graph.node.extend(nodes)
    rewritten.graph.initializer.extend(work.constants)
    return rewritten
