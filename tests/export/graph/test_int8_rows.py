"""Rows of the word table in 8 bits; no other table."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from limen_export.graph.int8_rows import by_row, int8_rows, vocabulary_size

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, whole, ROWS, WIDTH = made.node, made.noise, made.whole, made.ROWS, made.WIDTH
NUMBERS = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)


@settings(max_examples=100, deadline=None)
@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=NUMBERS
    )
)
def test_every_number_is_within_half_a_scale_of_its_row(table):
    quantised, scale = by_row(table)
    assert (quantised.dtype, scale.dtype) == (np.int8, np.float32)
    assert (quantised.shape, scale.shape) == (table.shape, (len(table), 1))
    error = np.abs(quantised * scale.astype(np.float64) - table)
    assert (error <= scale / 2 * (1 + 1e-4)).all()


def rows(*more, table=None, outputs=None, reader="input_ids"):
    nodes = [*more, node("Gather", f"table {reader}", "x0"), node("Identity", "x0", "logits")]
    weights = {"table": noise(made.VOCABULARY, WIDTH) if table is None else table}
    weights |= {"three": whole(3)}
    return made.graph(nodes, weights, outputs={"logits": ROWS} if outputs is None else outputs)


def in_int8(model):
    count, after = made.applied(int8_rows, model, exact=None)
    return count, after, made.weights_of(after)


def test_looked_up_rows_are_those_of_the_quantised_table():
    table = noise(made.VOCABULARY, WIDTH)
    table[3] = 0
    table[4] *= 1000
    count, after, held = in_int8(rows(table=table))
    assert count == 1
    assert {name: array.dtype.name for name, array in held.items()} == {
        "table_int8": "int8",
        "table_scale": "float32",
    }
    ids = np.arange(made.VOCABULARY)[None]
    found = made.session(after).run(None, {"input_ids": ids})[0][0]
    bound = np.abs(table).max(axis=1, keepdims=True) / 254
    assert (np.abs(found - table) <= bound * (1 + 1e-5)).all()
    np.testing.assert_array_equal(found[3], 0)


def test_a_text_pays_for_its_own_tokens():
    """The float rows are made after the lookup, not the whole table for every text."""
    _, after, _ = in_int8(rows())
    order = [item.op_type for item in after.graph.node]
    assert order == ["Gather", "Cast", "Gather", "Mul", "Identity"]


@pytest.mark.parametrize(
    ("more", "rank"),
    [
        (node("Mod", "input_ids three", "computed"), 3),
        (node("Identity", "three", "computed"), 2),
    ],
    ids=["computed from ids", "not from ids"],
)
def test_a_table_that_something_else_reads_is_left_alone(more, rank):
    model = rows(more, reader="computed", outputs={"logits": [None] * rank})
    assert in_int8(model)[0] == 0
    assert vocabulary_size(ir.from_proto(model)) is None


def test_whole_numbers_and_columns_are_left_alone():
    nodes = [
        node("Gather", "numbers input_ids", "n"),
        node("Cast", "n", "logits", to=made.TensorProto.FLOAT),
    ]
    numbers = {"numbers": np.arange(2 * made.VOCABULARY).reshape(-1, 2)}
    model = made.graph(nodes, numbers, outputs={"logits": [None] * 3})
    assert in_int8(model)[0] == 0
    nodes = [node("Gather", "table input_ids", "logits", axis=1)]
    model = made.graph(nodes, {"table": noise(3, 40)}, outputs={"logits": [None] * 3})
    assert in_int8(model)[0] == 0


def test_a_table_that_is_read_twice_is_stored_once():
    nodes = [
        node("Gather", "table input_ids", "one"),
        node("Gather", "table input_ids", "two"),
        node("Add", "one two", "logits"),
    ]
    weights = {"table": noise(made.VOCABULARY, WIDTH)}
    count, _, held = in_int8(made.graph(nodes, weights, outputs={"logits": ROWS}))
    assert count == 2
    assert sorted(held) == ["table_int8", "table_scale"]


def test_a_table_that_a_product_reads_too_stays_beside_its_int8_rows():
    nodes = [
        node("Gather", "table input_ids", "x"),
        node("Transpose", "table", "turned", perm=[1, 0]),
        node("MatMul", "x turned", "logits"),
    ]
    weights = {"table": noise(made.VOCABULARY, WIDTH)}
    count, _, held = in_int8(made.graph(nodes, weights, outputs={"logits": [None] * 3}))
    assert count == 1
    assert sorted(held) == ["table", "table_int8", "table_scale"]


def test_the_vocabulary_is_the_smallest_table():
    nodes = [
        node("Gather", "table input_ids", "one"),
        node("Gather", "places input_ids", "two"),
        node("Add", "one two", "logits"),
    ]
    weights = {"table": noise(made.VOCABULARY, WIDTH), "places": noise(30, WIDTH)}
    assert (
        vocabulary_size(ir.from_proto(made.graph(nodes, weights, outputs={"logits": ROWS}))) == 30
    )
