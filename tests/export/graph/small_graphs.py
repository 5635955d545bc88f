"""Small graphs built by hand, and what every pass must hold on each of them."""

from collections import Counter
from zlib import crc32

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
VOCABULARY, WIDTH, HEADS, INNER, LABELS, LONGEST = 40, 8, 2, 12, 3, 12
EXACT = 1e-5
SHAPES = ((1, 1), (1, 2), (3, 5), (2, 9))
ROWS = ("batch", "tokens", WIDTH)


def noise(*shape, seed=""):
    """The same numbers for the same shape and seed, a name."""
    generator = np.random.default_rng([crc32(seed.encode()), *shape])
    return generator.normal(size=shape).astype(np.float32)


def whole(*numbers):
    return np.array(numbers, np.int64)


def node(operator, inputs, outputs, domain="", **attributes):
    """A node; inputs and outputs are names with spaces between them, `-` is one left out."""
    given = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(
        operator, given, outputs.split(), name=outputs.split()[0], domain=domain, **attributes
    )


def attention(inputs, output, **attributes):
    return node(
        "MultiHeadAttention", inputs, output, domain=MICROSOFT, num_heads=HEADS, **attributes
    )


def graph(nodes, weights, shapes=None, outputs=None, inputs=("input_ids",)):
    """A graph of ids, int64 (batch, tokens), in which shapes are noted as the tracer notes them.

    Args:
        nodes: in their order.
        weights: arrays by name; those that no node reads are left out.
        shapes: of values, by name, in place of what onnx infers (or cannot).
        outputs: shapes by name; `logits`, (batch, labels), if None.
        inputs: names.
    """
    outputs = {"logits": ("batch", LABELS)} if outputs is None else outputs
    read = {name for item in nodes for name in item.input}
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "tokens"]) for n in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in weights.items()
            if name in read
        ],
        value_info=_noted(shapes or {}),
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=10)
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    kept = [item for item in inferred.graph.value_info if item.name not in (shapes or {})]
    del inferred.graph.value_info[:]
    inferred.graph.value_info.extend([*kept, *_noted(shapes or {})])
    return inferred


def _noted(shapes):
    return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]


def operators(model):
    return Counter(node.op_type for node in model.graph.node)


def weights_of(model):
    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def random_ids(batch, tokens, vocabulary=VOCABULARY):
    generator = np.random.default_rng([batch, tokens])
    return generator.integers(0, vocabulary, (batch, tokens), dtype=np.int64)


def run(model, shapes=SHAPES):
    """All outputs, joined, for ids of every shape."""
    opened = session(model)
    found = []
    for shape in shapes:
        feeds = {port.name: random_ids(*shape) for port in opened.get_inputs()}
        found += opened.run(None, feeds)
    return found


def assert_alike(model, other, shapes=SHAPES, exact=EXACT):
    for one, two in zip(run(model, shapes), run(other, shapes), strict=True):
        assert one.shape == two.shape
        np.testing.assert_allclose(
            two, one, rtol=0, atol=exact * max(1.0, np.abs(one).max(initial=0))
        )


def serialised(model):
    return model.SerializeToString(deterministic=True)


def applied(apply, model, shapes=SHAPES, exact=EXACT):
    """Apply a pass, hold it to what every pass promises, and return its count and its graph.

    The graph that came in stays as it was, to the byte; the result is a sound graph with the same
    outputs, computes the same for several batch sizes and lengths, and nothing in it is unread.
    """
    before = serialised(model)
    given = ir.from_proto(model)
    known = serialised(ir.to_proto(given))
    found = apply(given)
    after = ir.to_proto(found.graph)
    assert serialised(ir.to_proto(given)) == known
    assert serialised(model) == before
    onnx.checker.check_model(
        after, full_check=MICROSOFT not in {n.domain for n in after.graph.node}
    )
    assert [port.name for port in after.graph.output] == [port.name for port in model.graph.output]
    if exact is not None:
        assert_alike(model, after, shapes, exact)
    if found.nodes:
        read = {name for node in after.graph.node for name in node.input}
        assert {item.name for item in after.graph.initializer} <= read
    else:
        assert serialised(after) == known
    return found.nodes, after


