"""What older exporters compute of shapes is stated; what differs at any shape stays."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
from limen_export.graph.passes import rewrite
from limen_export.graph.stated_shapes import scale_once, stated_shapes

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
LONGEST = 32


def applied(nodes, weights):
    """Return the number of changes and the graph after the pass, having run both."""
    model = made.graph(nodes, weights)
    found = stated_shapes(LONGEST)(ir.from_proto(model))
    after = ir.to_proto(found.graph)
    made.assert_alike(model, after, (*made.SHAPES, (1, LONGEST)))
    return found.nodes, after


def masked(condition):
    """Rows of embeddings to which a mask is added that is 0 wherever `condition` holds, else -9."""
    nodes, weights = made.embedding()
    head, more = made.first_token_head("hidden")
    weights |= more | {
        "none": np.float32(0),
        "much": np.float32(-9),
        "number_1": np.array(1, np.int64),
        "axes": made.whole(0, 2),
        "start": np.array(0, np.int64),
    }
    nodes += [
        made.node("Shape", "input_ids", "sizes"),
        made.node("Gather", "sizes number_1", "tokens"),
        made.node("Range", "start tokens number_1", "places"),
        *condition,
        made.node("Where", "shown none much", "mask"),
        made.node("Unsqueeze", "mask axes", "row_mask"),
        made.node("Add", "x0 row_mask", "hidden"),
        *head,
    ]
    return nodes, weights


def test_a_mask_that_hides_nothing_is_dropped():
    nodes, weights = masked([made.node("GreaterOrEqual", "places start", "shown")])
    count, after = applied(nodes, weights)
    assert count == 1
    assert made.operators(after)["Where"] == made.operators(after)["Range"] == 0


def test_a_mask_that_hides_tokens_of_long_texts_alone_stays():
    nodes, weights = masked([made.node("Less", "places far", "shown")])
    weights["far"] = np.array(20, np.int64)
    count, after = applied(nodes, weights)
    assert count == 0
    assert made.operators(after)["Where"] == 1


def test_a_computed_reshape_is_stated():
    nodes, weights = made.embedding()
    head, more = made.first_token_head("back")
    weights |= more | {"heads": made.whole(2), "rest": made.whole(-1), "size": made.whole(8)}
    weights |= {"at_0": made.whole(0), "at_1": made.whole(1), "at_2": made.whole(2)}
    nodes += [
        made.node("Shape", "input_ids", "sizes"),
        made.node("Slice", "sizes at_0 at_1", "batch"),
        made.node("Slice", "sizes at_1 at_2", "tokens"),
        made.node("Concat", "batch rest heads heads heads", "parts", axis=0),
        made.node("Reshape", "x0 parts", "divided"),
        made.node("Concat", "batch tokens size", "whole", axis=0),
        made.node("Reshape", "divided whole", "back"),
        *head,
    ]
    count, after = applied(nodes, weights)
    assert count == 2
    assert made.operators(after)["Concat"] == made.operators(after)["Shape"] == 0
    stated = made.weights_of(after)
    assert stated["parts_stated"].tolist() == [0, -1, 2, 2, 2]
    assert stated["whole_stated"].tolist() == [0, 0, 8]


def test_numbers_of_shapes_are_stated_where_they_never_change():
    nodes, weights = made.embedding()
    head, more = made.first_token_head("scaled")
    weights |= more | {"last": made.whole(2), "number_1": made.whole(1), "axis": made.whole(0)}
    nodes += [
        made.node("Shape", "x0", "sizes"),
        made.node("Gather", "sizes last", "width"),
        made.node("Gather", "sizes number_1", "tokens"),
        made.node("Cast", "width", "width_float", to=1),
        made.node("Cast", "tokens", "tokens_float", to=1),
        made.node("Mul", "x0 width_float", "wide"),
        made.node("Div", "wide tokens_float", "scaled"),
        *head,
    ]
    count, after = applied(nodes, weights)
    assert count == 1
    assert made.operators(after)["Cast"] == 1


def test_a_model_of_short_texts_is_left_alone():
    nodes, weights = masked([made.node("GreaterOrEqual", "places start", "shown")])
    model = ir.from_proto(made.graph(nodes, weights))
    assert stated_shapes(7)(model).nodes == 0


def test_factors_of_a_product_become_one():
    nodes, weights = made.embedding()
    head, more = made.first_token_head("mixed")
    weights |= more | {"root": np.float32(0.5), "divisor": np.float32(4)}
    nodes += [
        made.node("Transpose", "x0", "turned", perm=[0, 2, 1]),
        made.node("Mul", "x0 root", "query"),
        made.node("Div", "turned divisor", "key"),
        made.node("MatMul", "query key", "scores"),
        made.node("Softmax", "scores", "shares", axis=-1),
        made.node("MatMul", "shares x0", "mixed"),
        *head,
    ]
    count, after = made.applied(scale_once, made.graph(nodes, weights))
    assert count == 1
    assert made.operators(after)["Mul"] == 1
    assert made.operators(after)["Div"] == 0


def test_the_harness_takes_the_passes():
    nodes, weights = masked([made.node("GreaterOrEqual", "places start", "shown")])
    found = rewrite(made.graph(nodes, weights), LONGEST, (stated_shapes(LONGEST), scale_once))
    assert [result.kept for result in found.results] == [True, True]
    assert found.left_out == ()
