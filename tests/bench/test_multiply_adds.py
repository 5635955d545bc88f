"""Multiply-adds: counted by hand, and by onnxruntime's profiler."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from limen.errors import EngineError, InputError
from limen.format.operators import ONNX_OPERATORS
from limen_bench.matrix_products import _MULTIPLYING, Node, count_products
from limen_bench.multiply_adds import multiply_adds
from onnx import TensorProto, helper, numpy_helper

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTH, INNER, HEADS, LABELS, VOCABULARY = 16, 40, 2, 3, 50


def graph(nodes, constants, inputs=("input_ids",)):
    """Bytes of a graph with one output, `logits`."""
    ports = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "t"]) for n in inputs]
    out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_graph(nodes, "g", ports, out, held)
    return helper.make_model(made, opset_imports=opsets, ir_version=10).SerializeToString()


def noise(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def node(operator, inputs, output, domain="", **attributes):
    return helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes)


EMBED = node("Gather", ["table", "input_ids"], "x")
TABLE = {"table": noise(VOCABULARY, WIDTH)}


def attention_block(kind):
    """Nodes from x (b, t, width) to `mixed`, and constants; the same products in three forms."""
    ms = {"domain": "com.microsoft", "num_heads": HEADS}
    square = {f"w{name}": noise(WIDTH, WIDTH) for name in "qkv"}
    if kind == "Attention":
        packed = {"w": np.concatenate(list(square.values()), axis=1), "b": noise(3 * WIDTH)}
        return [node("Attention", ["x", "w", "b"], "mixed", **ms)], packed
    nodes = [node("MatMul", ["x", f"w{name}"], name) for name in "qkv"]
    if kind == "MultiHeadAttention":
        return [*nodes, node("MultiHeadAttention", ["q", "k", "v"], "mixed", **ms)], square
    shapes = {
        "split": np.array([0, 0, HEADS, WIDTH // HEADS]),
        "joined": np.array([0, 0, WIDTH]),
    }
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes.append(node("Reshape", [name, "split"], f"{name}s"))
        nodes.append(node("Transpose", [f"{name}s"], f"{name}t", perm=order))
    nodes += [
        node("MatMul", ["qt", "kt"], "scores"),
        node("Softmax", ["scores"], "shares", axis=-1),
        node("MatMul", ["shares", "vt"], "heads"),
        node("Transpose", ["heads"], "rows", perm=[0, 2, 1, 3]),
        node("Reshape", ["rows", "joined"], "mixed"),
    ]
    return nodes, square | shapes


def transformer(kind):
    """One layer and a head that reads the first row."""
    block, constants = attention_block(kind)
    constants = (
        TABLE
        | constants
        | {
            "wo": noise(WIDTH, WIDTH),
            "up": noise(WIDTH, INNER),
            "down": noise(INNER, WIDTH),
            "first": np.array(0),
            "head": noise(WIDTH, LABELS),
            "bias": noise(LABELS),
        }
    )
    rest = [
        node("MatMul", ["mixed", "wo"], "o"),
        node("MatMul", ["o", "up"], "u"),
        node("Relu", ["u"], "r"),
        node("MatMul", ["r", "down"], "y"),
        node("Gather", ["y", "first"], "cls", axis=1),
        node("Gemm", ["cls", "head", "bias"], "logits"),
    ]
    return graph([EMBED, *block, *rest], constants)


@pytest.fixture
def counted(tmp_path):
    def count(data, max_tokens=64):
        file = tmp_path / "made.onnx"
        file.write_bytes(data)
        return multiply_adds(file, max_tokens)

    return count


@pytest.mark.parametrize("kind", ["plain", "Attention", "MultiHeadAttention"])
def test_a_layer_counted_by_hand(counted, kind):
    found = counted(transformer(kind))
    per_token = 4 * WIDTH**2 + 2 * WIDTH * INNER
    assert found.weights == (WIDTH * LABELS, per_token, 0)
    # Q times K and the shares times V: all heads together are as wide as the layer.
    assert found.activations == (0, 0, 2 * WIDTH)
    tokens = np.array([[1, 7], [30, 512]])
    expected = WIDTH * LABELS + per_token * tokens + 2 * WIDTH * tokens**2
    np.testing.assert_array_equal(found.of(tokens), expected)
    np.testing.assert_array_equal(found.weights_of(7), WIDTH * LABELS + per_token * 7)
    assert found.of(tokens).dtype == np.float64


@pytest.mark.parametrize("max_tokens", [4, 5, 9, 31, 45, 46])
def test_every_longest_input(counted, max_tokens):
    assert counted(transformer("plain"), max_tokens) == counted(transformer("plain"))


def test_int8_changes_no_count(counted):
    import onnx_ir as ir
    from limen_export.graph.int8_matrices import int8_matrices

    plain = transformer("plain")
    given = ir.from_proto(onnx.load_model_from_string(plain))
    quantised = ir.to_proto(int8_matrices(given).graph)
    assert "DynamicQuantizeMatMul" in {node.op_type for node in quantised.graph.node}
    assert counted(quantised.SerializeToString()) == counted(plain)


def test_four_bit_weights(counted):
    width, columns, block = 32, 8, 32
    constants = {
        "table": noise(VOCABULARY, width),
        "w": np.zeros((columns, 1, block // 2), np.uint8),
        "s": np.ones(columns, np.float32),
    }
    sizes = {"K": width, "N": columns, "bits": 4, "block_size": block}
    product = node("MatMulNBits", ["x", "w", "s"], "logits", domain="com.microsoft", **sizes)
    found = counted(graph([EMBED, product], constants))
    assert (found.weights, found.activations) == ((0, width * columns, 0), (0, 0, 0))


@pytest.mark.parametrize("name", ["tiny_binary", "tiny_multiclass", "tiny_multilabel"])
def test_golden_files_hold_one_product(name):
    weights = {
        init.name: init.dims for init in onnx.load(GOLDEN / f"{name}.onnx").graph.initializer
    }
    found = multiply_adds(GOLDEN / f"{name}.onnx", 16)
    assert found.weights == (np.prod(weights["matrix"]), 0, 0)
    assert found.activations == (0, 0, 0)


def test_other_inputs_are_refused(counted):
    nodes = [node("Cast", ["words"], "logits", to=TensorProto.FLOAT)]
    with pytest.raises(EngineError, match="inputs words are not known"):
        counted(graph(nodes, {}, inputs=("words",)))


def test_an_unknown_operator_is_refused(counted):
    nodes = [EMBED, node("Einsum", ["x", "w"], "logits", equation="btd,de->bte")]
    with pytest.raises(EngineError, match="Einsum are not known"):
        counted(graph(nodes, TABLE | {"w": noise(WIDTH, 4)}))


def test_a_count_that_is_no_polynomial_is_refused(counted):
    """A window of 30 tokens, as in local attention: a line up to there, then flat."""
    constants = TABLE | {"from": np.array([0]), "to": np.array([30]), "axis": np.array([1])}
    nodes = [
        EMBED,
        node("Slice", ["x", "from", "to", "axis"], "window"),
        node("MatMul", ["window", "w"], "logits"),
    ]
    with pytest.raises(EngineError, match="no polynomial"):
        counted(graph(nodes, constants | {"w": noise(WIDTH, 4)}))


def test_what_is_no_graph_is_refused(counted, tmp_path):
    with pytest.raises(EngineError, match=r"made\.onnx: cannot be profiled"):
        counted(b"no graph")
    with pytest.raises(InputError, match="cannot be read"):
        multiply_adds(tmp_path / "absent.onnx", 64)
    with pytest.raises(EngineError, match="at least 4"):
        counted(b"", 3)


@pytest.mark.parametrize(
    ("made", "weights", "activations"),
    [
        # batch 2, M 5, K 4, N 3, each side as stored or transposed
        (Node("FusedMatMul", ((2, 5, 4), (2, 4, 3)), ((2, 5, 3),), 0), 0, 120),
        (Node("FusedMatMul", ((2, 4, 5), (2, 3, 4)), ((2, 5, 3),), 0), 0, 120),
        (Node("FusedMatMul", ((2, 5, 4), (4, 3)), ((2, 5, 3),), 48), 120, 0),
        # a broadcast batch: the output holds it, one side does not
        (Node("MatMul", ((1, 5, 4), (6, 4, 3)), ((6, 5, 3),), 0), 0, 360),
        (Node("Gemm", ((4, 5), (3, 4), (3,)), ((5, 3),), 48), 60, 0),
        (Node("QGemm", ((5, 4), (), (), (4, 3), (), ()), ((5, 3),), 12), 60, 0),
        (Node("QLinearMatMul", ((5, 4), (), (), (4, 30), (), (), (), ()), ((5, 30),), 15), 0, 600),
        (Node("QAttention", ((2, 5, 6), (6, 18), (18,), (), (18,)), ((2, 5, 6),), 108), 1080, 600),
        # K and V of other rows than Q, V wider; a bias for each pair of rows
        (
            Node("Attention", ((1, 5, 8), (1, 7, 8), (1, 7, 6), (1, 1, 5, 7)), ((1, 5, 6),), 0),
            0,
            5 * 7 * (8 + 6),
        ),
    ],
)
def test_shapes_of_one_node(made, weights, activations):
    count = count_products([made], "made.onnx")
    assert (count.weights, count.activations) == (weights, activations)


@pytest.mark.parametrize(
    "made",
    [
        Node("FusedMatMul", ((5, 2, 4), (2, 4, 3)), ((2, 5, 3),), 0),  # batch axes transposed
        Node("MultiHeadAttention", ((1, 5, 2, 3, 4),), ((1, 5, 8),), 0),  # packed
        Node("MultiHeadAttention", ((1, 5, 8),) * 3 + ((1, 2, 9, 4),) * 2, ((1, 5, 8),), 0),  # past
        Node("QAttention", ((1, 5, 8), (8, 24), (2, 1, 2, 9, 4)), ((1, 5, 8),), 0),  # past
        Node("MatMulBnb4", ((5, 4), (9,)), ((5, 3),), 9),
    ],
)
def test_shapes_in_doubt_are_refused(made):
    with pytest.raises(EngineError, match=f"{made.operator}.* not known"):
        count_products([made], "made.onnx")


def test_every_operator_of_the_format_is_known():
    assert not ONNX_OPERATORS & _MULTIPLYING