def embedding(output="x0"):
    return [node("Gather", "table input_ids", output)], {"table": noise(VOCABULARY, WIDTH)}


def tokens_cut():
    """Nodes that give `tokens`, (1,), as the tracer computes it."""
    nodes = [node("Shape", "input_ids", "sizes"), node("Gather", "sizes second", "tokens")]
    return nodes, {"second": whole(1), "zero": whole(0), "one": whole(1), "twice": whole(2)}


def linear(given, output, name, columns=WIDTH, bias=True):
    """Nodes and weights of a linear layer as the tracer leaves it."""
    weights = {f"{name}_matrix": noise(WIDTH, columns, seed=name) / 3}
    if not bias:
        return [node("MatMul", f"{given} {name}_matrix", output)], weights
    weights[f"{name}.bias"] = noise(columns, seed=f"{name}.bias")
    nodes = [
        node("MatMul", f"{given} {name}_matrix", f"{output}_product"),
        node("Add", f"{output}_product {name}.bias", output),
    ]
    return nodes, weights


def joined(*parts):
    """Put the nodes and the weights of several parts together."""
    return [made for nodes, _ in parts for made in nodes], {
        name: array for _, weights in parts for name, array in weights.items()
    }


def layer(number, given, output, attend=None):
    """One post-norm transformer layer, and its shapes that onnx cannot infer.

    Args:
        number: of the layer; names are made of it.
        given: name of its input.
        output: name of its result.
        attend: makes attention of (query, key, value, output); nodes and weights.
    """
    p = f"l{number}"
    scale = {
        f"{p}.norm": 1 + noise(WIDTH, seed=p) / 5,
        f"{p}.shift": noise(WIDTH, seed=f"{p}.shift"),
    }
    fused = [attention(f"{p}q {p}k {p}v", f"{p}mixed")], {}
    up = [
        node("MatMul", f"{p}a {p}up", f"{p}u"),
        node("Add", f"{p}u {p}up.bias", f"{p}ub"),
        node("Gelu", f"{p}ub", f"{p}g"),
        node("MatMul", f"{p}g {p}down", f"{p}d"),
        node("Add", f"{p}d {p}down.bias", f"{p}db"),
        node("Add", f"{p}db {p}a", f"{p}sum"),
        node("LayerNormalization", f"{p}sum {p}.norm {p}.shift", output),
    ]
    matrices = {
        f"{p}up": noise(WIDTH, INNER, seed=p) / 3,
        f"{p}up.bias": noise(INNER, seed=p),
        f"{p}down": noise(INNER, WIDTH, seed=p) / 3,
        f"{p}down.bias": noise(WIDTH, seed=f"{p}.down"),
    }
    return joined(
        *(linear(given, f"{p}{part}", f"{p}.{part}") for part in "qkv"),
        fused if attend is None else attend(f"{p}q", f"{p}k", f"{p}v", f"{p}mixed"),
        linear(f"{p}mixed", f"{p}o", f"{p}.out"),
        ([node("Add", f"{p}o {given}", f"{p}res")], {}),
        ([node("LayerNormalization", f"{p}res {p}.norm {p}.shift", f"{p}a")], scale),
        (up, matrices),
    )


def first_token_head(given):
    nodes = [
        node("Gather", f"{given} zero", "first", axis=1),
        node("Gemm", "first head head.bias", "logits"),
    ]
    weights = {"zero": np.array(0, np.int64), "head": noise(WIDTH, LABELS)}
    return nodes, weights | {"head.bias": noise(LABELS)}


def encoder(head=None, attend=None, layers=2, outputs=None):
    """Embeddings, layers, and a head that reads the first token of `x1` (two layers: `x2`).

    Args:
        head: nodes and weights behind the last layer; None for the first token.
        attend: see `layer`; for the last layer alone.
        layers: how many.
        outputs: see `graph`.
    """
    last = f"x{layers}"
    parts = [embedding()]
    for number in range(1, layers + 1):
        chosen = attend if number == layers else None
        parts.append(layer(number, f"x{number - 1}", f"x{number}", chosen))
    parts.append(first_token_head(last) if head is None else head)
    nodes, weights = joined(*parts)
    mixed = {f"l{number}mixed": ROWS for number in range(1, layers + 1)}
    return graph(nodes, weights, mixed, outputs)
