"""What reaches each matrix: a few rows of each text, and the range of each channel."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from limen_export.graph.activations import Activations, observe
from limen_export.graph.int8_matrices import matrix_names

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, WIDTH = made.node, made.noise, made.WIDTH
LENGTHS = (1, 2, 3, 8, 9, 40)
TEXTS = [made.random_ids(1, tokens) for tokens in LENGTHS]


def product_of_the_table(table):
    nodes = [node("Gather", "table input_ids", "x"), node("MatMul", "x m", "logits")]
    weights = {"table": table, "m": noise(table.shape[1], 5)}
    return made.graph(nodes, weights, outputs={"logits": [None] * 3})


def seen_by(model, texts=TEXTS):
    given = ir.from_proto(model)
    before = made.serialised(ir.to_proto(given))
    found = observe(given, texts)
    assert made.serialised(ir.to_proto(given)) == before
    return found


@pytest.fixture(scope="module")
def table():
    """Every row is unlike the others, some channels are all positive or all negative."""
    rows = noise(made.VOCABULARY, WIDTH)
    rows[:, 0] = np.abs(rows[:, 0]) + 1
    rows[:, 1] = -np.abs(rows[:, 1]) - 1
    return rows


def test_first_and_last_row_of_each_text_are_among_those_kept(table):
    found = seen_by(product_of_the_table(table))["m"]
    for text, ids in enumerate(TEXTS):
        rows = found.rows[found.text_of_row == text]
        assert len(rows) == min(ids.shape[1], 8)
        np.testing.assert_array_equal(rows[0], table[ids[0, 0]])
        np.testing.assert_array_equal(rows[-1], table[ids[0, -1]])
        for row in rows:
            assert (table[ids[0]] == row).all(axis=1).any()


def test_range_is_of_all_rows_and_zero_lies_in_it(table):
    found = seen_by(product_of_the_table(table))["m"]
    assert found.low.shape == found.high.shape == (len(TEXTS), WIDTH)
    for text, ids in enumerate(TEXTS):
        rows = table[ids[0]]
        np.testing.assert_array_equal(found.low[text], np.minimum(rows.min(axis=0), 0))
        np.testing.assert_array_equal(found.high[text], np.maximum(rows.max(axis=0), 0))
    assert (found.low[:, 0] == 0).all()
    assert (found.high[:, 1] == 0).all()
    assert found.range.low == found.low.min()
    assert found.range.high == found.high.max()
    np.testing.assert_array_equal(found.largest, np.abs([found.low, found.high]).max(axis=(0, 1)))


def test_all_matrices_of_an_encoder_are_seen():
    model = made.encoder()
    found = seen_by(model)
    assert tuple(found) == matrix_names(ir.from_proto(model))
    assert {name: seen.rows.shape[1] for name, seen in found.items()} == {
        name: made.INNER if "down" in name else WIDTH for name in found
    }
    np.testing.assert_array_equal(found["l1.q_matrix"].rows, found["l1.k_matrix"].rows)


def test_a_matrix_that_layers_share_has_the_rows_of_all():
    nodes, weights = made.embedding()
    nodes += [
        node("MatMul", "x0 square", "p"),
        node("Tanh", "p", "x1"),
        node("MatMul", "x1 square", "logits"),
    ]
    model = made.graph(
        nodes, weights | {"square": 9 * noise(WIDTH, WIDTH)}, outputs={"logits": made.ROWS}
    )
    found = seen_by(model)["square"]
    assert len(found.low) == 2 * len(TEXTS)
    assert sorted(set(found.text_of_row)) == list(range(2 * len(TEXTS)))
    assert found.low[len(TEXTS) :].min() >= -1
    assert found.low[: len(TEXTS)].min() < -1


def test_one_row_of_a_narrowed_layer():
    """Behind the cut to the first token a text has one row."""
    nodes = [
        node("Gather", "table input_ids", "x"),
        node("Slice", "x zero one one", "first"),
        node("MatMul", "first m", "logits"),
    ]
    weights = {"table": noise(made.VOCABULARY, WIDTH), "m": noise(WIDTH, 5)}
    weights |= {"zero": made.whole(0), "one": made.whole(1)}
    found = seen_by(made.graph(nodes, weights, outputs={"logits": [None] * 3}))["m"]
    np.testing.assert_array_equal(found.rows, weights["table"][[ids[0, 0] for ids in TEXTS]])


def test_a_matrix_behind_the_output_of_the_graph():
    nodes, weights = made.joined(made.embedding(), made.linear("x0", "more", "one", bias=False))
    outputs = {"x0": made.ROWS, "more": made.ROWS}
    assert list(seen_by(made.graph(nodes, weights, outputs=outputs))) == ["one_matrix"]


def test_divided_by_a_scale_rows_and_range_stay_together():
    scale = np.float32([2, 4])
    seen = Activations(
        rows=np.float32([[2, -4], [6, 8]]),
        text_of_row=np.array([0, 1]),
        low=np.float32([[0, -4], [0, 0]]),
        high=np.float32([[2, 0], [6, 8]]),
    )
    found = seen.divided_by(scale)
    np.testing.assert_array_equal(found.rows, [[1, -1], [3, 2]])
    assert (found.range.low, found.range.high) == (-1, 3)
    np.testing.assert_array_equal(found.largest, [3, 2])


def test_the_same_rows_are_kept_every_time(table):
    model = product_of_the_table(table)
    one, other = (seen_by(model)["m"] for _ in range(2))
    np.testing.assert_array_equal(one.rows, other.rows)
