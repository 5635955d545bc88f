"""Matrices that read the same rows become one, whatever their widths and biases."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen_export.graph.projections import bias_of, merge_projections

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH


def several(widths, biases, given="x0"):
    """Products of the same rows, and the sum of all their results as `logits`.

    Args:
        widths: columns of each matrix.
        biases: shape of the bias of each, `None` for none, `"left"` for one that comes first,
            `"rows"` for one that is computed.
        given: the rows.
    """
    nodes, weights = made.embedding()
    ends = []
    for place, (width, bias) in enumerate(zip(widths, biases, strict=True)):
        name = f"m{place}"
        weights[f"layer.{name}.weight"] = noise(WIDTH, width, seed=name)
        nodes.append(node("MatMul", f"{given} layer.{name}.weight", f"{name}_product"))
        ends.append(f"{name}_product")
        if bias is None:
            continue
        order = f"{name}_product {name}.bias"
        if bias == "left":
            order, bias = f"{name}.bias {name}_product", (width,)
        if bias == "rows":
            nodes.append(node("ReduceMean", f"{name}_product", f"{name}.bias", keepdims=1))
        else:
            weights[f"{name}.bias"] = noise(*bias, seed=f"{name}.bias")
        nodes.append(node("Add", order, f"{name}_sum"))
        ends[-1] = f"{name}_sum"
    nodes.append(node("Concat", " ".join(ends), "logits", axis=-1))
    return made.graph(nodes, weights, outputs={"logits": ("batch", "tokens", sum(widths))})


def merged(model):
    count, after = made.applied(merge_projections, model)
    return count, after, made.operators(after)


def test_query_key_and_value_become_one_product_with_one_bias():
    count, after, left = merged(several((6, 6, 6), ((6,), (6,), (6,))))
    assert count == 3
    assert (left["MatMul"], left["Add"], left["Split"]) == (1, 1, 1)
    weights = made.weights_of(after)
    assert weights["layer.m0.weight+m1+m2"].shape == (WIDTH, 18)
    assert sorted(array.shape for array in weights.values()) == sorted(
        [(made.VOCABULARY, WIDTH), (WIDTH, 18), (18,), (3,)]
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 9), st.sampled_from([None, "own", "one", "left", "rows", "three"])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_widths_and_biases(drawn):
    shapes = {"own": lambda width: (width,), "one": lambda _: (1,), "three": lambda w: (1, 1, w)}
    widths = [width for width, _ in drawn]
    biases = [shapes[kind](width) if kind in shapes else kind for width, kind in drawn]
    count, _, left = merged(several(widths, biases))
    assert count == (len(drawn) if len(drawn) > 1 else 0)
    assert left["MatMul"] == 1
    joinable = all(
        kind in ("own", "left") or (kind == "one" and width == 1) for width, kind in drawn
    )
    kept = sum(kind is not None for _, kind in drawn)
    assert left["Add"] == (1 if joinable and len(drawn) > 1 else kept)


def test_one_without_a_bias_leaves_the_others_theirs():
    count, _, left = merged(several((6, 6, 6), ((6,), None, (6,))))
    assert (count, left["MatMul"], left["Add"]) == (3, 1, 2)


def test_a_product_that_two_sums_read_keeps_both():
    nodes, weights = made.joined(made.embedding(), made.linear("x0", "a", "first"))
    more = {"second_matrix": noise(WIDTH, WIDTH, seed="s"), "second.bias": noise(WIDTH, seed="b")}
    nodes += [
        node("MatMul", "x0 second_matrix", "b"),
        node("Add", "b second.bias", "b_sum"),
        node("Add", "b a", "both"),
        node("Add", "both b_sum", "logits"),
    ]
    model = made.graph(nodes, weights | more, outputs={"logits": made.ROWS})
    count, _, left = merged(model)
    assert (count, left["MatMul"], left["Add"]) == (2, 1, 4)


def test_a_product_that_is_an_output_keeps_its_name():
    nodes, weights = made.embedding()
    weights |= {"one": noise(WIDTH, 3, seed="one"), "two": noise(WIDTH, 5, seed="two")}
    nodes += [
        node("MatMul", "x0 one", "logits"),
        node("MatMul", "x0 two", "other"),
        node("Relu", "other", "more"),
    ]
    outputs = {"logits": ("batch", "tokens", 3), "more": ("batch", "tokens", 5)}
    count, _, _ = merged(made.graph(nodes, weights, outputs=outputs))
    assert count == 2


def test_sum_that_is_an_output_keeps_its_name():
    nodes, weights = made.joined(
        made.embedding(), made.linear("x0", "logits", "one"), made.linear("x0", "more", "two")
    )
    outputs = {"logits": made.ROWS, "more": made.ROWS}
    count, _, left = merged(made.graph(nodes, weights, outputs=outputs))
    assert (count, left["Add"]) == (2, 1)


def test_products_of_different_rows_stay_apart():
    nodes, weights = made.joined(
        made.embedding(), made.linear("x0", "x1", "one"), made.linear("x1", "logits", "two")
    )
    assert merged(made.graph(nodes, weights, outputs={"logits": made.ROWS}))[0] == 0


def test_products_with_what_is_computed_and_with_stacks_of_matrices_stay_apart():
    nodes, weights = made.embedding()
    weights |= {"stack": noise(1, WIDTH, WIDTH), "square": noise(WIDTH, WIDTH, seed="square")}
    nodes += [
        node("Transpose", "x0", "turned", perm=[0, 2, 1]),
        node("MatMul", "x0 turned", "scores"),
        node("MatMul", "scores x0", "mixed"),
        node("MatMul", "x0 stack", "stacked"),
        node("MatMul", "x0 square", "one"),
        node("Sum", "mixed stacked one", "logits"),
    ]
    assert merged(made.graph(nodes, weights, outputs={"logits": made.ROWS}))[0] == 0


def test_matrices_that_layers_share_are_stored_once():
    """ALBERT: every layer has the same matrices."""
    nodes, weights = made.embedding()
    for number in range(3):
        given = f"x{number}"
        for name in "qk":
            part, held = made.linear(given, f"{given}_{name}", name)
            nodes, weights = nodes + part, weights | held
        nodes.append(node("Sub", f"{given}_q {given}_k", f"x{number + 1}"))
    nodes.append(node("Identity", "x3", "logits"))
    count, after, left = merged(made.graph(nodes, weights, outputs={"logits": made.ROWS}))
    assert (count, left["MatMul"]) == (6, 3)
    sizes = [array.shape for array in made.weights_of(after).values()]
    assert sizes.count((WIDTH, 2 * WIDTH)) == 1
    assert sizes.count((2 * WIDTH,)) == 1
    assert (WIDTH, WIDTH) not in sizes


def test_a_matrix_that_another_product_reads_stays_in_the_file():
    nodes, weights = made.joined(
        made.embedding(), made.linear("x0", "a", "one"), made.linear("x0", "b", "two")
    )
    nodes += [node("Mul", "a b", "x1"), node("MatMul", "x1 one_matrix", "logits")]
    count, after, left = merged(made.graph(nodes, weights, outputs={"logits": made.ROWS}))
    assert (count, left["MatMul"]) == (2, 2)
    assert "one_matrix" in made.weights_of(after)


def test_groups_with_the_same_first_matrix_keep_their_own_numbers():
    nodes, weights = made.embedding()
    for number, (one, two) in enumerate((("a.x", "b.x"), ("a.x", "c.x"))):
        for name in (one, two):
            part, held = made.linear(f"x{number}", f"x{number}{name}", name, bias=False)
            nodes, weights = nodes + part, weights | held
        nodes.append(node("Sub", f"x{number}{one} x{number}{two}", f"x{number + 1}"))
    nodes.append(node("Identity", "x2", "logits"))
    assert merged(made.graph(nodes, weights, outputs={"logits": made.ROWS}))[0] == 4


@pytest.mark.parametrize(
    ("bias", "found"),
    [((WIDTH,), True), ("left", True), ((1,), False), ((1, WIDTH), False), (None, False)],
)
def test_bias_is_one_number_for_each_column(bias, found):
    model = ir.from_proto(several((WIDTH,), (bias,)))
    product = next(item for item in model.graph if item.op_type == "MatMul")
    known = bias_of(product)
    assert (known is not None) == found
    if known is not None:
        assert known[0].op_type == "Add"
        assert known[1].name == "m0.bias"


def test_bias_of_a_product_that_is_an_output_is_none():
    nodes, weights = made.joined(made.embedding(), made.linear("x0", "logits", "one"))
    outputs = {"logits": made.ROWS, "logits_product": made.ROWS}
    model = ir.from_proto(made.graph(nodes, weights, outputs=outputs))
    assert bias_of(next(item for item in model.graph if item.op_type == "MatMul")) is None


def test_a_bias_in_a_constant_node_is_a_bias():
    nodes, weights = made.joined(
        made.embedding(), made.linear("x0", "a", "one"), made.linear("x0", "b", "two")
    )
    stored = made.numpy_helper.from_array(weights.pop("one.bias"))
    nodes.insert(0, made.helper.make_node("Constant", [], ["one.bias"], value=stored))
    nodes.append(node("Mul", "a b", "logits"))
    count, after, left = merged(made.graph(nodes, weights, outputs={"logits": made.ROWS}))
    assert (count, left["Add"], left["Constant"]) == (2, 1, 0)
    assert np.isfinite(made.weights_of(after)["one.bias+two"]).all()
