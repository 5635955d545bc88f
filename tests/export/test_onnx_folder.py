"""ONNX folders that other tools wrote."""

import json
import shutil
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from limen.command_line import main
from limen.errors import ExportError
from limen.format import Windows, read
from limen.opening import load, open_model
from limen_export import ExportSettings, export
from limen_export.graph.passes import rewrite
from limen_export.sources import onnx_folder
from limen_export.sources.recognising import SourceWishes, recognise
from onnx import TensorProto, helper

made_here = SimpleNamespace(**run_path(str(Path(__file__).with_name("onnx_folders.py"))))
PORTS, written_by_torch = made_here.PORTS, made_here.written_by_torch
TEXTS = ("the day was good", "", "very bad day!", "오늘 정말 행복", "good " * 200, "[PAD] not very")


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory, checkpoint):
    return written_by_torch(checkpoint("bert"), tmp_path_factory.mktemp("onnx") / "made", PORTS)


@pytest.fixture
def folder(tmp_path, bert_folder):
    """A copy of the tiny BERT's folder, to be changed."""
    return shutil.copytree(bert_folder, tmp_path / "folder")


@pytest.fixture
def changed(folder):
    """Return (change of the graph) -> the folder with the changed graph."""

    def change(body):
        model = onnx.load(folder / "model.onnx")
        body(model.graph)
        onnx.save(model, folder / "model.onnx")
        return folder

    return change


def source_of(folder, **wishes):
    return onnx_folder.read(str(folder), SourceWishes(**wishes))


def as_users_run_it(folder, texts, graph="model.onnx", output="logits"):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    session = onnxruntime.InferenceSession(str(folder / graph))
    kinds = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
    rows = []
    for text in texts:
        given = dict(tokenizer(text, truncation=True, max_length=80))
        given.setdefault("token_type_ids", [0] * len(given["input_ids"]))
        ports = session.get_inputs()
        feeds = {port.name: np.array([given[port.name]], kinds[port.type]) for port in ports}
        rows.append(session.run([output], feeds)[0][0])
    return np.stack(rows)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "mpnet"])
def test_file_gives_what_onnxruntime_gives(family, checkpoint, tmp_path, stamped, families):
    ports = PORTS if family == "bert" else PORTS[:2]
    made = written_by_torch(checkpoint(family), tmp_path / family, ports)
    found = source_of(made)
    assert found.labels == ("joy", "anger", "fear")
    assert (found.rule, found.link, found.precision) == ("multilabel", "sigmoid", "fp32")
    assert found.encoder.max_tokens == families[family].longest
    model = open_model(stamped(found, found.graph))
    logits = model.logits(TEXTS)
    assert np.abs(found.logits(TEXTS) - logits).max() < 1e-4
    # Masks and sizes are out of the way, so that what is made of the graph is as fast as our own.
    assert rewrite(found.graph, found.encoder.max_tokens).fused_attentions == 2
    if family == "bert":
        assert np.abs(as_users_run_it(made, TEXTS) - logits).max() < 1e-4


def test_ladder_quantises_a_float_graph(folder, tmp_path, texts, easy, untimed):
    settings = ExportSettings(precision="int8", texts=texts, gate=easy)
    report = export(str(folder), tmp_path / "made.onnx", settings)
    assert [rung.precision for rung in report.evidence.rungs] == ["int8", "fp32"]
    assert report.evidence.rungs[1].max_logit_difference < 1e-4
    assert report.size_bytes < 0.8 * (folder / "model.onnx").stat().st_size


@pytest.fixture
def quantised(folder):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        folder / "model.onnx", folder / "model_quantized.onnx", weight_type=QuantType.QUInt8
    )
    (folder / "model.onnx").unlink()
    return folder


def test_a_quantised_graph_is_taken_as_it_is(quantised, tmp_path, texts, easy, untimed):
    report = export(str(quantised), tmp_path / "made.onnx", ExportSettings(texts=texts, gate=easy))
    (rung,) = report.evidence.rungs
    assert (report.precision, rung.precision) == ("int8", "int8")
    expected = as_users_run_it(quantised, TEXTS, "model_quantized.onnx")
    logits = load(tmp_path / "made.onnx").logits(TEXTS)
    assert np.sqrt(np.square(logits - expected).mean()) < 0.2
    with pytest.raises(ExportError, match="int8 already"):
        export(str(quantised), tmp_path / "other.onnx", ExportSettings(precision="fp32"))


