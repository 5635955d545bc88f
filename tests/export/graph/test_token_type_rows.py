"""One token type for all tokens is one row, and a row is added once."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen_export.graph.position_rows import add_rows_once, fold_positions, fold_token_types

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, whole, ROWS, WIDTH = made.node, made.noise, made.whole, made.ROWS, made.WIDTH
PLACES = 16
OUTPUTS = {"logits": ROWS}


def typed(ids, more=(), weights=None, reader=None):
    """Rows plus a table of two token types, read by `ids`, plus positions."""
    nodes, held = made.joined(made.embedding(), made.tokens_cut())
    held |= {"types": noise(2, WIDTH, seed="types"), **(weights or {})}
    nodes += [
        *more,
        node("Gather", f"types {ids}", "type_rows"),
        *(reader or [node("Add", "x0 type_rows", "logits")]),
    ]
    return made.graph(nodes, held, {"type_rows": ROWS, "x0": ROWS}, OUTPUTS)


EXPANDED = [node("Expand", "zeros sizes", "chosen")]
ZEROS = {"zeros": np.zeros((1, 1), np.int64)}


@pytest.mark.parametrize("number", [0, 1, -1])
def test_one_token_type_everywhere_is_a_row(number):
    model = typed("chosen", EXPANDED, {"zeros": np.full((1, 1), number)})
    count, after = made.applied(fold_token_types, model)
    assert count == 1
    assert (
        made.operators(after)["Gather"] == made.operators(model)["Gather"] - 2
    )  # and the length, which nobody reads any more
    assert made.weights_of(after)["types_row"].shape == (WIDTH,)


def test_zeros_filled_and_cast():
    more = [
        node("ConstantOfShape", "sizes", "filled"),
        node("Cast", "filled", "chosen", to=made.TensorProto.INT64),
    ]
    assert made.applied(fold_token_types, typed("chosen", more))[0] == 1


def test_zeros_gathered_by_computed_places():
    """transformers 5: a buffer of zeros, gathered by positions and sliced to the length."""
    more = [
        node("Slice", "zeros zero tokens one", "cut"),
        node("Expand", "cut sizes", "wide"),
        node("Sub", "input_ids input_ids", "firsts"),
        node("GatherElements", "wide firsts", "chosen", axis=1),
    ]
    weights = {"zeros": np.zeros((1, PLACES), np.int64)}
    assert made.applied(fold_token_types, typed("chosen", more, weights))[0] == 1


@pytest.mark.parametrize(
    ("more", "weights"),
    [
        ([node("Mod", "input_ids two", "chosen")], {"two": whole(2)}),
        ([node("Sub", "input_ids input_ids", "chosen")], {}),
        (
            [node("Slice", "zeros zero tokens one", "cut"), node("Expand", "cut sizes", "chosen")],
            {"zeros": np.arange(PLACES)[None] % 2},
        ),
    ],
    ids=["by the text", "arithmetic", "more than one"],
)
def test_token_types_that_are_computed_stay(more, weights):
    assert made.applied(fold_token_types, typed("chosen", more, weights))[0] == 0


def test_a_truth_value_is_not_the_number_it_was_made_of():
    """5 becomes true, and true becomes 1."""
    more = [
        node("Cast", "fives", "true", to=made.TensorProto.BOOL),
        node("Cast", "true", "ones", to=made.TensorProto.INT64),
        node("Expand", "ones sizes", "chosen"),
    ]
    weights = {"fives": np.full((1, 1), 5), "types": noise(6, WIDTH)}
    assert made.applied(fold_token_types, typed("chosen", more, weights))[0] == 0


READERS = {
    "a product": [node("Mul", "x0 type_rows", "logits")],
    "a row of its own": [node("Add", "type_rows bias", "s"), node("Add", "s x0", "logits")],
    "itself": [node("Add", "type_rows type_rows", "logits")],
    "two readers": [node("Add", "x0 type_rows", "s"), node("Mul", "s type_rows", "logits")],
}


@pytest.mark.parametrize("kind", sorted(READERS))
def test_rows_of_which_more_than_the_sum_is_needed_stay(kind):
    """One row has another shape: a product or an output would lose the tokens."""
    model = typed("chosen", EXPANDED, ZEROS | {"bias": noise(WIDTH)}, READERS[kind])
    assert made.applied(fold_token_types, model)[0] == 0


def test_token_type_rows_that_are_an_output_stay():
    reader = [node("Add", "x0 type_rows", "logits")]
    model = typed("chosen", EXPANDED, ZEROS, reader)
    model.graph.output.append(made.helper.make_tensor_value_info("type_rows", 1, ROWS))
    assert made.applied(fold_token_types, model)[0] == 0


def summed(order, cut="table_of_places zero tokens zero one", row=None, table=None, more=()):
    """Tokens, a row and a slice of a table, added in some order."""
    nodes, weights = made.joined(made.embedding(), made.tokens_cut())
    weights |= {
        "table_of_places": noise(PLACES, WIDTH, seed="places") if table is None else table,
        "row": noise(WIDTH, seed="row") if row is None else row,
    }
    nodes += [node("Slice", cut, "positions"), *order, *more]
    return made.graph(nodes, weights, outputs=OUTPUTS)


@pytest.mark.parametrize("outer", ["s positions", "positions s"])
@pytest.mark.parametrize("inner", ["x0 row", "row x0"])
def test_a_row_is_added_into_the_table(inner, outer):
    model = summed([node("Add", inner, "s"), node("Add", outer, "logits")])
    count, after = made.applied(add_rows_once, model)
    assert count == 1
    assert made.operators(after)["Add"] == 1
    assert "row" not in made.weights_of(after)


def test_a_table_with_a_batch_axis():
    model = summed(
        [node("Add", "x0 row", "s"), node("Add", "s positions", "logits")],
        "table_of_places zero tokens one one",
        table=noise(1, PLACES, WIDTH),
    )
    assert made.applied(add_rows_once, model)[0] == 1


def test_a_sum_that_others_read_is_kept():
    order = [node("Add", "x0 row", "s"), node("Add", "s positions", "t"), node("Mul", "s t", "m")]
    model = summed([*order, node("Identity", "m", "logits")])
    assert made.applied(add_rows_once, model)[0] == 0


@pytest.mark.parametrize(
    ("cut", "row", "table"),
    [
        ("table_of_places zero eight last one", None, noise(1, 2 * WIDTH)),
        ("table_of_places zero eight one one", None, noise(1, 2 * WIDTH)),
        ("table_of_places zero tokens zero one", noise(1), None),
        ("table_of_places zero tokens zero one", noise(1, WIDTH), None),
        ("table_of_places zero tokens", None, None),
    ],
    ids=["columns from the end", "columns", "one number", "a row with an axis", "axes left out"],
)
def test_other_sums_stay(cut, row, table):
    order = [node("Add", "x0 row", "s"), node("Add", "s positions", "logits")]
    nodes, weights = made.joined(made.embedding(), made.tokens_cut())
    weights |= {
        "table_of_places": noise(PLACES, WIDTH) if table is None else table,
        "row": noise(WIDTH) if row is None else row,
        "eight": whole(WIDTH),
        "last": whole(-1),
    }
    nodes += [node("Slice", cut, "positions"), *order]
    model = made.graph(nodes, weights, outputs=OUTPUTS)
    assert made.applied(add_rows_once, model)[0] == 0


def test_embeddings_of_bert_become_one_sum():
    """All three passes in their order, as the embeddings of BERT are traced."""
    nodes, weights = made.joined(made.embedding(), made.tokens_cut())
    weights |= {
        "types": noise(2, WIDTH),
        "places": noise(PLACES, WIDTH),
        "ids": np.arange(PLACES)[None],
        **ZEROS,
    }
    nodes += [
        *EXPANDED,
        node("Gather", "types chosen", "type_rows"),
        node("Add", "x0 type_rows", "s"),
        node("Slice", "ids zero tokens one one", "cut"),
        node("Gather", "places cut", "positions"),
        node("Add", "s positions", "logits"),
    ]
    model = made.graph(nodes, weights, {"type_rows": ROWS, "x0": ROWS}, OUTPUTS)
    for apply in (fold_positions, fold_token_types, add_rows_once):
        count, model = made.applied(apply, model)
        assert count == 1
    assert made.operators(model) == {"Gather": 2, "Shape": 1, "Slice": 1, "Add": 1}
