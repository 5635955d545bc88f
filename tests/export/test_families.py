"""Every architecture: the graph computes what transformers computes, after every pass, and each
pass finds in it what it found before.
"""

import tempfile
from collections import Counter
from dataclasses import replace
from functools import cache

import limen
import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
import transformers
from limen.engine import open_session, session_options
from limen.format.operators import ALLOWED
from limen.opening import open_model
from limen_export import ExportSettings, export
from limen_export.graph.int8_matrices import int8_matrices, matrix_names
from limen_export.graph.int8_rows import int8_rows
from limen_export.graph.offline import optimise_offline
from limen_export.graph.passes import PASSES, rewrite
from limen_export.settings import NamedTexts
from limen_export.sources.checkpoint import read_checkpoint
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# DeBERTa and ModernBERT of transformers 4.57 still use TorchScript decorators.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
OFFSET_NAMES = ("roberta", "xlm-roberta", "mpnet")
LONGEST = 512
PARITY = 1e-4
SHAPES = ((1, 1), (3, 1), (1, 2), (3, 2), (1, 7), (3, 7), (1, 64), (3, 64), (1, 512), (3, 512))
FEW_SHAPES = ((1, 1), (3, 7), (2, 64), (1, 512))

# What each pass replaced in the tiny model of each family (two layers; ModernBERT three, of which
# the middle one has a window), and what came of it. A number that falls after an upgrade of torch
# or transformers is a rewrite that no longer finds its nodes: a slower graph, or a larger one.
# "attention" counts MultiHeadAttention nodes, "int8_products" the DynamicQuantizeMatMul nodes and
# "int8_nodes" all nodes of the int8 graph as it is written to a file.
COUNTS_5 = """
                     bert roberta xlm-roberta electra distilbert mpnet albert deberta-v2 modernbert
share_equal_weights     0       0           0       0          0     0      2          0          0
name_matrices          12      12          12      13         12    12      7         12          0
fold_constants          0       0           0       0          0     0      0         26          0
drop_idle_masks         0       0           0       0          0     2      0          0          0
fuse_eager_attention    0       0           0       0          0     2      0          0          0
drop_needless_reshapes  18      18          18      18         18     0     18          0          6
keep_first_token       14      14          14      14         14    11     21         11         11
merge_projections       5       5           5       5          5     6      5          6          0
fold_positions          1       1           1       1          1     1      1          0          0
fold_token_types        1       1           1       1          0     0      1          0          0
add_rows_once           1       1           1       1          0     0      1          0          0
drop_unused_inputs      0       0           0       0          0     0      0          0          0
attention               2       2           2       2          2     2      2          0          2
int8_products           9       9           9      10          9     8     10          8         12
int8_nodes             36      36          36      37         36    65     37        146        160
"""
COUNTS_4 = """
                     bert roberta xlm-roberta electra distilbert mpnet albert deberta-v2 modernbert
share_equal_weights     0       0           0       0          0     0      2          0          0
name_matrices          12      12          12      13         12    12      7         12          0
fold_constants          0       0           0       0          0     0      0         26          0
drop_idle_masks         0       0           0       0          0     0      0          0          0
fuse_eager_attention    0       0           0       0          0     0      0          0          0
drop_needless_reshapes  16      16          16       0         16     0     16          0          4
keep_first_token       14      14          14      11         14    11     21         11         11
merge_projections       5       5           5       6          5     6      5          6          0
fold_positions          1       1           1       1          1     1      1          0          0
fold_token_types        1       1           1       1          0     0      1          0          0
add_rows_once           1       1           1       1          0     0      1          0          0
drop_unused_inputs      0       0           0       0          0     0      0          0          0
attention               2       2           2       0          2     0      2          0          2
int8_products           9       9           9       9          9     8     10          8         12
int8_nodes             36      36          36      67         36    96     37        146        170
"""
COUNTS = {"5": COUNTS_5, "4": COUNTS_4}
TRANSFORMERS = transformers.__version__.split(".")[0]


def table_of_counts():
    """The table of the transformers that is installed: family -> name -> count."""
    head, *rows = COUNTS[TRANSFORMERS].strip().splitlines()
    names = head.split()
    found = {name: {} for name in names}
    for row in rows:
        what, *numbers = row.split()
        for name, number in zip(names, numbers, strict=True):
            found[name][what] = int(number)
    return found


