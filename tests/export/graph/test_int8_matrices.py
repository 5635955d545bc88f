"""Weight matrices in 8 bits: how far off, what is shared, what stays in float."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from limen_export.graph.int8_matrices import by_column, int8_matrices, matrix_names
from limen_export.graph.projections import merge_projections

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH
INT8 = "DynamicQuantizeMatMul"
NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=NUMBERS
    )
)
def test_every_weight_is_within_half_a_scale(matrix):
    quantised, scale = by_column(matrix)
    assert (quantised.dtype, scale.dtype) == (np.int8, np.float32)
    assert (quantised.shape, scale.shape) == (matrix.shape, matrix.shape[1:])
    assert (scale > 0).all()
    assert quantised.min() >= -127
    error = np.abs(quantised * scale.astype(np.float64) - matrix)
    assert (error <= scale / 2 * (1 + 1e-4)).all()


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float32, (5, 3), elements=NUMBERS), st.sampled_from([0.25, 2.0, 1024.0]))
def test_a_column_s_scale_is_its_own(matrix, factor):
    """A column of large weights costs its neighbours nothing."""
    quantised, scale = by_column(matrix)
    larger, scales = by_column(matrix * np.float32([factor, 1, 1]))
    np.testing.assert_array_equal(larger[:, 1:], quantised[:, 1:])
    np.testing.assert_array_equal(scales[1:], scale[1:])


def test_largest_weight_of_a_column_is_exact_and_a_column_of_zeros_stays_zero():
    matrix = np.float32([[0, -3, 1], [0, 2, 127], [0, 1, -5]])
    quantised, scale = by_column(matrix)
    np.testing.assert_array_equal(quantised[:, 0], 0)
    np.testing.assert_array_equal(quantised[:, 2], matrix[:, 2])
    np.testing.assert_allclose(quantised[0, 1] * scale[1], -3, rtol=1e-6)


def int8(model, in_float=frozenset()):
    """Count, graph and its operators; the graph that came in stays as it was."""
    count, after = made.applied(lambda one: int8_matrices(one, in_float), model, exact=None)
    found = made.run(after)
    for one, other in zip(made.run(model), found, strict=True):
        assert np.abs(one - other).max() < 0.2 * max(1, np.abs(one).max())
    return count, after, made.operators(after)


def test_every_matrix_of_the_body_and_its_bias_are_one_node():
    model = made.encoder()
    count, after, left = int8(model)
    assert count == left[INT8] == 12
    assert left["MatMul"] == 0
    assert left["Add"] == 4  # the residuals
    assert left["Gemm"] == 1  # the head
    for item in after.graph.node:
        if item.op_type == INT8:
            weights = made.weights_of(after)
            assert weights[item.input[1]].dtype == np.int8
            assert weights[item.input[2]].shape == weights[item.input[4]].shape


def test_float_matrices_do_not_stay_in_the_file():
    _, after, _ = int8(made.encoder())
    floats = {name for name, array in made.weights_of(after).items() if array.ndim == 2}
    assert {n for n in floats if not n.endswith("_int8")} == {"table", "head"}


def test_named_matrices_stay_in_float():
    model = made.encoder()
    names = matrix_names(ir.from_proto(model))
    assert len(names) == 12
    kept = frozenset({names[0], names[7]})
    count, after, left = int8(model, kept)
    assert (count, left[INT8], left["MatMul"]) == (10, 10, 2)
    assert kept <= made.weights_of(after).keys()
    assert int8(model, frozenset(names))[0] == 0


def test_the_product_is_that_of_the_quantised_matrix():
    """With rows that 8 bits hold exactly, only the matrix is rounded."""
    weights = {"table": np.float32([[255, 0], [0, 51], [102, 204]]), "m": noise(2, 5)}
    nodes = [node("Gather", "table input_ids", "x"), node("MatMul", "x m", "logits")]
    model = made.graph(nodes, weights, outputs={"logits": [None] * 3})
    after = ir.to_proto(int8_matrices(ir.from_proto(model)).graph)
    quantised, scale = by_column(weights["m"])
    ids = np.array([[0, 1, 2]])
    found = made.session(after).run(None, {"input_ids": ids})[0]
    expected = weights["table"][ids] @ (quantised * scale)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("bias", [(1,), (1, WIDTH)])
def test_a_bias_of_another_shape_stays_outside(bias):
    nodes, weights = made.joined(made.embedding(), made.linear("x0", "logits", "one"))
    weights["one.bias"] = noise(*bias)
    _, _, left = int8(made.graph(nodes, weights, outputs={"logits": made.ROWS}))
    assert (left[INT8], left["Add"]) == (1, 1)


def test_a_product_that_is_an_output_keeps_its_name():
    nodes, weights = made.joined(made.embedding(), made.linear("x0", "logits", "one", bias=False))
    assert int8(made.graph(nodes, weights, outputs={"logits": made.ROWS}))[0] == 1


def shared(layers=3):
    """ALBERT: layers with one matrix, and their own biases."""
    nodes, weights = made.embedding()
    for number in range(layers):
        weights[f"bias{number}"] = noise(WIDTH, seed=f"bias{number}")
        nodes.append(node("MatMul", f"x{number} square", f"p{number}"))
        nodes.append(node("Add", f"p{number} bias{number}", f"s{number}"))
        nodes.append(node("Tanh", f"s{number}", f"x{number + 1}"))
    weights["square"] = noise(WIDTH, WIDTH) / 3
    nodes.append(node("Identity", f"x{layers}", "logits"))
    return made.graph(nodes, weights, outputs={"logits": made.ROWS})


def test_a_matrix_that_layers_share_is_stored_once():
    count, after, _ = int8(shared())
    assert count == 3
    held = made.weights_of(after)
    assert [n for n in held if "square" in n] == ["square_int8", "square_scale"]
    assert {"bias0", "bias1", "bias2"} <= held.keys()


def test_the_table_and_what_is_computed_are_no_matrices():
    nodes, weights = made.embedding()
    weights |= {"stack": noise(1, WIDTH, WIDTH), "left": noise(5, 4)}
    nodes += [
        node("Transpose", "x0", "turned", perm=[0, 2, 1]),
        node("MatMul", "x0 turned", "scores"),
        node("MatMul", "scores x0", "mixed"),
        node("MatMul", "mixed stack", "logits"),
    ]
    model = made.graph(nodes, weights, outputs={"logits": made.ROWS})
    assert matrix_names(ir.from_proto(model)) == ()
    assert int8(model)[0] == 0


def test_merged_projections_are_one_int8_product():
    merged = ir.to_proto(merge_projections(ir.from_proto(made.encoder())).graph)
    count, _, left = int8(merged)
    assert (count, left["Split"]) == (8, 2)


def test_names_are_in_the_order_of_the_graph_and_each_once():
    assert matrix_names(ir.from_proto(shared())) == ("square",)
    names = matrix_names(ir.from_proto(made.encoder(layers=1)))
    assert names == ("l1.q_matrix", "l1.k_matrix", "l1.v_matrix", "l1.out_matrix", "l1up", "l1down")
