"""Reshapes that change nothing go; those that copy or compute a dimension stay."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen_export.graph.reshapes import drop_needless_reshapes

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, whole, ROWS, WIDTH, HEADS = made.node, made.whole, made.ROWS, made.WIDTH, made.HEADS
SIZE = WIDTH // HEADS


def chain(*shapes, allowzero=(), noted=None, computed=()):
    """Rows, one Reshape for each shape, and a Relu behind the last.

    Args:
        shapes: what each Reshape is told.
        allowzero: places of those for which 0 is a dimension.
        noted: dimensions of values, by name, where the tracer noted them.
        computed: places of those whose shape is computed while the graph runs.
    """
    nodes, weights = made.embedding()
    nodes += [node("Shape", "x0", "dimensions")] if computed else []
    given = "x0"
    for place, shape in enumerate(shapes):
        told = "dimensions" if place in computed else f"shape{place}"
        more = {"allowzero": 1} if place in allowzero else {}
        nodes.append(node("Reshape", f"{given} {told}", f"r{place}", **more))
        if place not in computed:
            weights[told] = whole(*shape)
        given = f"r{place}"
    nodes.append(node("Relu", given, "logits"))
    return made.graph(nodes, weights, noted, outputs={"logits": [None] * 3})


def dropped(model, **more):
    count, after = made.applied(drop_needless_reshapes, model, **more)
    return count, made.operators(after)["Reshape"]


def test_heads_taken_apart_and_put_together_again():
    """The second reads past the first, and gives what the first was given."""
    model = chain((0, 0, HEADS, SIZE), (2, -1, WIDTH), noted={"r1": ROWS})
    assert dropped(model, shapes=[(2, 1), (2, 7)]) == (2, 0)


def test_a_reshape_after_a_reshape_reads_past_it():
    model = chain((-1,), (-1, SIZE, 2), (1, -1, WIDTH))
    assert dropped(model) == (2, 1)


def test_zero_copies_a_dimension_from_what_is_read():
    """Past the first, it would copy another one."""
    model = chain((1, -1, WIDTH), (0, -1, SIZE))
    assert dropped(model) == (0, 2)


def test_zero_that_means_zero_copies_nothing():
    model = chain((1, -1, WIDTH), (1, 0, 5), allowzero=[1])
    assert dropped(model, shapes=[(0, 3), (2, 0)])[0] == 1


def test_a_computed_shape_may_hold_zeros():
    """So it may copy dimensions, for all that the graph says."""
    model = chain((1, -1, WIDTH), (), computed=[1])
    assert dropped(model, shapes=[(1, 3), (3, 3)]) == (0, 2)


def test_a_computed_shape_in_which_zero_means_zero():
    model = chain((1, -1, WIDTH), (), computed=[1], allowzero=[1])
    assert dropped(model)[0] >= 1


def test_the_first_stays_where_others_read_it():
    nodes, weights = made.embedding()
    nodes += [
        node("Reshape", "x0 flat", "one"),
        node("Reshape", "one rows", "two"),
        node("ReduceMean", "one", "mean", keepdims=0),
        node("Add", "two mean", "logits"),
    ]
    weights |= {"flat": whole(-1), "rows": whole(1, -1, WIDTH)}
    assert dropped(made.graph(nodes, weights, outputs={"logits": [None] * 3})) == (1, 2)


@pytest.mark.parametrize(
    ("dimensions", "count"),
    [
        (ROWS, 1),
        (("batch", None, WIDTH), 0),
        (("tokens", "batch", WIDTH), 0),
        (("batch", "tokens", "width"), 0),
    ],
    ids=["the same", "unknown", "other order", "number or symbol"],
)
def test_only_dimensions_that_are_known_to_be_the_same(dimensions, count):
    model = chain((-1, 1, WIDTH), noted={"r0": dimensions})
    assert dropped(model, shapes=[(1, 1), (5, 1)])[0] == count


def test_a_reshape_that_is_an_output_keeps_its_name():
    nodes, weights = made.embedding()
    nodes.append(node("Reshape", "x0 rows", "logits"))
    model = made.graph(nodes, weights | {"rows": whole(0, 0, WIDTH)}, outputs={"logits": ROWS})
    assert dropped(model) == (0, 1)


def test_identity_is_passed_over_unless_it_is_an_output():
    nodes, weights = made.embedding()
    nodes += [
        node("Identity", "x0", "same"),
        node("Identity", "table", "table_again"),
        node("Gather", "table_again input_ids", "x1"),
        node("Add", "same x1", "sum"),
        node("Identity", "sum", "logits"),
    ]
    count, after = made.applied(
        drop_needless_reshapes, made.graph(nodes, weights, outputs={"logits": ROWS})
    )
    assert count == 2
    assert made.operators(after) == {"Gather": 2, "Add": 1, "Identity": 1}


SHAPES = ((-1,), (-1, WIDTH), (0, -1, SIZE), (2, -1), (0, 0, HEADS, -1), (4, 0, -1), (1, -1, WIDTH))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=5))
def test_any_chain_gives_what_it_gave(shapes):
    model = chain(*shapes, (2, -1, 2))
    try:
        made.run(model, [(2, 2)])
    except Exception:
        return  # a chain that never ran promises nothing
    dropped(model, shapes=[(2, 2), (2, 4), (4, 2)])