EXPECTED = table_of_counts()
NAMES = tuple(EXPECTED)


@pytest.fixture(scope="module")
def checkpoint(make_checkpoint, tmp_path_factory):
    """Return family name -> a checkpoint for 512 tokens, biases and norms unlike each other: zeros
    and ones, as a model starts, would hide a bias that went to another matrix.
    """

    def make(family):
        folder = tmp_path_factory.mktemp("checkpoint") / family
        positions = LONGEST + 2 * (family in OFFSET_NAMES)
        make_checkpoint(folder, family, max_position_embeddings=positions)
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(torch.randn(parameter.shape, generator=generator) / 5)
        model.save_pretrained(folder)
        return folder

    return cache(make)


@pytest.fixture(scope="module")
def reference(checkpoint):
    """Return family name -> its Reference, traced once."""
    return cache(lambda family: read_checkpoint(str(checkpoint(family)), None, None))


class Built:
    """One family: its Reference, the model as transformers loads it, and the graphs made of it."""

    def __init__(self, name, reference, folder):
        self.name = name
        self.reference = reference
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.traced_bytes = reference.graph.SerializeToString(deterministic=True)
        self.rewritten = rewrite(reference.graph, LONGEST)
        quantised = int8_rows(int8_matrices(self.rewritten.model).graph).graph
        self.graphs = {
            "fp32": optimise_offline(ir.to_proto(self.rewritten.model)),
            "int8": optimise_offline(ir.to_proto(quantised)),
        }
        self.expected = cache(self._expected)

    def ids(self, batch, length):
        """Ids of ordinary pieces: the first five are special, padding among them."""
        generator = np.random.default_rng(length * 10 + batch)
        shape = (batch, length)
        return generator.integers(5, self.model.config.vocab_size, shape, dtype=np.int64)

    def _expected(self, batch, length):
        ids = torch.from_numpy(self.ids(batch, length))
        with torch.inference_mode():
            return self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.numpy()

    def assert_parity(self, graph, shapes, what):
        opened = session(graph)
        for shape in shapes:
            found = opened.run(["logits"], {"input_ids": self.ids(*shape)})[0]
            assert found.dtype == np.float32
            np.testing.assert_allclose(
                found, self.expected(*shape), rtol=0, atol=PARITY, err_msg=f"{what}, {shape}"
            )


@pytest.fixture(scope="module", params=NAMES)
def family(request, reference, checkpoint):
    return Built(request.param, reference(request.param), str(checkpoint(request.param)))


def session(graph):
    """Opened as files are: every node as it stands."""
    return open_session(graph.SerializeToString(), session_options("none"))


def operators(graph):
    return Counter(node.op_type for node in graph.graph.node)


def test_all_families_are_listed(families):
    assert sorted(NAMES) == sorted(families)


def test_every_pass_rewrites_as_many_nodes_as_ever(family):
    found = {result.name: result.nodes for result in family.rewritten.results}
    int8 = operators(family.graphs["int8"])
    found["attention"] = family.rewritten.fused_attentions
    found["int8_products"] = int8["DynamicQuantizeMatMul"]
    found["int8_nodes"] = sum(int8.values())
    assert found == EXPECTED[family.name]


def test_offline_optimisation_undoes_no_rewrite(family):
    for graph in family.graphs.values():
        found = operators(graph)
        assert found["MultiHeadAttention"] == EXPECTED[family.name]["attention"]
        assert not {name for name in found if name.startswith(("Skip", "EmbedLayer"))}
        again = operators(optimise_offline(graph))
        if TRANSFORMERS == "4":
            # ModernBERT has transpositions that onnxruntime drops only when asked a second time.
            del again["Transpose"], found["Transpose"]
        assert again == found


def test_user_is_told_where_attention_is_not_fused(family):
    unfused = EXPECTED[family.name]["attention"] == 0
    assert ["attention is not fused" in notice for notice in family.rewritten.notices] == (
        [True] if unfused else []
    )


def test_no_pass_is_left_out(family):
    assert all(result.kept for result in family.rewritten.results)
    assert [result.name for result in family.rewritten.results] == [p.__name__ for p in PASSES]


