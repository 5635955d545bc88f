"""Outlying channels moved into the matrix: exact in float, and less wrong in int8."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen_export.graph.activations import observe
from limen_export.graph.int8_matrices import int8_matrices, matrix_names
from limen_export.graph.projections import merge_projections
from limen_export.graph.smoothing import choose_scales, int8_error, smooth

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH
TEXTS = [made.random_ids(1, tokens) for tokens in (2, 5, 9, 12, 30)]
SCALE = np.float32([0.25, 0.5, 1, 1, 2, 4, 8, 30])


def smoothed(model, scales):
    count, after = made.applied(lambda one: smooth(one, scales), model)
    return count, after, made.operators(after)


def merged():
    """An encoder as it comes to the smoothing: query, key and value are one matrix."""
    return ir.to_proto(merge_projections(ir.from_proto(made.encoder())).graph)


def names_of(model):
    return matrix_names(ir.from_proto(model))


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.integers(0, 7)),
    st.lists(st.floats(1 / 64, 64, width=32), min_size=WIDTH, max_size=made.INNER),
)
def test_any_positive_scales_change_nothing_in_float(places, numbers):
    model = merged()
    chosen = {}
    for place in places:
        name = names_of(model)[place]
        channels = made.weights_of(model)[name].shape[0]
        chosen[name] = np.resize(np.float32(numbers), channels)
    count, after = made.applied(lambda one: smooth(one, chosen), model, exact=5e-5)
    assert count == len(chosen)
    assert names_of(after) == names_of(model)


def test_exact_to_rounding_everywhere_at_once():
    model = merged()
    scales = {
        name: np.resize(SCALE, made.weights_of(model)[name].shape[0]) for name in names_of(model)
    }
    assert smoothed(model, scales)[0] == 8


def test_no_scales_no_change():
    assert smoothed(merged(), {})[0] == 0


def test_a_division_is_one_node_for_a_product():
    model = merged()
    _, after, left = smoothed(model, {"l2up": SCALE})
    assert left - made.operators(model) == {"Mul": 1}
    np.testing.assert_allclose(
        made.weights_of(after)["l2up"],
        made.weights_of(model)["l2up"] * SCALE[:, None],
        rtol=1e-6,
    )


@pytest.mark.parametrize("model", [made.encoder(), merged()], ids=["apart", "merged"])
def test_before_the_output_of_attention_the_division_is_in_the_values(model):
    _, after, left = smoothed(model, {"l1.out_matrix": SCALE})
    assert left == made.operators(model)
    before, now = made.weights_of(model), made.weights_of(after)
    changed = {name for name in now if name not in before or (now[name] != before[name]).any()}
    assert len(changed) == 3  # the output matrix, the matrix of the values and their bias
    for name in changed - {"l1.out_matrix"}:
        old = name.removesuffix("_smoothed")
        others = slice(0, now[name].shape[-1] - WIDTH)
        np.testing.assert_array_equal(now[name][..., others], before[old][..., others])
        np.testing.assert_allclose(now[name][..., -WIDTH:], before[old][..., -WIDTH:] / SCALE)


def test_values_that_are_smoothed_themselves_keep_both():
    model = merged()
    values = next(name for name in names_of(model) if name.startswith("l1.q"))
    count, _, left = smoothed(model, {values: SCALE, "l1.out_matrix": SCALE[::-1]})
    assert count == 2
    assert left - made.operators(model) == {"Mul": 1}


def attention_whose_values(others):
    """One attention; `others` read what it reads as well."""
    nodes, weights = made.joined(
        made.embedding(),
        *(made.linear("x0", part, f"m.{part}") for part in "qkv"),
        ([made.attention("q k v", "mixed")], {}),
        made.linear("mixed", "out", "m.out"),
        (others, {}),
    )
    mixed = {"mixed": made.ROWS}
    return made.graph(nodes, weights, mixed, outputs={"logits": made.ROWS})


@pytest.mark.parametrize(
    "others",
    [
        [node("Add", "out v", "logits")],
        [node("Add", "out mixed", "logits")],
        [node("Add", "out v_product", "logits")],
        [node("MatMul", "x0 m.v_matrix", "again"), node("Add", "out again", "logits")],
    ],
    ids=["values", "what was mixed", "product", "matrix"],
)
def test_what_others_read_too_is_divided_by_a_node(others):
    model = attention_whose_values(others)
    _, _, left = smoothed(model, {"m.out_matrix": SCALE})
    assert left - made.operators(model) == {"Mul": 1}


@pytest.mark.parametrize("bias", [(1,), (1, WIDTH)])
def test_values_with_a_bias_of_another_shape_are_divided_by_a_node(bias):
    nodes, weights = made.joined(
        made.embedding(),
        *(made.linear("x0", part, f"m.{part}") for part in "qkv"),
        ([made.attention("q k v", "mixed")], {}),
        made.linear("mixed", "logits", "m.out"),
    )
    weights["m.v.bias"] = noise(*bias)
    model = made.graph(nodes, weights, {"mixed": made.ROWS}, outputs={"logits": made.ROWS})
    _, _, left = smoothed(model, {"m.out_matrix": SCALE})
    assert left - made.operators(model) == {"Mul": 1}


def test_values_without_a_bias():
    nodes, weights = made.joined(
        made.embedding(),
        *(made.linear("x0", part, f"m.{part}", bias=False) for part in "qkv"),
        ([made.attention("q k v", "mixed")], {}),
        made.linear("mixed", "logits", "m.out"),
    )
    model = made.graph(nodes, weights, {"mixed": made.ROWS}, outputs={"logits": made.ROWS})
    assert smoothed(model, {"m.out_matrix": SCALE})[2] == made.operators(model)


def shared():
    nodes, weights = made.embedding()
    for number in range(2):
        nodes.append(node("MatMul", f"x{number} square", f"p{number}"))
        nodes.append(node("Tanh", f"p{number}", f"x{number + 1}"))
    nodes.append(node("Identity", "x2", "logits"))
    weights["square"] = noise(WIDTH, WIDTH)
    return made.graph(nodes, weights, outputs={"logits": made.ROWS})


def test_a_matrix_that_layers_share_is_multiplied_once():
    count, after, left = smoothed(shared(), {"square": SCALE})
    assert (count, left["Mul"]) == (2, 2)
    assert sorted(made.weights_of(after)) == ["square", "square_smooth", "table"]


def test_a_matrix_in_a_constant_node():
    nodes, weights = made.embedding()
    stored = made.numpy_helper.from_array(noise(WIDTH, WIDTH))
    nodes.insert(0, made.helper.make_node("Constant", [], ["square"], value=stored))
    nodes.append(node("MatMul", "x0 square", "logits"))
    model = made.graph(nodes, weights, outputs={"logits": made.ROWS})
    count, after, _ = smoothed(model, {"square": SCALE})
    assert count == 1
    assert names_of(after) == ("square",)


def with_an_outlier(factor=60.0):
    """An encoder one channel of which is far larger than the others wherever rows are read, as in
    trained models: matrices weigh it little.
    """
    model = made.encoder()
    readers = tuple(f"{part}_matrix" for part in (".q", ".k", ".v"))
    for item in model.graph.initializer:
        numbers = made.numpy_helper.to_array(item).copy()
        if item.name == "table" or item.name.endswith((".norm", ".shift")):
            numbers[..., 3] *= factor
        elif item.name.endswith((*readers, "up")) or item.name == "head":
            numbers[3] /= factor
        item.CopyFrom(made.numpy_helper.from_array(numbers, item.name))
    return ir.to_proto(merge_projections(ir.from_proto(model)).graph)


def int8_distance(model, exact):
    """Largest difference of logits that int8 makes."""
    after = ir.to_proto(int8_matrices(ir.from_proto(model)).graph)
    pairs = zip(made.run(exact), made.run(after), strict=True)
    return max(np.abs(one - other).max() for one, other in pairs)


def test_outliers_cost_int8_less_once_they_are_smoothed():
    model = with_an_outlier()
    seen = observe(ir.from_proto(model), TEXTS)
    scales = choose_scales(ir.from_proto(model), seen)
    assert any(name.startswith("l1.q") for name in scales)
    weights = made.weights_of(model)
    for name, scale in scales.items():
        assert scale.dtype == np.float32
        assert (scale > 0).all()
        before = int8_error(weights[name], seen[name])
        after = int8_error(weights[name] * scale[:, None], seen[name].divided_by(scale))
        assert after < before
    _, after, _ = smoothed(model, scales)
    assert int8_distance(after, model) < 0.7 * int8_distance(model, model)


def test_the_outlying_channel_is_the_one_that_is_divided():
    model = with_an_outlier()
    scales = choose_scales(ir.from_proto(model), observe(ir.from_proto(model), TEXTS))
    first = next(scale for name, scale in scales.items() if name.startswith("l1.q"))
    assert np.argmax(first) == 3


def test_channels_alike_are_left_alone():
    nodes, weights = made.embedding()
    weights |= {"m": np.sign(noise(WIDTH, 64)), "table": np.sign(noise(made.VOCABULARY, WIDTH))}
    nodes.append(node("MatMul", "x0 m", "logits"))
    model = ir.from_proto(made.graph(nodes, weights, outputs={"logits": [None] * 3}))
    assert choose_scales(model, observe(model, TEXTS)) == {}


def test_a_channel_that_is_always_zero_has_a_finite_scale():
    nodes, weights = made.embedding()
    weights["table"][:, 2] = 0
    weights["table"][:, 3] *= 100
    weights["m"] = noise(WIDTH, 16)
    weights["m"][5] = 0
    nodes.append(node("MatMul", "x0 m", "logits"))
    model = ir.from_proto(made.graph(nodes, weights, outputs={"logits": [None] * 3}))
    (scale,) = choose_scales(model, observe(model, TEXTS)).values()
    assert np.isfinite(scale).all()
    assert (scale > 0).all()


def test_matrices_that_were_not_observed_have_no_scale():
    assert choose_scales(ir.from_proto(with_an_outlier()), {}) == {}
