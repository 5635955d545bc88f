"""Matrices are named after the layer whose bias they have."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from limen_export.graph.int8_matrices import matrix_names
from limen_export.graph.matrix_names import name_matrices

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH


def chain(*layers, more=None):
    """A chain of (matrix, bias) names."""
    nodes, weights = made.embedding()
    for place, (matrix, bias) in enumerate(layers):
        nodes.append(node("MatMul", f"x{place} {matrix}", f"p{place}"))
        nodes.append(node("Add", f"p{place} {bias}", f"x{place + 1}"))
        weights |= {matrix: noise(WIDTH, WIDTH, seed=matrix), bias: noise(WIDTH, seed=bias)}
    nodes.append(node("Identity", f"x{len(layers)}", "logits"))
    return made.graph(nodes, weights | (more or {}), outputs={"logits": made.ROWS})


def named(model):
    count, after = made.applied(name_matrices, model)
    return count, matrix_names(made.ir.from_proto(after))


def test_matrices_get_the_name_of_their_layer():
    model = chain(("val_1", "model.encoder.0.query.bias"), ("val_2", "encoder.0.out.bias"))
    assert named(model) == (2, ("encoder.0.query.weight", "encoder.0.out.weight"))


def test_the_traced_graph_keeps_its_own_names():
    """onnx_ir shares the numbers of both graphs, and a name belongs to the numbers."""
    model = chain(("val_1", "encoder.query.bias"))
    given = made.ir.from_proto(model)
    name_matrices(given)
    assert "val_1" in given.graph.initializers
    assert {item.name for item in model.graph.initializer} == {
        "table",
        "val_1",
        "encoder.query.bias",
    }
    made.run(made.ir.to_proto(given))
    made.run(model)


@pytest.mark.parametrize("bias", ["zeros", "encoder.query.weight", ""])
def test_a_bias_without_a_layer_names_nothing(bias):
    model = chain(("val_1", bias or "_bias"))
    assert named(model) == (0, ("val_1",))


def test_a_bias_that_layers_share_names_none_of_them():
    """Zeros, which the tracer stores once."""
    model = chain(("val_1", "encoder.query.bias"), ("val_2", "encoder.query.bias"))
    assert named(model) == (0, ("val_1", "val_2"))


def test_layers_that_share_matrix_and_bias_share_a_name():
    """ALBERT."""
    model = chain(("val_1", "encoder.dense.bias"), ("val_1", "encoder.dense.bias"))
    assert named(model) == (1, ("encoder.dense.weight",))


def test_a_matrix_that_has_a_name_keeps_it():
    model = chain(("encoder.0.weight", "encoder.1.bias"))
    assert named(model) == (0, ("encoder.0.weight",))


def test_a_matrix_with_several_biases_has_the_name_of_the_first():
    model = chain(("val_1", "encoder.0.bias"), ("val_1", "encoder.1.bias"))
    assert named(model) == (1, ("encoder.0.weight",))


def test_a_name_that_is_taken_is_not_given_twice():
    taken = {"encoder.query.weight": noise(WIDTH, WIDTH)}
    model = chain(("val_1", "encoder.query.bias"), ("encoder.query.weight", "other"), more=taken)
    assert named(model) == (0, ("val_1", "encoder.query.weight"))
