"""The last layer for the first token alone: where it applies, and where it must not."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen_export.graph.first_token import keep_first_token

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise, whole = made.node, made.noise, made.whole
ROWS, WIDTH, LABELS = made.ROWS, made.WIDTH, made.LABELS
QUERY, ATTENTION, BEHIND = 2, 1, 11
"""Nodes of a layer that can be narrowed: the query and its bias, attention, all that follows."""


def narrowed(model):
    """Count, having checked that no node runs twice: only cuts are new."""
    count, after = made.applied(keep_first_token, model)
    new = made.operators(after) - made.operators(model)
    assert set(new) <= {"Slice"}
    assert not made.operators(model) - made.operators(after)
    return count, new["Slice"]


def pooled(operator="ReduceMean", given="x2"):
    nodes = [
        node(operator, f"{given} one", "pooled", keepdims=0),
        node("Gemm", "pooled head head.bias", "logits"),
    ]
    weights = {"one": whole(1), "head": noise(WIDTH, LABELS), "head.bias": noise(LABELS)}
    return nodes, weights


def head_at(index, axis=1, rest=None):
    """A head that gathers `index`, and takes the mean over the axis `rest` of what that gives."""
    nodes, weights = made.first_token_head("x2")
    nodes[0] = node("Gather", "x2 zero", "first" if rest is None else "rows", axis=axis)
    if rest is not None:
        nodes.insert(1, node("ReduceMean", "rows rest", "first", keepdims=int(rest == 0)))
        weights = weights | {"rest": whole(rest)}
    return nodes, weights | {"zero": np.array(index, np.int64)}


def softmax_attention(query, key, value, output):
    """What a model that does not call torch's own attention leaves in the graph."""
    turned = {query: [0, 2, 1, 3], key: [0, 2, 3, 1], value: [0, 2, 1, 3]}
    nodes = []
    for name, order in turned.items():
        nodes.append(node("Reshape", f"{name} divided", f"{name}_d"))
        nodes.append(node("Transpose", f"{name}_d", f"{name}_t", perm=order))
    nodes += [
        node("MatMul", f"{query}_t {key}_t", "scores"),
        node("Softmax", "scores", "shares", axis=-1),
        node("MatMul", f"shares {value}_t", "heads"),
        node("Transpose", "heads", "rows", perm=[0, 2, 1, 3]),
        node("Reshape", "rows together", output),
    ]
    heads = made.HEADS
    return nodes, {"divided": whole(0, 0, heads, WIDTH // heads), "together": whole(0, 0, WIDTH)}


def attention_with(extra, weights=None, **attributes):
    def attend(query, key, value, output):
        return [made.attention(f"{query} {key} {value} {extra}", output, **attributes)], (
            weights or {}
        )

    return attend


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_last_layer_runs_on_one_row(layers):
    assert narrowed(made.encoder(layers=layers)) == (QUERY + ATTENTION + BEHIND, 1)


def test_every_product_of_the_last_layer_gets_one_row():
    _, after = made.applied(keep_first_token, made.encoder())
    names = {"l2up", "l2down", "l2.out_matrix", "l2.q_matrix"}
    readers = {
        item.input[1]: item.input[0] for item in after.graph.node if item.op_type == "MatMul"
    }
    del after.graph.output[:]
    after.graph.output.extend(made.onnx.ValueInfoProto(name=readers[name]) for name in names)
    rows = made.session(after).run(None, {"input_ids": made.random_ids(2, 7)})
    assert {row.shape[:2] for row in rows} == {(2, 1)}


def test_a_second_pass_finds_nothing_more_to_cut():
    _, after = made.applied(keep_first_token, made.encoder())
    again, twice = made.applied(keep_first_token, after)
    assert made.operators(twice)["MatMul"] == made.operators(after)["MatMul"]
    assert again == 0


@pytest.mark.parametrize(
    "head",
    [
        pooled(),
        pooled("ReduceMax"),
        head_at(1),
        head_at(-1),
        head_at([0, 1], rest=1),
        head_at(0, axis=0, rest=0),
    ],
    ids=["mean", "max", "second", "last", "two", "first text"],
)
def test_heads_that_read_other_rows_are_left_alone(head):
    model = made.encoder(head, outputs={"logits": (None, LABELS)})
    assert made.applied(keep_first_token, model, shapes=[(1, 2), (3, 5)])[0] == 0


def test_index_in_a_list_is_the_first_token_too():
    nodes, weights = made.first_token_head("x2")
    nodes[0] = node("Gather", "x2 zero", "row", axis=1)
    nodes.insert(1, node("Squeeze", "row zero_axis", "first"))
    more = {"zero": whole(0), "zero_axis": whole(1)}
    assert narrowed(made.encoder((nodes, weights | more)))[0] == QUERY + ATTENTION + BEHIND


def test_last_rows_that_are_an_output_too_are_left_alone():
    model = made.encoder(outputs={"logits": ("batch", LABELS), "x2": ROWS})
    assert narrowed(model) == (0, 0)


def test_last_rows_that_others_read_are_left_alone():
    nodes, weights = made.joined(made.first_token_head("x2"), pooled())
    nodes[1] = node("Gemm", "first head head.bias", "one_part")
    nodes[3] = node("Gemm", "pooled head head.bias", "other_part")
    model = made.encoder(([*nodes, node("Add", "one_part other_part", "logits")], weights))
    assert narrowed(model) == (0, 0)


def test_rows_inside_the_last_layer_that_others_read_are_not_computed_twice():
    nodes, weights = made.joined(made.first_token_head("x2"), pooled(given="l2a"))
    nodes[1] = node("Gemm", "first head head.bias", "one_part")
    nodes[3] = node("Gemm", "pooled head head.bias", "other_part")
    model = made.encoder(([*nodes, node("Add", "one_part other_part", "logits")], weights))
    assert narrowed(model) == (7, 1)


@pytest.mark.parametrize(
    ("extra", "weights", "attributes"),
    [
        ("bias", {"bias": noise(3 * WIDTH)}, {}),
        ("- - scores", {"scores": noise(1, made.HEADS, 6, 6)}, {}),
        ("", {}, {"unidirectional": 1}),
    ],
    ids=["bias", "attention bias", "causal"],
)
def test_attention_with_more_than_three_inputs_stays_whole(extra, weights, attributes):
    """What follows it still runs on one row."""
    model = made.encoder(attend=attention_with(extra, weights, **attributes))
    count, after = made.applied(keep_first_token, model, shapes=[(1, 6), (3, 6)])
    assert count == BEHIND
    assert made.operators(after) - made.operators(model) == {"Slice": 2}


def test_attention_with_a_mask_stays_whole():
    def attend(query, key, value, output):
        nodes = [
            node("Cast", "input_ids", "ids32", to=made.TensorProto.INT32),
            node("Sign", "ids32", "mask"),
            made.attention(f"{query} {key} {value} - mask", output),
        ]
        return nodes, {}

    assert narrowed(made.encoder(attend=attend))[0] == BEHIND


def test_unfused_attention_stays_whole():
    """The mixed rows are cut behind it, and the residual rows."""
    assert narrowed(made.encoder(attend=softmax_attention)) == (BEHIND, 2)


def test_gated_feed_forward_is_narrowed_with_its_split():
    """ModernBERT: a product split into values and gates. Left whole, the attention before it would
    run twice.
    """
    nodes, weights = made.joined(
        made.linear("x2", "wide", "gated", 2 * made.INNER),
        (
            [
                node("Split", "wide", "value gate", axis=-1, num_outputs=2),
                node("Gelu", "value", "active"),
                node("Mul", "active gate", "chosen"),
                node("MatMul", "chosen narrow", "back"),
                node("Add", "back x2", "x3"),
            ],
            {"narrow": noise(made.INNER, WIDTH)},
        ),
        made.first_token_head("x3"),
    )
    assert narrowed(made.encoder((nodes, weights))) == (QUERY + ATTENTION + BEHIND + 7, 1)


def test_a_split_of_which_others_read_a_part_stays_whole():
    nodes, weights = made.joined(
        made.linear("x2", "wide", "gated", 2 * WIDTH),
        ([node("Split", "wide", "value gate", axis=-1, num_outputs=2)], {}),
        made.first_token_head("value"),
        ([node("ReduceMean", "gate one", "mean", keepdims=0)], {"one": whole(1)}),
        ([node("ReduceSum", "mean one", "total", keepdims=1)], {}),
    )
    nodes[-3] = node("Gemm", "first head head.bias", "part")
    model = made.encoder(([*nodes, node("Add", "part total", "logits")], weights))
    assert narrowed(model)[0] == 0


def test_a_norm_over_the_tokens_stays_whole():
    nodes, weights = made.joined(
        ([node("LayerNormalization", "x2 all", "x3", axis=1)], {"all": noise(WIDTH)}),
        made.first_token_head("x3"),
    )
    assert narrowed(made.encoder((nodes, weights))) == (0, 0)


def test_constant_rows_of_their_own_for_each_token_stop_it():
    """Added to every position, they would have to be cut as well."""
    nodes, weights = made.joined(
        ([node("Add", "x2 each", "x3")], {"each": noise(1, 5, WIDTH)}), made.first_token_head("x3")
    )
    model = made.encoder((nodes, weights))
    assert made.applied(keep_first_token, model, shapes=[(1, 5), (2, 5)])[0] == 0


STEPS = {
    "scalar": lambda x, y: [node("Mul", f"{x} two", y)],
    "row": lambda x, y: [node("Add", f"some_row {x}", y)],
    "residual": lambda x, y: [node("Add", f"{x} x1", y)],
    "last": lambda x, y: [node("Sub", f"x2 {x}", y)],
    "tanh": lambda x, y: [node("Tanh", x, y)],
    "product": lambda x, y: [node("MatMul", f"{x} square", y)],
    "norm": lambda x, y: [node("LayerNormalization", f"{x} some_row", y)],
    "over tokens": lambda x, y: [node("Softmax", x, y, axis=1)],
    "sum so far": lambda x, y: [node("CumSum", f"{x} one", y)],
    "mean added": lambda x, y: [
        node("ReduceMean", f"{x} ones", f"{y}_mean", keepdims=1),
        node("Add", f"{x} {y}_mean", y),
    ],
    "turned": lambda x, y: [
        node("Transpose", x, f"{y}_turned", perm=[0, 2, 1]),
        node("Transpose", f"{y}_turned", y, perm=[0, 2, 1]),
    ],
    "gate": lambda x, y: [
        node("Split", x, f"{y}_one {y}_two", axis=2, num_outputs=2),
        node("Mul", f"{y}_one {y}_two", f"{y}_half"),
        node("Concat", f"{y}_half {y}_one", y, axis=2),
    ],
}
STEP_WEIGHTS = {
    "two": np.array(0.5, np.float32),
    "some_row": noise(WIDTH),
    "square": noise(WIDTH, WIDTH) / 3,
    "one": np.array(1, np.int64),
    "ones": whole(1),
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=5))
def test_whatever_follows_the_last_layer_the_logits_stay(steps):
    nodes, name = [], "x2"
    for place, step in enumerate(steps):
        nodes += STEPS[step](name, f"s{place}")
        name = f"s{place}"
    used = {part for item in nodes for part in item.input}
    weights = {key: array for key, array in STEP_WEIGHTS.items() if key in used}
    narrowed(made.encoder(made.joined((nodes, weights), made.first_token_head(name))))
