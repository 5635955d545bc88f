"""What onnxruntime does to a graph is done while exporting, so that loading does nothing more."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from limen.errors import ExportError
from limen_export.graph.int8_matrices import int8_matrices
from limen_export.graph.int8_rows import int8_rows
from limen_export.graph.offline import optimise_offline
from limen_export.graph.passes import rewrite

made = SimpleNamespace(**run_path(str(Path(__file__).with_name("small_graphs.py"))))
node = made.node


@pytest.fixture(scope="module")
def graphs():
    """The same encoder, in float and in int8."""
    fp32 = rewrite(made.encoder(), 64).model
    int8 = int8_rows(int8_matrices(fp32).graph).graph
    return {"fp32": ir.to_proto(fp32), "int8": ir.to_proto(int8)}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_result_computes_the_same_and_the_graph_that_came_in_is_left(graphs, precision):
    before = made.serialised(graphs[precision])
    after = optimise_offline(graphs[precision])
    assert made.serialised(graphs[precision]) == before
    made.assert_alike(graphs[precision], after)
    onnx.checker.check_model(after)
    assert [port.name for port in after.graph.input] == ["input_ids"]
    assert [port.name for port in after.graph.output] == ["logits"]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_only_domains_in_use_are_named(graphs, precision):
    after = optimise_offline(graphs[precision])
    named = [item.domain for item in after.opset_import]
    assert sorted(named) == ["", made.MICROSOFT]
    assert {item.domain for item in after.graph.node} <= set(named)
    assert not after.graph.value_info


def test_a_graph_of_onnx_s_own_operators_names_no_other_domain():
    nodes, weights = made.embedding()
    nodes.append(node("Softmax", "x0", "logits", axis=-1))
    after = optimise_offline(made.graph(nodes, weights, outputs={"logits": made.ROWS}))
    assert [item.domain for item in after.opset_import] == [""]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_norms_stay_apart_from_the_sums_before_them(graphs, precision):
    """On the CPU the fused operator is slower, and onnxruntime fuses by default."""
    after = made.operators(optimise_offline(graphs[precision]))
    assert after["LayerNormalization"] == 4
    assert not {name for name in after if "SkipLayer" in name or "EmbedLayer" in name}
    default = onnxruntime.SessionOptions()
    assert default.graph_optimization_level != onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_second_time_changes_nothing(graphs, precision):
    once = optimise_offline(graphs[precision])
    twice = optimise_offline(once)
    assert made.operators(twice) == made.operators(once)
    made.assert_alike(once, twice)


def test_what_is_computed_from_weights_alone_is_folded():
    nodes, weights = made.embedding()
    nodes += [node("Neg", "one", "two"), node("Add", "x0 two", "logits")]
    weights["one"] = made.noise(made.WIDTH)
    after = optimise_offline(made.graph(nodes, weights, outputs={"logits": made.ROWS}))
    assert made.operators(after) == {"Gather": 1, "Add": 1}


def test_bias_and_gelu_of_an_fp32_graph_become_one_node(graphs):
    after = made.operators(optimise_offline(graphs["fp32"]))
    assert after["BiasGelu"] == 2
    assert after["Gelu"] == 0


def test_nothing_is_left_in_the_temporary_folder(graphs, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    optimise_offline(graphs["fp32"])
    broken = onnx.ModelProto()
    broken.CopyFrom(graphs["fp32"])
    broken.graph.node[0].op_type = "Gatherr"
    with pytest.raises(ExportError, match=r"onnxruntime refused the graph \(.*Gatherr"):
        optimise_offline(broken)
    assert list(tmp_path.iterdir()) == []
