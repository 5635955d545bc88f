"""Equal matrices are stored once, whatever their names."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
from limen_export.graph.equal_weights import share_equal_weights

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH


def layers(*matrices, more=None):
    """A chain of products with these matrices, each under a name of its own."""
    nodes, weights = made.embedding()
    for place, matrix in enumerate(matrices):
        nodes.append(node("MatMul", f"x{place} m{place}", f"x{place + 1}"))
        weights[f"m{place}"] = matrix
    nodes.append(node("Relu", f"x{len(matrices)}", "logits"))
    return made.graph(nodes, weights | (more or {}), outputs={"logits": made.ROWS})


def shared(model):
    count, after = made.applied(share_equal_weights, model)
    return count, sorted(made.weights_of(after))


def test_layers_with_the_same_matrix_share_it():
    square = noise(WIDTH, WIDTH) / 3
    assert shared(layers(square, square, square.copy())) == (2, ["m0", "table"])


def test_a_matrix_that_differs_in_one_number_stays():
    square = noise(WIDTH, WIDTH) / 3
    other = square.copy()
    other[-1, -1] += 1e-7
    assert shared(layers(square, other)) == (0, ["m0", "m1", "table"])


def test_minus_zero_is_not_zero():
    """Equal to the bit: a division might tell them apart."""
    zeros = np.zeros((WIDTH, WIDTH), np.float32)
    assert shared(layers(zeros, -zeros))[0] == 0


def test_the_same_numbers_in_another_shape_stay():
    nodes, weights = made.embedding()
    nodes += [node("Mul", "x0 one", "a"), node("MatMul", "a two", "logits")]
    weights |= {"one": np.ones((1, WIDTH), np.float32), "two": np.ones((WIDTH, 1), np.float32)}
    model = made.graph(nodes, weights, outputs={"logits": [None] * 3})
    assert shared(model)[0] == 0


def test_vectors_keep_their_names():
    """Zeros that two layers have as their bias say which layer it is."""
    nodes, weights = made.joined(
        made.embedding(), made.linear("x0", "x1", "one"), made.linear("x1", "logits", "two")
    )
    weights["one.bias"] = weights["two.bias"] = np.zeros(WIDTH, np.float32)
    model = made.graph(nodes, weights, outputs={"logits": made.ROWS})
    count, names = shared(model)
    assert count == 0
    assert {"one.bias", "two.bias"} <= set(names)


def test_a_weight_that_is_an_output_stays():
    square = noise(WIDTH, WIDTH) / 3
    model = layers(square, square)
    port = made.helper.make_tensor_value_info("m1", made.TensorProto.FLOAT, [WIDTH, WIDTH])
    model.graph.output.append(port)
    assert shared(model) == (0, ["m0", "m1", "table"])
