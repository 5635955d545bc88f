"""What the measurements of docs/graph.md are made with: variants of graphs, ids of exact lengths,
rounds, judging on the other half.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from limen.format import DecisionBlock, OperatingPoint, read
from limen.progress import Silent
from limen.token_encoder import TokenEncoder
from limen_bench.process import TaskRequest
from limen_export.graph.int8_matrices import int8_matrices
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "golden" / "tiny_multilabel.onnx"
TEXTS = ["a day", "two more days until the lake", "회의는 네 시"]
WIDTH = 16


@pytest.fixture(scope="module", autouse=True)
def figures():
    """The scripts import each other by their bare names."""
    folder = str(ROOT / "bench" / "figures")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)


@pytest.fixture(scope="module")
def feed_forward():
    """Ids to rows, product with bias, GELU, second product, mean: int8, matrices 16 wide."""
    draw = np.random.default_rng(3)
    weights = {
        "table": draw.normal(size=(50, WIDTH)),
        "first": draw.normal(size=(WIDTH, WIDTH)),
        "bias": draw.normal(size=WIDTH),
        "second": draw.normal(size=(WIDTH, WIDTH)),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "first"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["added"]),
        helper.make_node("Gelu", ["added"], ["bent"]),
        helper.make_node("MatMul", ["bent", "second"], ["all"]),
        helper.make_node("ReduceMean", ["all", "axis"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "feed-forward",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", WIDTH])],
        [
            *(numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()),
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return int8_matrices(ir.from_proto(model)).graph


def logits(model, ids):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    return session.run(["logits"], {"input_ids": ids})[0]


@pytest.mark.parametrize(("variant", "count"), [("quantised_apart", 2), ("bias_with_gelu", 1)])
def test_variants_compute_what_the_graph_computes(feed_forward, variant, count):
    import graph_steps

    ids = np.random.default_rng(1).integers(0, 50, (1, 9))
    made = getattr(graph_steps, variant)(feed_forward)
    assert made.nodes == count
    np.testing.assert_allclose(logits(made.graph, ids), logits(feed_forward, ids), atol=1e-4)


def test_bias_leaves_the_product_for_bias_gelu(feed_forward):
    from graph_steps import bias_with_gelu

    kinds = [node.op_type for node in bias_with_gelu(feed_forward).graph.graph]
    assert kinds.count("BiasGelu") == 1
    assert "Gelu" not in kinds


def test_neighbours_are_found_to_move_logits(feed_forward, tmp_path):
    from graph_files import moved_by_neighbours

    file = tmp_path / "graph.onnx"
    onnx.save(ir.to_proto(feed_forward), file)
    rows = np.random.default_rng(2).integers(0, 50, (8, 5))
    alike = np.repeat(rows[:1], 8, axis=0)
    assert moved_by_neighbours(file, [rows], 4)["same bits"] < 8
    assert moved_by_neighbours(file, [alike], 4) == {"texts": 8, "same bits": 8, "difference": 0.0}


@pytest.mark.parametrize("length", [3, 16, 40])
def test_rows_have_the_exact_length_between_special_tokens(length):
    from graph_rounds import exact_rows

    encoder = TokenEncoder(read(TINY).metadata.encoder)
    ends = encoder.encode(TEXTS[0]).feeds["input_ids"][0]
    rows = exact_rows(encoder, TEXTS, length, 7)
    assert rows.shape == (7, length)
    assert rows.dtype == np.int64
    assert set(rows[:, 0]) == {ends[0]}
    assert set(rows[:, -1]) == {ends[-1]}
    known = np.concatenate([encoder.encode(text).feeds["input_ids"][0] for text in TEXTS])
    assert np.isin(rows, known).all()


def test_every_figure_has_a_value_of_each_round(tmp_path):
    from graph_rounds import Turn, run_rounds, write_ids

    file = read(TINY)
    sample = write_ids(tmp_path, TokenEncoder(file.metadata.encoder), TEXTS, (16, 64))
    tasks = (TaskRequest("one_at_a_time", {"seconds": 0.05}),)
    turns = {
        level: Turn("graph_session", level, TINY, tmp_path, sample, tasks)
        for level in ("none", "all*2")
    }
    found = run_rounds(turns, 2, Silent())
    for figures in found.values():
        for name in ("one p50_ms", "by_length 16 p50_ms", "by_length 64 p50_ms", "cold load_ms"):
            assert len(figures[name]) == 2
            assert min(figures[name]) > 0


@pytest.fixture
def halves():
    from graph_judging import Halves

    draw = np.random.default_rng(4)
    truth = draw.random((400, 3)) < 0.3
    half = OperatingPoint("half", (0.5,) * 3)
    decision = DecisionBlock("multilabel", ("a", "b", "c"), "sigmoid", (half,), "half")
    keys = draw.integers(0, 2**63, 400).astype(np.uint64)
    return Halves(decision, truth, keys, np.arange(400) % 2 == 1)


def made_logits(halves, seed):
    draw = np.random.default_rng(seed)
    return (draw.normal(size=halves.truth.shape) + 2 * halves.truth - 1).astype(np.float32)


def test_a_graph_like_its_source_is_alike_in_everything(halves):
    from graph_judging import judged_beside

    exact = made_logits(halves, 5)
    found = judged_beside(exact, exact, halves)
    assert found["cells alike"] == found["texts alike"] == 1.0
    assert found["difference"] == 0.0
    assert found["metric less fp32"] == [[0.0, 0.0, 0.0]] * 2


def test_thresholds_do_not_see_the_texts_that_are_judged(halves):
    exact = made_logits(halves, 6)
    other = np.where(halves.judged[:, None], made_logits(halves, 7), exact)
    assert halves.fitted(exact, "platt_each") == halves.fitted(other, "platt_each")


def test_a_ratio_is_strong_only_where_its_interval_leaves_one_out():
    from graph_cells import ratio

    assert ratio([2.0, 2.1, 2.2, 2.0, 2.1], [1.0] * 5).startswith("**2.10**")
    assert ratio([2.0, 0.4, 2.2, 0.5, 2.1], [1.0] * 5).startswith("2.00 (")
    assert ratio([2.0], [1.0]) == "2.00"


def test_committed_figures_make_the_committed_tables():
    from graph_tables import graph_markdown

    figures = ROOT / "docs" / "figures" / "graph.json"
    assert json.loads(figures.read_text(encoding="utf-8"))["checkpoints"]
    assert graph_markdown(figures) in (ROOT / "docs" / "graph.md").read_text(encoding="utf-8")
