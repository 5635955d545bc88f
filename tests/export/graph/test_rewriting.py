"""What passes are made of: constants read, nodes replaced, the dead dropped."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from limen_export.graph import rewriting

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH
OUTPUTS = {"logits": made.ROWS}


def squared(*more):
    nodes, weights = made.embedding()
    nodes += [node("Mul", "x0 x0", "logits"), *more]
    return ir.from_proto(made.graph(nodes, weights, outputs=OUTPUTS))


def node_at(model, operator):
    return next(item for item in model.graph if item.op_type == operator)


def test_a_new_weight_gets_a_name_that_is_free():
    model = squared()
    names = [rewriting.weight(model.graph, "table", noise(2)).name for _ in range(3)]
    assert names == ["table_1", "table_2", "table_3"]
    assert all(name in model.graph.initializers for name in names)


def test_a_weight_is_stored_row_by_row_whatever_array_it_came_from():
    model = squared()
    turned = noise(3, 5).T
    held = rewriting.weight(model.graph, "turned", turned)
    np.testing.assert_array_equal(rewriting.constant(held), turned)
    assert list(held.shape) == [5, 3]


def test_an_output_keeps_its_name_when_another_node_makes_it():
    model = squared()
    old = node_at(model, "Mul")
    (new,) = rewriting.add_node(old, "Pow", [old.inputs[0], None])
    new.producer().replace_input_with(
        1, rewriting.weight(model.graph, "two", np.array(2, np.float32))
    )
    before = made.run(ir.to_proto(model))
    rewriting.replace(old.outputs[0], new)
    rewriting.drop_dead(model.graph)
    after = ir.to_proto(model)
    assert [port.name for port in after.graph.output] == ["logits"]
    assert made.operators(after) == {"Gather": 1, "Pow": 1}
    for one, other in zip(before, made.run(after), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_what_takes_a_value_s_place_takes_its_shape_and_type():
    model = squared(node("Relu", "logits", "more"))
    old = node_at(model, "Relu")
    (new,) = rewriting.add_node(old, "Abs", [old.inputs[0]])
    rewriting.replace(old.outputs[0], new)
    assert new.shape == old.outputs[0].shape
    assert new.type == old.outputs[0].type


def test_dead_nodes_go_with_all_that_only_they_read():
    nodes, weights = made.embedding()
    nodes += [
        node("Relu", "x0", "logits"),
        node("Add", "x0 unread", "one"),
        node("Neg", "one", "two"),
    ]
    model = ir.from_proto(made.graph(nodes, weights | {"unread": noise(WIDTH)}, outputs=OUTPUTS))
    rewriting.drop_dead(model.graph)
    assert [item.op_type for item in model.graph] == ["Gather", "Relu"]
    assert list(model.graph.initializers) == ["table"]


def test_a_node_of_which_one_output_is_read_stays():
    nodes, weights = made.embedding()
    nodes += [
        node("Split", "x0", "left right", axis=2, num_outputs=2),
        node("Relu", "left", "logits"),
    ]
    model = ir.from_proto(made.graph(nodes, weights, outputs={"logits": [None] * 3}))
    rewriting.drop_dead(model.graph)
    assert [item.op_type for item in model.graph] == ["Gather", "Split", "Relu"]


@pytest.mark.parametrize(
    ("numbers", "found"),
    [(np.array(3), 3), (np.array([[3]]), 3), (np.array([3, 3]), None), (np.array(3.0), None)],
)
def test_a_whole_number_is_one_and_whole(numbers, found):
    model = squared()
    assert rewriting.whole_number(rewriting.weight(model.graph, "n", numbers)) == found


def test_what_is_computed_is_no_constant():
    model = squared()
    assert rewriting.constant(None) is None
    assert rewriting.constant(model.graph.inputs[0]) is None
    assert rewriting.whole_number(node_at(model, "Gather").outputs[0]) is None
    with pytest.raises(TypeError, match="x0 is not constant"):
        rewriting.numbers_of(node_at(model, "Gather").outputs[0])
    with pytest.raises(TypeError, match="nothing"):
        rewriting.numbers_of(None)


@pytest.mark.parametrize("form", ["value", "value_float", "value_floats"])
def test_a_constant_node_is_read_and_left_as_it_is(form):
    stored = {
        "value": made.numpy_helper.from_array(np.float32([2.0]), "its own name"),
        "value_float": 2.0,
        "value_floats": [2.0],
    }[form]
    nodes, weights = made.embedding()
    nodes.insert(0, made.helper.make_node("Constant", [], ["two"], **{form: stored}))
    nodes.append(node("Mul", "x0 two", "logits"))
    proto = made.graph(nodes, weights, outputs=OUTPUTS)
    before = made.serialised(proto)
    model = ir.from_proto(proto)
    known = made.serialised(ir.to_proto(model))
    assert rewriting.constant(node_at(model, "Constant").outputs[0]).reshape(()) == 2.0
    assert made.serialised(proto) == before
    assert made.serialised(ir.to_proto(model)) == known


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("batch", "tokens", 8), ("batch", "tokens", 8), True),
        (("batch", "tokens", 8), ("tokens", "batch", 8), False),
        (("batch", None), ("batch", None), False),
        ((8,), (8, 1), False),
        ((), (), True),
        (None, (8,), False),
        (None, None, False),
    ],
)
def test_shapes_are_the_same_where_every_dimension_is_known_to_be(one, other, same):
    values = [
        ir.Value(name=name, shape=None if shape is None else ir.Shape(shape))
        for name, shape in (("one", one), ("other", other))
    ]
    assert rewriting.same_shape(*values) is same


def test_a_pass_that_finds_nothing_gives_the_graph_as_it_was():
    """Dead nodes are left to those who made them."""

    @rewriting.graph_pass
    def nothing(graph):
        return 0

    nodes, weights = made.embedding()
    nodes += [node("Relu", "x0", "logits"), node("Neg", "x0", "unread")]
    count, after = made.applied(nothing, made.graph(nodes, weights, outputs=OUTPUTS))
    assert count == 0
    assert made.operators(after)["Neg"] == 1


def test_a_pass_shares_numbers_with_the_graph_that_came_in():
    """A copy of a large model costs no second set of weights."""

    @rewriting.graph_pass
    def renamed(graph):
        node_at(SimpleNamespace(graph=graph), "Relu").name = "other"
        return 1

    nodes, weights = made.embedding()
    nodes.append(node("Relu", "x0", "logits"))
    model = ir.from_proto(made.graph(nodes, weights, outputs=OUTPUTS))
    result = renamed(model)
    held = [part.graph.initializers["table"].const_value for part in (model, result.graph)]
    assert held[0] is held[1]
    assert node_at(model, "Relu").name != "other"
