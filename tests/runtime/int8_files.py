"""A small int8 classifier of the operators that real ones have, as a graph and as a file."""

from dataclasses import replace

import numpy as np
import onnx
from limen.encoder import open_encoder
from limen.engine import SLOW_FUSIONS, Engine, quiet_onnxruntime
from limen.format import ClassifierFile, ExecutionBlock, Golden, read
from onnx import TensorProto, helper, numpy_helper

WIDTH, INNER, VOCABULARY = 64, 96, 200
TEXTS = ("a bright happy day!", "오늘 행복해요", "the angry day, the sad day", "joyful")


class Builder:
    """Nodes and constants of a graph in the making."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, operator, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def quantised(self, value):
        """u8 with a scale found at run time: (values, scale, zero point)."""
        return self.node("DynamicQuantizeLinear", value, outputs=3)

    def matrix(self, quantised, rows, columns, most=127):
        """A product with s8 weights, one scale for each column, and a bias."""
        values, scale, zero = quantised
        weights = self.random.integers(-most, most + 1, (rows, columns)).astype(np.int8)
        scales = self.random.uniform(0.5, 1.5, columns) / (most * np.sqrt(rows))
        product = self.node(
            "MatMulInteger",
            values,
            self.constant(weights),
            zero,
            self.constant(np.zeros(columns, np.int8)),
        )
        both = self.node("Mul", scale, self.constant(scales.astype(np.float32)))
        floats = self.node("Mul", self.node("Cast", product, to=TensorProto.FLOAT), both)
        bias = self.random.normal(0, 0.1, columns).astype(np.float32)
        return self.node("Add", floats, self.constant(bias))


def int8_graph(outputs, seed=1, most=127):
    """ids -> rows -> two matrices of one quantised input -> GELU -> a third -> Add -> norm -> mean
    -> logits; activations lean to the positive, so that large weights (up to `most`) make pairs of
    products saturate.
    """
    b = Builder(seed)
    table = b.random.normal(1.0, 1.0, (VOCABULARY, WIDTH)).astype(np.float32)
    rows = b.node("Gather", b.constant(table), "input_ids")
    quantised = b.quantised(rows)
    left, right = (b.matrix(quantised, WIDTH, INNER, most) for _ in range(2))
    inner = b.node("Add", b.node("Gelu", left), b.node("Gelu", right))
    back = b.matrix(b.quantised(inner), INNER, WIDTH, most)
    ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    normal = b.node(
        "LayerNormalization",
        b.node("Add", rows, back),
        b.constant(ones),
        b.constant(zeros),
        axis=-1,
        epsilon=1e-5,
    )
    mean = b.node("ReduceMean", normal, b.constant(np.array([1])), keepdims=0)
    head = b.random.normal(0, 0.5, (WIDTH, outputs)).astype(np.float32)
    b.nodes.append(helper.make_node("MatMul", [mean, b.constant(head)], ["logits"]))
    ports = (
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs]),
    )
    body = helper.make_graph(b.nodes, "int8", [ports[0]], [ports[1]], b.constants)
    return helper.make_model(body, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def optimised_offline(model, target, level="ORT_ENABLE_EXTENDED", disabled=tuple(SLOW_FUSIONS)):
    """Optimise a graph as an exporter does, and return the bytes onnxruntime saved."""
    onnxruntime = quiet_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(target)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    onnxruntime.InferenceSession(
        data, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(disabled)
    )
    return target.read_bytes()


def int8_file(golden_folder, data, tolerance, *, precision="int8", optimised=False, texts=TEXTS):
    """A classifier file of this graph with the golden logits that this machine computes."""
    like = read(golden_folder / "tiny_multiclass.onnx")
    encoder = open_encoder(like.metadata.encoder)
    engine = Engine(data, "int8", like.metadata.decision.outputs, optimisation="unsigned_weights")
    feeds = [encoder.encode(text).feeds for text in texts]
    golden = Golden(
        tuple(texts),
        tuple(tuple(feed["input_ids"][0].tolist()) for feed in feeds),
        tuple(tuple(map(float, engine.logits(feed))) for feed in feeds),
        tolerance,
    )
    execution = ExecutionBlock(precision, optimised=optimised)
    metadata = replace(like.metadata, execution=execution, golden=golden)
    return ClassifierFile("int8.onnx", data, metadata, like.graph, like.digest)


def weight_types(data):
    """Element types of every matrix that an integer product takes, and the operators there are."""
    graph = onnx.load_from_string(data).graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    products = ("MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul")
    types = [kinds[node.input[1]] for node in graph.node if node.op_type in products]
    return types, {node.op_type for node in graph.node}
