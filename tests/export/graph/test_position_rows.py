"""Rows of a position table, read in an order that no text changes."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen_export.graph.position_rows import fold_positions

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, whole, ROWS, WIDTH = made.node, made.noise, made.whole, made.ROWS, made.WIDTH
PLACES = 16
OUTPUTS = {"logits": ROWS}


def positioned(cut="ids zero tokens one one", ids=None, more=(), lookup=None, weights=None):
    """Rows plus a table read in the order of a slice of constant ids."""
    ids = np.arange(PLACES)[None] if ids is None else ids
    nodes, held = made.joined(made.embedding(), made.tokens_cut())
    held |= {"places": noise(PLACES, WIDTH, seed="places"), "ids": ids, **(weights or {})}
    nodes += [
        *more,
        node("Slice", cut, "chosen"),
        lookup or node("Gather", "places chosen", "positions"),
        node("Add", "x0 positions", "logits"),
    ]
    return made.graph(nodes, held, outputs=OUTPUTS)


def lookups(model):
    return made.operators(model)["Gather"]


@pytest.mark.parametrize(
    "ids",
    [
        np.arange(PLACES)[None],
        np.arange(2, PLACES)[None],
        np.arange(PLACES)[None, ::-1].copy(),
        np.zeros((1, PLACES), np.int64),
        np.full((1, PLACES), -1),
    ],
    ids=["from zero", "from two", "backwards", "all alike", "from the end"],
)
def test_positions_are_looked_up_while_exporting(ids):
    model = positioned(ids=ids.astype(np.int64))
    count, after = made.applied(fold_positions, model)
    assert count == 1
    assert lookups(after) == lookups(model) - 1
    assert "ids" not in made.weights_of(after)
    assert made.weights_of(after)["places_in_order"].shape == (*ids.shape, WIDTH)


def test_ids_without_a_batch_axis():
    model = positioned("ids zero tokens zero one", np.arange(PLACES))
    assert made.applied(fold_positions, model)[0] == 1


def test_starts_that_are_computed():
    more = [node("Sub", "tokens one", "start"), node("Add", "start tokens", "end")]
    model = positioned("ids start end one", np.arange(2 * PLACES)[None] % PLACES, more)
    assert made.applied(fold_positions, model)[0] == 1


def test_every_second_position():
    more = [node("Mul", "tokens twice", "end")]
    ids = np.arange(2 * PLACES)[None] % PLACES
    assert made.applied(fold_positions, positioned("ids zero end one twice", ids, more))[0] == 1


def test_axes_counted_from_the_end_would_count_another_axis_of_the_rows():
    model = positioned("ids zero tokens last one", weights={"last": whole(-1)})
    assert made.applied(fold_positions, model)[0] == 0


@pytest.mark.parametrize(
    ("cut", "more"),
    [
        ("ids zero tokens", []),
        ("ids zero tokens nought", [node("Sub", "tokens tokens", "nought")]),
    ],
    ids=["left out", "computed"],
)
def test_axes_left_out_or_computed(cut, more):
    model = positioned(cut, np.arange(PLACES), more)
    assert made.applied(fold_positions, model)[0] == 0


def test_positions_that_depend_on_the_text():
    """RoBERTa's own: a count of the tokens that are no padding."""
    more = [
        node("Sign", "input_ids", "kept"),
        node("CumSum", "kept axis", "counted"),
    ]
    axis = {"axis": np.array(1, np.int64)}
    model = positioned("counted zero tokens one one", more=more, weights=axis)
    assert made.applied(fold_positions, model)[0] == 0


def test_a_table_that_is_computed():
    model = positioned(
        more=[node("Tanh", "places", "made_places")],
        lookup=node("Gather", "made_places chosen", "positions"),
    )
    assert made.applied(fold_positions, model)[0] == 0


def test_columns_of_a_table():
    """Read along the other axis, ids are no positions."""
    lookup = node("Gather", "places chosen", "columns", axis=1)
    model = positioned("ids zero tokens zero one", np.arange(WIDTH), lookup=lookup)
    model.graph.node[-1].CopyFrom(node("ReduceMean", "columns", "positions", keepdims=1))
    model.graph.node.append(node("Add", "x0 positions", "logits"))
    assert made.applied(fold_positions, model, shapes=[(1, 1), (2, 8)])[0] == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-PLACES, PLACES - 1), min_size=9, max_size=30), st.booleans())
def test_any_order_of_positions(ids, flat):
    stored = np.array(ids, np.int64)
    cut = "ids zero tokens zero one" if flat else "ids zero tokens one one"
    model = positioned(cut, stored if flat else stored[None])
    assert made.applied(fold_positions, model)[0] == 1
