"""Fixed activation scales: a text's logits do not depend on what else runs with it."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen_export.graph.activations import observe
from limen_export.graph.int8_matrices import by_column, int8_matrices, matrix_names
from limen_export.graph.int8_rows import int8_rows
from limen_export.graph.static_scales import Range, int8_static

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH
TEXTS = [made.random_ids(1, tokens) for tokens in (3, 5, 5, 5, 5, 8, 8, 8)]


def ranges_of(model):
    return {name: seen.range for name, seen in observe(ir.from_proto(model), TEXTS).items()}


def static(model, ranges=None):
    ranges = ranges_of(model) if ranges is None else ranges
    count, after = made.applied(lambda one: int8_static(one, ranges), model, exact=None)
    return count, after, made.operators(after)


@given(
    st.floats(-1e6, 0, width=32, allow_subnormal=False),
    st.floats(0, 1e6, width=32, allow_subnormal=False),
)
def test_steps_reach_from_the_lowest_to_the_highest_and_hit_zero(low, high):
    found = Range(low, high)
    assert found.scale > 0
    assert 0 <= found.zero_point <= 255
    reached = [(step - found.zero_point) * found.scale for step in (0, 255)]
    assert reached[0] <= low + found.scale * 0.51
    assert reached[1] >= high - found.scale * 0.51


def test_every_matrix_with_a_range_runs_in_int8():
    model = made.encoder()
    count, after, left = static(model)
    assert count == left["MatMulIntegerToFloat"] == left["QuantizeLinear"] == 12
    assert (left["MatMul"], left["DynamicQuantizeMatMul"], left["Gemm"]) == (0, 0, 1)
    for one, other in zip(made.run(model), made.run(after), strict=True):
        assert np.abs(one - other).max() < 0.2 * np.abs(one).max()


def test_a_matrix_without_a_range_stays_in_float():
    model = made.encoder()
    ranges = ranges_of(model)
    del ranges["l2up"]
    count, after, left = static(model, ranges)
    assert (count, left["MatMul"]) == (11, 1)
    assert "l2up" in made.weights_of(after)


def test_the_product_is_that_of_both_quantised_sides():
    weights = {"table": noise(40, 4), "m": noise(4, 5), "b": noise(5)}
    nodes = [
        node("Gather", "table input_ids", "x"),
        node("MatMul", "x m", "product"),
        node("Add", "product b", "logits"),
    ]
    model = made.graph(nodes, weights, outputs={"logits": [None] * 3})
    limits = Range(-1.0, 1.5)
    count, after, left = static(model, {"m": limits})
    assert (count, left["Add"]) == (1, 0)
    ids = made.random_ids(2, 6)
    rows = weights["table"][ids]
    steps = np.clip(np.rint(rows / np.float32(limits.scale)) + limits.zero_point, 0, 255)
    quantised, scale = by_column(weights["m"])
    rows = (steps - limits.zero_point) * limits.scale
    expected = rows @ (quantised * scale) + weights["b"]
    found = made.session(after).run(None, {"input_ids": ids})[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert (steps == 0).any()  # values outside the range are cut off
    assert (steps == 255).any()


def test_a_matrix_that_layers_share_is_stored_once():
    nodes, weights = made.embedding()
    for number in range(3):
        nodes.append(node("MatMul", f"x{number} square", f"p{number}"))
        nodes.append(node("Tanh", f"p{number}", f"x{number + 1}"))
    nodes.append(node("Identity", "x3", "logits"))
    weights["square"] = noise(WIDTH, WIDTH)
    model = made.graph(nodes, weights, outputs={"logits": made.ROWS})
    count, after, _ = static(model)
    assert count == 3
    held = sorted(name for name in made.weights_of(after) if "square" in name)
    assert held == ["square_int8", "square_scale", "square_step", "square_zero"]


def rows_alone_and_in_groups(model):
    """Logits of texts of one length, (texts, labels): each by itself, and all in one run."""
    opened = made.session(model)
    for tokens in (1, 2, 7, 12):
        ids = made.random_ids(6, tokens)
        ids[0] = 0  # one text unlike the others
        alone = [opened.run(None, {"input_ids": row[None]})[0][0] for row in ids]
        yield np.stack(alone), opened.run(None, {"input_ids": ids})[0]


@pytest.mark.parametrize("rows", [False, True], ids=["float rows", "int8 rows"])
def test_neighbours_in_a_group_change_nothing(rows):
    model = made.encoder()
    after = int8_static(ir.from_proto(model), ranges_of(model)).graph
    after = int8_rows(after).graph if rows else after
    for alone, together in rows_alone_and_in_groups(ir.to_proto(after)):
        np.testing.assert_array_equal(alone, together)


def test_neighbours_change_logits_where_scales_are_found_as_texts_run():
    """What fixed scales are for: there, one scale spans the whole group."""
    after = ir.to_proto(int8_matrices(ir.from_proto(made.encoder())).graph)
    moved = [np.abs(one - other).max() for one, other in rows_alone_and_in_groups(after)]
    assert min(moved) > 1e-3


def test_names_say_which_range_belongs_to_which_matrix():
    model = made.encoder()
    assert list(ranges_of(model)) == list(matrix_names(ir.from_proto(model)))
