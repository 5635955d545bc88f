"""Passes are checked after they ran; one that changes the logits is left out, and said to be."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx_ir as ir
import pytest
from limen.errors import ExportError
from limen_export.graph import rewriting
from limen_export.graph.passes import PASSES, rewrite
from limen_export.graph.rewriting import graph_pass

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node, noise = made.node, made.noise
LONGEST = 64


def behind_logits(operator, *numbers):
    """A pass that puts one more operator behind the logits."""

    @graph_pass
    def changed(graph):
        last = graph.outputs[0].producer()
        given = [last.outputs[0], *(rewriting.weight(graph, "n", number) for number in numbers)]
        made_node = ir.node(operator, given)
        graph.append(made_node)
        old, new = last.outputs[0], made_node.outputs[0]
        graph.outputs[0] = new
        old.name, new.name = f"before_{graph.num_nodes()}", "logits"
        new.type, new.shape = old.type, old.shape
        return 1

    return changed


def times(number):
    return behind_logits("Mul", np.array(number, np.float32))


@graph_pass
def unknown_operator(graph):
    graph.outputs[0].producer().op_type = "Gemmm"
    return 1


@graph_pass
def first_text_only(graph):
    """Breaks groups: every text gets the rows of the first."""
    ids = graph.inputs[0]
    first = next(item for item in graph if ids in item.inputs)
    where = [
        rewriting.weight(graph, name, made.whole(number)) for name, number in (("a", 0), ("b", 1))
    ]
    (cut,) = rewriting.add_node(first, "Slice", [ids, *where, where[0]])
    (sizes,) = rewriting.add_node(first, "Shape", [ids])
    (wide,) = rewriting.add_node(first, "Expand", [cut, sizes])
    first.replace_input_with(list(first.inputs).index(ids), wide)
    return 1


@graph_pass
def first_fifty_tokens_only(graph):
    ids = graph.inputs[0]
    first = next(item for item in graph if ids in item.inputs)
    numbers = {"a": 0, "b": 50, "c": 1}
    where = [rewriting.weight(graph, name, made.whole(number)) for name, number in numbers.items()]
    (cut,) = rewriting.add_node(first, "Slice", [ids, *where])
    first.replace_input_with(list(first.inputs).index(ids), cut)
    return 1


def names(result):
    return [(one.name, one.kept) for one in result.results]


def test_all_passes_on_a_small_encoder():
    model = made.encoder()
    before = made.serialised(model)
    result = rewrite(model, LONGEST)
    assert made.serialised(model) == before
    assert all(one.kept for one in result.results)
    assert [one.name for one in result.results] == [apply.__name__ for apply in PASSES]
    counts = {one.name: one.nodes for one in result.results if one.nodes}
    assert counts == {"name_matrices": 12, "keep_first_token": 14, "merge_projections": 5}
    assert result.fused_attentions == 2
    assert result.notices == ()
    made.assert_alike(model, ir.to_proto(result.model))


def test_names_of_passes_differ():
    assert len({apply.__name__ for apply in PASSES}) == len(PASSES)


def test_a_pass_that_moves_logits_is_left_out_with_a_notice():
    model = made.encoder()
    result = rewrite(model, LONGEST, (times(1.001),))
    assert names(result) == [("changed", False)]
    assert result.results[0].nodes == 1
    assert 1e-4 < result.results[0].difference < 0.1
    (notice,) = result.notices
    assert "changed is left out: it moved a logit by 0.00" in notice
    assert made.operators(ir.to_proto(result.model)) == made.operators(model)


def test_rounding_is_allowed():
    result = rewrite(made.encoder(), LONGEST, (times(1 + 1e-6),))
    assert names(result) == [("changed", True)]
    assert 0 < result.results[0].difference < 1e-5
    assert made.operators(ir.to_proto(result.model))["Mul"] == 1


@pytest.mark.parametrize(
    "broken",
    [
        unknown_operator,
        behind_logits("Sqrt"),
        behind_logits("Mul", np.array(np.inf, np.float32)),
        behind_logits("Concat"),
        behind_logits("Unsqueeze", made.whole(0)),
    ],
    ids=["unknown operator", "no numbers", "infinite", "not to be opened", "another shape"],
)
def test_a_pass_after_which_nothing_runs_is_left_out_with_a_notice(broken):
    result = rewrite(made.encoder(), LONGEST, (broken, *PASSES))
    assert names(result)[0] == (broken.__name__, False)
    assert all(kept for _, kept in names(result)[1:])
    assert [one.nodes for one in result.results if one.name == "keep_first_token"] == [14]
    (notice,) = result.notices
    assert "does not run, or gives no finite logits" in notice
    made.assert_alike(made.encoder(), ir.to_proto(result.model))


@pytest.mark.parametrize("broken", [first_text_only, first_fifty_tokens_only])
def test_groups_and_long_texts_are_checked(broken):
    result = rewrite(made.encoder(), LONGEST, (broken,))
    assert names(result) == [(broken.__name__, False)]


def test_every_pass_is_compared_with_the_graph_before_it():
    """Two that are each within rounding stay, one between them that is not goes."""
    result = rewrite(made.encoder(), LONGEST, (times(1 + 5e-6), times(2.0), times(1 + 5e-6)))
    assert names(result) == [("changed", True), ("changed", False), ("changed", True)]
    assert made.operators(ir.to_proto(result.model))["Mul"] == 2


def test_nothing_longer_than_the_positions_is_run():
    nodes, weights = made.embedding()
    nodes += [
        node("Shape", "input_ids", "sizes"),
        node("Gather", "sizes one", "tokens"),
        node("Range", "zero tokens step", "places"),
        node("Gather", "table_of_places places", "positions"),
        node("Add", "x0 positions", "x1"),
        *made.first_token_head("x1")[0],
    ]
    weights |= made.first_token_head("x1")[1]
    weights |= {"one": np.array(1), "step": np.array(1), "table_of_places": noise(6, made.WIDTH)}
    model = made.graph(nodes, weights)
    assert rewrite(model, 6).results
    with pytest.raises(ExportError, match="onnxruntime refused the traced graph"):
        rewrite(model, 7)


def test_a_traced_graph_that_does_not_run_is_refused():
    model = made.encoder()
    model.graph.node[-1].op_type = "Gemmm"
    with pytest.raises(ExportError, match="onnxruntime refused the traced graph"):
        rewrite(model, LONGEST)


def test_attention_that_is_not_fused_is_said():
    softmax = [made.node("Softmax", "x0", "x1", axis=-1)], {}
    nodes, weights = made.joined(made.embedding(), softmax, made.first_token_head("x1"))
    result = rewrite(made.graph(nodes, weights), LONGEST)
    assert result.fused_attentions == 0
    (notice,) = result.notices
    assert "attention is not fused for this architecture" in notice
