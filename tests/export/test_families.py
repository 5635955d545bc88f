"""Every architecture: the graph computes what transformers computes, in both precisions."""

import tempfile
from dataclasses import replace

import limen
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from limen.format.operators import ALLOWED
from limen.model import open_model
from limen_export import ExportSettings, export
from limen_export.graph.quantize import to_int8
from limen_export.settings import NamedTexts
from transformers import AutoModelForSequenceClassification, AutoTokenizer

NAMES = (
    "bert",
    "roberta",
    "xlm-roberta",
    "electra",
    "distilbert",
    "mpnet",
    "albert",
    "deberta-v2",
    "modernbert",
)
# DeBERTa and ModernBERT of transformers 4.57 still use TorchScript decorators.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
OFFSET_NAMES = ("roberta", "xlm-roberta", "mpnet")
PARITY = 1e-4


@pytest.fixture(scope="module", params=NAMES)
def family(request, reference, checkpoint):
    """One family: its name, its Reference and its model, loaded by transformers itself."""
    folder = str(checkpoint(request.param))
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return request.param, reference(request.param), model


@pytest.fixture(scope="module")
def int8(family):
    return to_int8(family[1].graph)


def session(graph):
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def random_ids(model, batch, length):
    """Ids of ordinary pieces: the first five are special, padding among them."""
    generator = np.random.default_rng(length * 10 + batch)
    return generator.integers(5, model.config.vocab_size, (batch, length), dtype=np.int64)


def test_all_families_are_listed(families):
    assert sorted(NAMES) == sorted(families)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 7, 64, None], ids=lambda n: "longest" if n is None else n)
def test_graph_gives_the_logits_of_transformers(family, batch, length):
    _, reference, model = family
    ids = random_ids(model, batch, length or reference.encoder.max_tokens)
    with torch.inference_mode():
        expected = model(
            input_ids=torch.from_numpy(ids), attention_mask=torch.ones(ids.shape, dtype=torch.int64)
        ).logits.numpy()
    found = session(reference.graph).run(["logits"], {"input_ids": ids})[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=PARITY)


def test_logits_are_large_enough_for_parity_to_mean_something(family):
    _, reference, model = family
    graph = session(reference.graph)
    rows = graph.run(["logits"], {"input_ids": random_ids(model, 16, 24)})[0]
    assert np.abs(rows).max() > 3.0
    assert (np.ptp(rows, axis=0) > 3.0).all()


def test_order_of_the_tokens_matters(family):
    """A graph that lost its positions would still agree with itself."""
    _, reference, model = family
    ids = random_ids(model, 1, 12)
    graph = session(reference.graph)
    straight, turned = (
        graph.run(["logits"], {"input_ids": row})[0] for row in (ids, ids[:, ::-1].copy())
    )
    assert np.abs(straight - turned).max() > 100 * PARITY


def test_longest_input_is_what_the_positions_allow(family, families):
    name, reference, _ = family
    assert reference.encoder.max_tokens == families[name].longest


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_graph_takes_ids_alone_and_gives_logits(family, int8, precision):
    graph = (family[1].graph if precision == "fp32" else int8).graph
    assert [port.name for port in graph.input] == ["input_ids"]
    assert [port.name for port in graph.output] == ["logits"]
    dimensions = graph.input[0].type.tensor_type.shape.dim
    assert all(dimension.dim_param for dimension in dimensions)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_operators_are_allowed_in_a_classifier_file(family, int8, precision):
    graph = (family[1].graph if precision == "fp32" else int8).graph
    refused = {
        f"{node.domain}.{node.op_type}"
        for node in graph.node
        if node.op_type not in ALLOWED.get(node.domain, ())
    }
    assert refused == set()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_graph_tells_nothing_of_this_machine(family, int8, precision, checkpoint):
    data = (family[1].graph if precision == "fp32" else int8).SerializeToString()
    folder = str(checkpoint(family[0]).parent)
    for path in (folder, tempfile.gettempdir() + "/", "/site-packages/", "limen_export", ".py"):
        assert path.encode() not in data, path


def test_file_of_either_precision_opens_and_decides(family, int8, stamped, texts):
    _, reference, _ = family
    expected = reference.logits(texts.texts)
    fp32 = open_model(stamped(reference, reference.graph)).logits(texts.texts)
    np.testing.assert_allclose(fp32, expected, rtol=0, atol=PARITY)
    quantised = open_model(stamped(reference, int8, "int8")).logits(texts.texts)
    assert np.isfinite(quantised).all()
    assert 0 < np.abs(quantised - expected).max() < 2.5


def test_int8_leaves_no_weight_matrix_of_the_body_in_float(family, int8):
    weights = {item.name for item in int8.graph.initializer if len(item.dims) == 2}
    left = {
        node.name
        for node in int8.graph.node
        # ModernBERT of transformers 4 multiplies a constant, its frequencies, from the left.
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in weights
    }
    head = {f"{node.name}_MatMul" for node in family[1].graph.graph.node if node.op_type == "Gemm"}
    assert left == head
    assert 1 <= len(head) <= 2
    assert sum(node.op_type == "MatMulInteger" for node in int8.graph.node) >= 12


def test_quantising_leaves_the_given_graph_alone(family):
    graph = family[1].graph
    before = graph.SerializeToString()
    to_int8(graph)
    assert graph.SerializeToString() == before
    onnx.checker.check_model(graph)


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
    monkeypatch.setattr("limen_export.pipeline.read_checkpoint", lambda *_: known)
    texts = NamedTexts("own", ("the <pad> day was <pad><pad> good", "a good day"))
    export("roberta", tmp_path / "m.onnx", ExportSettings(precision="fp32", texts=texts))
    assert limen.load(tmp_path / "m.onnx").logits(texts.texts).shape == (2, 3)


@pytest.mark.parametrize(("name", "precision"), [("roberta", "fp32"), ("modernbert", "int8")])
def test_whole_export(name, precision, checkpoint, tmp_path, texts, families):
    output = tmp_path / "model.onnx"
    settings = ExportSettings(precision=precision, texts=texts)
    report = export(str(checkpoint(name)), output, settings)
    assert report.precision == precision
    assert [rung.precision for rung in report.evidence.rungs] == ["fp32", "int8"]
    assert all(rung.p50_ms > 0 for rung in report.evidence.rungs)
    assert report.evidence.rungs[0].max_logit_difference < PARITY
    assert report.evidence.rungs[0].cells_alike == 1.0
    assert report.size_bytes == output.stat().st_size
    model = limen.load(output)
    assert model.labels == ("joy", "anger", "fear")
    assert model("the day was good").truncated is False
    assert model("good " * (families[name].longest + 1)).truncated is True


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