def test_int32_inputs(folder, stamped):
    model = onnx.load(folder / "model.onnx")
    expected = source_of(folder).logits(TEXTS)
    body = model.graph
    entry = []
    for port in body.input:
        port.type.tensor_type.elem_type = TensorProto.INT32
        entry.append(helper.make_node("Cast", [port.name], [f"{port.name}_64"], to=7))
    for node in body.node:
        for place, name in enumerate(node.input):
            if name in PORTS:
                node.input[place] = f"{name}_64"
    nodes = [*entry, *body.node]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del body.node[:]
    body.node.extend(copies)
    onnx.save(model, folder / "model.onnx")
    found = source_of(folder)
    assert {port.type.tensor_type.elem_type for port in found.graph.graph.input} == {7}
    assert np.array_equal(found.logits(TEXTS), expected)
    logits = open_model(stamped(found, found.graph)).logits(TEXTS)
    assert np.abs(logits - expected).max() < 1e-4


def test_external_data_is_folded_in(folder, stamped):
    expected = source_of(folder).logits(TEXTS)
    model = onnx.load(folder / "model.onnx")
    onnx.save(
        model, folder / "model.onnx", save_as_external_data=True, location="d", size_threshold=0
    )
    found = source_of(folder)
    assert np.array_equal(found.logits(TEXTS), expected)
    logits = open_model(stamped(found, found.graph)).logits(TEXTS)
    assert np.abs(logits - expected).max() < 1e-4


def test_windows(folder, stamped):
    found = source_of(folder, windows=Windows(4), max_tokens=12)
    text = "the day was good and not very bad " * 3
    logits = open_model(stamped(found, found.graph)).logits([text])
    assert np.abs(found.logits([text]) - logits).max() < 1e-4


def test_the_only_output_may_have_any_name(changed, bert_folder):
    def rename(graph):
        graph.node[-1].output[0] = graph.output[0].name = "scores"

    found = source_of(changed(rename))
    assert "scores" in found.notices[-1]
    assert np.array_equal(found.logits(TEXTS), source_of(bert_folder).logits(TEXTS))


def test_logits_before_a_softmax_are_taken(changed, bert_folder, folder, stamped):
    def add_softmax(graph):
        graph.node.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1))
        graph.output[0].name = "probabilities"

    changed(add_softmax)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["problem_type"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = source_of(folder)
    assert (found.rule, found.link) == ("multiclass", "softmax")
    expected = source_of(bert_folder).logits(TEXTS)
    assert np.abs(found.logits(TEXTS) - expected).max() < 1e-5
    logits = open_model(stamped(found, found.graph)).logits(TEXTS)
    assert np.abs(logits - expected).max() < 1e-4


def two_outputs(graph):
    graph.node[-1].output[0] = graph.output[0].name = "first"
    graph.node.append(helper.make_node("Neg", ["first"], ["second"]))
    graph.output.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [None, 3]))


def test_one_of_two_outputs_must_be_named(changed, bert_folder):
    folder = changed(two_outputs)
    with pytest.raises(ExportError, match=r"first, second; .*--output-name"):
        source_of(folder)
    with pytest.raises(ExportError, match="no output 'third'; it has first, second"):
        source_of(folder, output="third")
    expected = source_of(bert_folder).logits(TEXTS)
    assert np.array_equal(source_of(folder, output="second").logits(TEXTS), -expected)


def test_the_command_takes_the_name_of_an_output(changed, tmp_path, capsys):
    folder = changed(two_outputs)
    words = ["export", str(folder), "-o", str(tmp_path / "made.onnx")]
    assert main(words) == 2
    assert "--output-name" in capsys.readouterr().err
    assert main([*words, "--output-name", "third"]) == 2
    assert "it has first, second" in capsys.readouterr().err


