"""Tiny classifier files for a GPU: a mask, and logits of the mean over a text's own tokens."""

from dataclasses import replace

import numpy as np
from limen.format import ExecutionBlock, Golden, parse, read, stamp
from onnx import TensorProto, helper, numpy_helper

WIDTH = 6


def padded_model(vocabulary, outputs, precision="fp32", *, masked=True):
    """input_ids and attention_mask -> logits; without `masked` the mean is over padding too."""
    noise = np.random.default_rng(5)
    element, numbers = {
        "fp32": (TensorProto.FLOAT, np.float32),
        "fp16": (TensorProto.FLOAT16, np.float16),
    }[precision]
    constants = {
        "table": noise.normal(0, 1, (vocabulary, WIDTH)).astype(numbers),
        "matrix": noise.normal(0, 1, (WIDTH, outputs)).astype(numbers),
        "last": np.array([2]),
        "tokens": np.array([1]),
    }
    counted = "attention_mask" if masked else "ones"
    nodes = [
        helper.make_node("Abs", ["attention_mask"], ["seen"]),
        helper.make_node("Equal", ["seen", "seen"], ["always"]),
        helper.make_node("Cast", ["always"], ["ones"], to=TensorProto.INT64),
        helper.make_node("Cast", [counted], ["mask"], to=element),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Mul", ["rows", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "tokens"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("MatMul", ["mean", "matrix"], ["product"]),
        helper.make_node("Cast", ["product"], ["logits"], to=TensorProto.FLOAT),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs])
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    body = helper.make_graph(nodes, "padded", ports, [logits], initializers)
    opset = helper.make_opsetid("", 20)
    return helper.make_model(body, ir_version=10, opset_imports=[opset]).SerializeToString()


def padded_file(golden_folder, precision="fp32", golden=None, *, masked=True, name="padded.onnx"):
    """A classifier file for cuda; its golden texts are none, or `golden`."""
    like = read(golden_folder / "tiny_multilabel.onnx").metadata
    model = padded_model(100, like.decision.outputs, precision, masked=masked)
    metadata = replace(
        like,
        execution=ExecutionBlock.made_for("cuda", precision),
        golden=Golden((), (), (), 0.0) if golden is None else golden,
    )
    return parse(stamp(model, metadata), name)