def test_traced_graph_is_left_as_it_is(family):
    """It is what every rung starts from."""
    graph = family.reference.graph
    assert graph.SerializeToString(deterministic=True) == family.traced_bytes
    onnx.checker.check_model(graph)


def test_graph_gives_the_logits_of_transformers(family):
    family.assert_parity(family.graphs["fp32"], SHAPES, "as in the file")


def test_every_pass_gives_the_logits_of_transformers(family):
    model = ir.from_proto(family.reference.graph)
    family.assert_parity(family.reference.graph, FEW_SHAPES, "traced")
    for apply in PASSES:
        rewritten = apply(model)
        model = rewritten.graph
        if rewritten.nodes:
            family.assert_parity(ir.to_proto(model), FEW_SHAPES, apply.__name__)


def test_matrices_are_named_after_their_layers(family):
    """The table of precisions names them; only those without a bias keep numbers."""
    names = matrix_names(family.rewritten.model)
    numbered = [name for name in names if name.startswith("val_")]
    assert len(numbered) == (len(names) if family.name == "modernbert" else 0)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_no_matrix_is_stored_twice(family, precision):
    """ALBERT has one layer's weights, which the tracer writes down for every layer."""
    weights = [
        item
        for item in family.graphs[precision].graph.initializer
        if len(item.dims) > 1 and np.prod(item.dims) >= 32 * 32
    ]
    assert len({(tuple(item.dims), item.raw_data) for item in weights}) == len(weights)


def test_logits_are_large_enough_for_parity_to_mean_something(family):
    rows = family.expected(16, 24)
    assert np.abs(rows).max() > 3.0
    assert (np.ptp(rows, axis=0) > 2.0).all()


def test_order_of_the_tokens_matters(family):
    """A graph that lost its positions would still agree with itself."""
    ids = family.ids(1, 12)
    graph = session(family.graphs["fp32"])
    straight, turned = (
        graph.run(["logits"], {"input_ids": row})[0] for row in (ids, ids[:, ::-1].copy())
    )
    assert np.abs(straight - turned).max() > 100 * PARITY


def test_longest_input_is_what_the_positions_allow(family):
    assert family.reference.encoder.max_tokens == LONGEST


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_no_product_is_fused_with_an_activation(family, precision):
    """OpenVINO's provider would leave the activation out."""
    assert "FusedGemm" not in {node.op_type for node in family.graphs[precision].graph.node}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_graph_takes_ids_alone_and_gives_logits(family, precision):
    graph = family.graphs[precision].graph
    assert [port.name for port in graph.input] == ["input_ids"]
    assert [port.name for port in graph.output] == ["logits"]
    dimensions = graph.input[0].type.tensor_type.shape.dim
    assert all(dimension.dim_param for dimension in dimensions)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_operators_are_allowed_in_a_classifier_file(family, precision):
    refused = {
        f"{node.domain}.{node.op_type}"
        for node in family.graphs[precision].graph.node
        if node.op_type not in ALLOWED.get(node.domain, ())
    }
    assert refused == set()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_graph_tells_nothing_of_this_machine(family, precision, checkpoint):
    data = family.graphs[precision].SerializeToString()
    folder = str(checkpoint(family.name).parent)
    for path in (folder, tempfile.gettempdir() + "/", "/site-packages/", "limen_export", ".py"):
        assert path.encode() not in data, path


def test_file_of_either_precision_opens_and_decides(family, stamped, texts):
    reference = family.reference
    expected = reference.logits(texts.texts)
    fp32 = open_model(stamped(reference, family.graphs["fp32"])).logits(texts.texts)
    np.testing.assert_allclose(fp32, expected, rtol=0, atol=PARITY)
    quantised = open_model(stamped(reference, family.graphs["int8"], "int8")).logits(texts.texts)
    assert np.isfinite(quantised).all()
    assert 0 < np.abs(quantised - expected).max() < 2.5


def test_int8_leaves_no_weight_matrix_of_the_body_in_float(family):
    """The head's one or two remain, on one row of a text."""
    int8 = family.graphs["int8"]
    weights = {item.name for item in int8.graph.initializer if len(item.dims) == 2}
    left = [
        node.op_type
        for node in int8.graph.node
        # ModernBERT of transformers 4 multiplies a constant, its frequencies, from the left.
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights
    ]
    assert set(left) == {"Gemm"}
    assert 1 <= len(left) <= 2
    rows = {item.name for item in int8.graph.initializer if item.data_type == onnx.TensorProto.INT8}
    assert any(node.op_type == "Gather" and node.input[0] in rows for node in int8.graph.node)