def head_of_sklearn(graph, link, numbers=np.float32):
    """Give the tiny BERT the head that skl2onnx makes of a LogisticRegression: labels, and
    probabilities.
    """
    last = graph.node.pop()
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weight, bias = (stored[name].astype(numbers) for name in last.input[1:])
    labels = {"classlabels_ints": [0, 1, 2]}
    given = last.input[0]
    if numbers is np.float64:
        for name, array in (("w", weight.T), ("b", bias), ("labels", np.arange(3))):
            graph.initializer.append(
                onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
            )
        graph.node.extend(
            [
                helper.make_node("Cast", [given], ["wide"], to=TensorProto.DOUBLE),
                helper.make_node("MatMul", ["wide", "w"], ["product"]),
                helper.make_node("Add", ["product", "b"], ["sums"]),
                helper.make_node("ArgMax", ["sums"], ["best"], axis=1),
                helper.make_node(
                    "ArrayFeatureExtractor", ["labels", "best"], ["label"], domain="ai.onnx.ml"
                ),
                helper.make_node("Softmax", ["sums"], ["probabilities"], axis=-1),
            ]
        )
    else:
        labels |= {"coefficients": weight.ravel().tolist(), "intercepts": bias.tolist()}
        labels |= {"multi_class": 1, "post_transform": link}
        parts = [[given], ["label", "raw"]], [["raw"], ["probabilities"]]
        graph.node.extend(
            [
                helper.make_node("LinearClassifier", *parts[0], domain="ai.onnx.ml", **labels),
                helper.make_node("Normalizer", *parts[1], domain="ai.onnx.ml", norm="L1"),
            ]
        )
    wide = TensorProto.DOUBLE if numbers is np.float64 else TensorProto.FLOAT
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, None))
    graph.output.append(helper.make_tensor_value_info("probabilities", wide, None))


@pytest.mark.parametrize(
    ("link", "numbers", "found_link"),
    [
        ("SOFTMAX", np.float32, "softmax"),
        ("SOFTMAX", np.float64, "softmax"),
        ("LOGISTIC", np.float32, "log"),
    ],
)
def test_heads_of_scikit_learn(link, numbers, found_link, folder, stamped, bert_folder):
    model = onnx.load(folder / "model.onnx")
    head_of_sklearn(model.graph, link, numbers)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    onnx.save(model, folder / "model.onnx")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["problem_type"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ExportError, match=r"label, probabilities; .*--output-name"):
        source_of(folder)
    found = source_of(folder, output="probabilities")
    assert (found.rule, found.link) == ("multiclass", found_link)
    scores = open_model(stamped(found, found.graph)).scores(TEXTS)
    assert np.abs(found.logits(TEXTS)).max() > 0.1
    kept = as_users_run_it(folder, TEXTS, output="probabilities")
    assert np.abs(scores - kept).max() < 1e-5


def branching(condition):
    """Return a change that lets the graph ask something, and negate its logits if it is so."""

    def change(graph):
        graph.node[-1].output[0] = "plain"
        graph.initializer.append(helper.make_tensor("few", TensorProto.INT64, [], [4]))
        graph.initializer.append(helper.make_tensor("second", TensorProto.INT64, [], [1]))
        shape = helper.make_tensor_value_info("branch_result", TensorProto.FLOAT, None)
        branches = {
            name: helper.make_graph(
                [helper.make_node(kind, ["plain"], ["branch_result"])], name, [], [shape]
            )
            for name, kind in (("then_branch", "Neg"), ("else_branch", "Identity"))
        }
        graph.node.extend(
            [
                helper.make_node("Shape", ["input_ids"], ["own_sizes"]),
                helper.make_node("Gather", ["own_sizes", "second"], ["count"]),
                helper.make_node(condition, ["count", "few"], ["asked"]),
                helper.make_node("If", ["asked"], ["logits"], **branches),
            ]
        )

    return change


def test_a_branch_that_is_always_taken_is_settled(changed, bert_folder, stamped):
    def never(graph):
        branching("Less")(graph)
        graph.initializer[-2].CopyFrom(helper.make_tensor("few", TensorProto.INT64, [], [0]))

    found = source_of(changed(never))
    expected = source_of(bert_folder).logits(TEXTS)
    assert np.abs(found.logits(TEXTS) - expected).max() < 1e-5
    assert np.abs(open_model(stamped(found, found.graph)).logits(TEXTS) - expected).max() < 1e-4


def test_a_branch_that_depends_on_the_length_is_refused(changed):
    with pytest.raises(ExportError, match=r"ai\.onnx\.If"):
        source_of(changed(branching("Less")))


