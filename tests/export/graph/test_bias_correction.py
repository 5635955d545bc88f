"""What rounding shifts on average is taken back in the bias."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
from limen_export.graph.activations import observe
from limen_export.graph.bias_correction import correct_biases
from limen_export.graph.int8_matrices import by_column, int8_matrices, matrix_names
from limen_export.graph.running import open_graph

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
TEXTS = [made.random_ids(1, tokens) for tokens in (2, 5, 9, 12, 30)]


def encoder():
    return ir.from_proto(made.encoder())


def means_of(model):
    return {name: seen.mean for name, seen in observe(model, TEXTS).items()}


def logits(model):
    session = open_graph(model)
    return np.concatenate([session.run(["logits"], {"input_ids": ids})[0] for ids in TEXTS])


def test_every_product_gets_its_own_shift():
    model = encoder()
    means = means_of(model)
    corrected = correct_biases(model, means)
    assert corrected.nodes == len(matrix_names(model)) == len(means)
    assert matrix_names(corrected.graph) == matrix_names(model)
    assert int8_matrices(corrected.graph).nodes == corrected.nodes


def test_no_means_no_change():
    model = encoder()
    corrected = correct_biases(model, {})
    assert corrected.nodes == 0
    np.testing.assert_array_equal(logits(corrected.graph), logits(model))


def test_the_graph_that_came_in_is_left_alone():
    model = encoder()
    before = logits(model)
    correct_biases(model, means_of(model))
    np.testing.assert_array_equal(logits(model), before)


def product(bias):
    """rows (1, tokens, 6) of a table times a matrix, with or without a bias."""
    generator = np.random.default_rng(8)
    generator = np.random.default_rng(8)
    nodes = [made.node("Gather", "table input_ids", "rows", axis=0)]
    nodes.append(made.node("MatMul", "rows matrix", "product" if bias else "logits"))
    nodes += [made.node("Add", "product bias", "logits")] if bias else []
    weights = {
        "table": np.float32(generator.normal(3, 1, (40, 6))),
        "matrix": np.float32(generator.normal(0, 1, (6, 5))),
        **({"bias": np.float32(generator.normal(0, 1, 5))} if bias else {}),
    }
    model = made.graph(nodes, weights, outputs={"logits": [None, None, 5]})
    return ir.from_proto(model), weights


def test_the_mean_error_of_the_rounded_matrix_is_gone():
    for bias in (True, False):
        model, weights = product(bias)
        rows = weights["table"]
        quantised, scale = by_column(weights["matrix"])
        lost = (rows @ (weights["matrix"] - quantised * scale)).mean(axis=0)
        assert np.abs(lost).max() > 1e-3
        corrected = correct_biases(model, {"matrix": rows.mean(axis=0)})
        ids = np.arange(40, dtype=np.int64)[None]
        before, after = (
            open_graph(one).run(None, {"input_ids": ids})[0] for one in (model, corrected.graph)
        )
        moved = np.broadcast_to(lost, before[0].shape)
        np.testing.assert_allclose(after[0] - before[0], moved, atol=1e-5)