@pytest.mark.parametrize("name", OFFSET_NAMES)
def test_padding_spelt_in_a_text_counts_as_a_position(name, reference, checkpoint, stamped):
    folder = str(checkpoint(name))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "the <pad> day was <pad><pad> good"
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    padding = tokenizer.pad_token_id
    assert (ids == padding).sum() == 3
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    positions = torch.arange(padding + 1, padding + 1 + ids.shape[1]).unsqueeze(0)
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        counted = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits.numpy()
        skipped = model(input_ids=ids, attention_mask=mask).logits.numpy()
    assert np.abs(counted - skipped).max() > 100 * PARITY
    found = open_model(stamped(reference(name), reference(name).graph)).logits([text])
    np.testing.assert_allclose(found, counted, rtol=0, atol=PARITY)


def test_texts_that_spell_padding_do_not_make_an_export_fail(
    tmp_path, monkeypatch, untimed, reference
):
    known = reference("roberta")
    monkeypatch.setattr("limen_export.sources.checkpoint.read_checkpoint", lambda *_: known)
    texts = NamedTexts("own", ("the <pad> day was <pad><pad> good", "a good day"))
    export("roberta", tmp_path / "m.onnx", ExportSettings(precision="fp32", texts=texts))
    assert limen.load(tmp_path / "m.onnx").logits(texts.texts).shape == (2, 3)


def test_whole_export_from_the_checkpoint(checkpoint, tmp_path, texts, easy):
    output = tmp_path / "model.onnx"
    report = export(str(checkpoint("roberta")), output, ExportSettings(texts=texts, gate=easy))
    assert report.precision == "int8"  # the first rung, chosen because it passes
    assert [rung.precision for rung in report.evidence.rungs] == ["int8", "fp32"]
    assert report.evidence.chosen == 0
    assert all(rung.p50_ms > 0 for rung in report.evidence.rungs)
    assert report.size_bytes == output.stat().st_size
    model = limen.load(output)
    assert model.labels == ("joy", "anger", "fear")
    assert model("the day was good").truncated is False
    assert model("good " * (LONGEST + 1)).truncated is True


@pytest.mark.parametrize(
    ("name", "precision", "tried"),
    [
        ("modernbert", "int8", ["int8", "fp32"]),
        ("distilbert", "fp32", ["fp32"]),
        ("mpnet", "int8-static", ["int8-static", "fp32"]),
        ("albert", "int8", ["int8", "fp32"]),  # whose layers share their weights
    ],
)
def test_whole_export_of_one_precision(
    name, precision, tried, reference, tmp_path, texts, easy, untimed, monkeypatch
):
    """The rung that was asked for, then fp32, which every export makes and checks."""
    known = reference(name)
    monkeypatch.setattr("limen_export.sources.checkpoint.read_checkpoint", lambda *_: known)
    settings = ExportSettings(precision=precision, texts=texts, gate=easy)
    report = export(name, tmp_path / "model.onnx", settings)
    assert report.precision == precision
    assert [rung.precision for rung in report.evidence.rungs] == tried
    assert report.evidence.rungs[-1].max_logit_difference < PARITY
    assert report.evidence.rungs[-1].cells_alike == 1.0
    assert limen.load(tmp_path / "model.onnx")("the day was good").truncated is False


def test_parity_would_notice_a_wrong_graph(reference):
    """The yardstick itself: a graph with one changed weight is outside the tolerance."""
    known = reference("bert")
    changed = onnx.ModelProto()
    changed.CopyFrom(known.graph)
    table = max(changed.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = onnx.numpy_helper.to_array(table).copy()
    values += 0.01 * np.sign(values)
    table.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), table.name))
    ids = np.arange(5, 30, dtype=np.int64)[None]
    before, after = (
        session(graph).run(["logits"], {"input_ids": ids})[0]
        for graph in (known.graph, replace(known, graph=changed).graph)
    )
    assert np.abs(before - after).max() > PARITY