def test_a_file_for_a_gpu(folder, tmp_path, texts, untimed):
    settings = ExportSettings(device="cuda", precision="fp32", texts=texts)
    report = export(str(folder), tmp_path / "made.onnx", settings)
    assert report.evidence.rungs[0].max_logit_difference < 1e-4
    assert {port.name for port in read(report.path).graph.inputs} == {*PORTS[:2]}


def outside(graph):
    graph.node[-1].output[0] = "before"
    graph.node.append(helper.make_node("Softplus", ["before"], ["logits"]))


def hidden_states(graph):
    graph.node[-1].output[0] = "before"
    graph.node.append(helper.make_node("Unsqueeze", ["before", "axis"], ["logits"]))
    graph.initializer.append(helper.make_tensor("axis", TensorProto.INT64, [1], [1]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, None))


def strange_input(graph):
    port = helper.make_tensor_value_info("pixels", TensorProto.INT64, [None, None])
    graph.input.append(port)


def fewer_rows(graph):
    for table in graph.initializer:
        if "word_embeddings" in table.name:
            rows = onnx.numpy_helper.to_array(table)[:40]
            table.CopyFrom(onnx.numpy_helper.from_array(rows, table.name))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (outside, "ai.onnx.Softplus"),
        (hidden_states, "classification head"),
        (strange_input, "pixels"),
        (fewer_rows, "ids up to 82, the graph 40 embedding rows"),
    ],
)
def test_graphs_that_are_refused(changed, change, says):
    with pytest.raises(ExportError, match=says) as caught:
        source_of(changed(change))
    assert str(caught.value).startswith("folder: ")


def test_labels_that_do_not_fit_the_graph(folder):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["id2label"] = {"0": "joy", "1": "anger"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ExportError, match="2 labels for 3 outputs"):
        source_of(folder)


def test_more_than_one_file_holds(folder):
    model = onnx.load(folder / "model.onnx")
    onnx.save(
        model, folder / "model.onnx", save_as_external_data=True, location="d", size_threshold=0
    )
    with (folder / "d").open("r+b") as data:
        data.truncate(2**31)
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    del model.graph.initializer[0].external_data[1:]
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(ExportError, match=r"2\.1 GB of graph and weights"):
        source_of(folder)


@pytest.mark.parametrize("place", ["../weights", "/etc/passwd", "", "missing", "a/../../b"])
def test_external_data_outside_the_folder(changed, place):
    def lie(graph):
        tensor = graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)

    with pytest.raises(ExportError, match="external data"):
        source_of(changed(lie))


def test_files_that_are_no_graph(folder, tmp_path, bert_folder, texts, untimed):
    (folder / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ExportError, match="not an ONNX file"):
        source_of(folder)
    export(str(bert_folder), folder / "model.onnx", ExportSettings(precision="fp32", texts=texts))
    with pytest.raises(ExportError, match="classifier file already"):
        source_of(folder)


def test_what_is_recognised(folder, tmp_path, checkpoint):
    assert recognise(str(folder)).kind == "onnx"
    assert "model.onnx" in recognise(str(folder)).what
    assert recognise(str(folder / "model.onnx")).kind == "onnx"
    hub = tmp_path / "hub"
    hub.mkdir()
    for file in folder.glob("*.json"):
        shutil.copy(file, hub)
    shutil.copytree(folder, hub / "onnx", ignore=shutil.ignore_patterns("*.json"))
    assert recognise(str(hub)).kind == "onnx"
    assert recognise(str(hub / "onnx" / "model.onnx")).kind == "onnx"
    assert source_of(hub).name == "hub"
    # Of a model's own weights the exporter makes a faster graph.
    shutil.copy(checkpoint("bert") / "model.safetensors", hub)
    assert recognise(str(hub)).kind == "checkpoint"
    assert recognise(str(hub), "onnx").kind == "onnx"


def test_several_graphs_of_other_names(folder):
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(folder / "model.onnx", folder / name)
    assert recognise(str(folder)).kind == "onnx"
    (folder / "model.onnx").unlink()
    with pytest.raises(ExportError, match=r"a\.onnx, b\.onnx; name the file"):
        recognise(str(folder))
    assert source_of(folder / "a.onnx").name == "folder/a.onnx"


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_parts_that_are_missing(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(ExportError, match=missing.replace(".", r"\.")):
        source_of(folder)
