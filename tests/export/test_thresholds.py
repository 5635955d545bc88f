"""Thresholds: given by the user, fitted on labelled texts, and carried in the file."""

import json

import limen
import numpy as np
import pytest
from limen.errors import InputError
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.parts import text_key
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import read
from limen_export import ExportSettings, export
from limen_export.given_thresholds import in_label_order, read_thresholds
from limen_export.settings import LabelledTexts

LABELS = ("joy", "anger", "fear")
GIVEN = (0.25, 0.5, 0.75)


@pytest.fixture
def thresholds_file(tmp_path):
    def write(text):
        file = tmp_path / "thresholds.json"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(dict(zip(LABELS, GIVEN, strict=True))),
        json.dumps(dict(zip(LABELS[::-1], GIVEN[::-1], strict=True))),
        json.dumps(list(GIVEN)),
        "\ufeff" + json.dumps(list(GIVEN)),
    ],
    ids=["map", "map in another order", "list", "byte order mark"],
)
def test_thresholds_file_is_read(thresholds_file, text):
    assert in_label_order(read_thresholds(thresholds_file(text)), LABELS) == GIVEN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"joy": 0.5, "anger": 0.5, "fear": 0.5, "pride": 0.5}', "'pride'"),
        ('{"joy": 0.5, "fear": 0.5}', "missing: anger"),
        ('{"joy": 0.5, "anger": 0.5, "fear": 0.5, "joy": 0.4}', "twice"),
        ("[0.5, 0.5, 1.01]", "1.01 of label 'fear'"),
        ("[-0.01, 0.5, 0.5]", "-0.01 of label 'joy'"),
        ("[0.5, NaN, 0.5]", "nan of label 'anger'"),
        ("[0.5, Infinity, 0.5]", r"outside \[0, 1\]"),
        (f"[0.5, {10**400}, 0.5]", r"outside \[0, 1\]"),
        ("[0.5, 0.5]", "2 thresholds for 3 labels"),
        ("[0.5, 0.5, 0.5, 0.5]", "4 thresholds for 3 labels"),
        ("[0.5, 0.5", "not JSON"),
        ("", "not JSON"),
        ("[]", "expected a JSON map"),
        ("{}", "expected a JSON map"),
        ("0.5", "expected a JSON map"),
        ('["0.5", "0.5", "0.5"]', "expected a JSON map"),
        ("[true, 0.5, 0.5]", "expected a JSON map"),
        ("[[0.5, 0.5, 0.5]]", "expected a JSON map"),
    ],
)
def test_thresholds_that_cannot_be_used_are_refused(thresholds_file, text, reason):
    with pytest.raises(InputError, match=reason):
        in_label_order(read_thresholds(thresholds_file(text)), LABELS)


def test_missing_or_binary_thresholds_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_thresholds(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not JSON"):
        read_thresholds(tmp_path / "binary.json")


@pytest.mark.parametrize(
    "given_thresholds", [GIVEN, dict(zip(LABELS, GIVEN, strict=True))], ids=["list", "map"]
)
def test_given_thresholds_are_the_default_of_the_file(
    tmp_path, traced, texts, easy, given_thresholds
):
    settings = ExportSettings(thresholds=given_thresholds, texts=texts, gate=easy)
    export("bert", tmp_path / "m.onnx", settings)
    decision = read(tmp_path / "m.onnx").metadata.decision
    assert {point.name for point in decision.points} == {"half", "custom"}
    assert decision.default_point == "custom"
    assert decision.point("custom").thresholds == GIVEN
    model = limen.load(tmp_path / "m.onnx")
    scores = model.scores(texts.texts)
    expected = [tuple(np.array(LABELS)[row >= np.array(GIVEN, dtype=np.float32)]) for row in scores]
    assert [prediction.labels for prediction in model.predict(texts.texts)] == expected
    assert any(
        prediction.labels != other.labels
        for prediction, other in zip(
            model.predict(texts.texts), model.at("half").predict(texts.texts), strict=True
        )
    )


def test_given_thresholds_of_a_multiclass_model(tmp_path, untimed, edited, texts):
    folder = edited(problem_type="single_label_classification")
    settings = ExportSettings(precision="fp32", thresholds=(1.0, 1.0, 1.0), texts=texts)
    export(str(folder), tmp_path / "m.onnx", settings)
    decision = read(tmp_path / "m.onnx").metadata.decision
    assert {point.name for point in decision.points} == {"argmax", "custom"}
    assert decision.default_point == "custom"
    model = limen.load(tmp_path / "m.onnx")
    assert model("the day was good").abstained
    assert not model.at("argmax")("the day was good").abstained


def test_without_thresholds_there_is_half_alone(tmp_path, traced, texts, easy):
    export("bert", tmp_path / "m.onnx", ExportSettings(texts=texts, gate=easy))
    decision = read(tmp_path / "m.onnx").metadata.decision
    assert [point.name for point in decision.points] == ["half"]
    assert decision.point("half").thresholds == (0.5, 0.5, 0.5)
    assert decision.default_point == "half"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_fitted_on_what_the_finished_graph_gives(tmp_path, traced, texts, easy, precision):
    """As `limen tune` would on the file: the block, and a record of how well it decides."""
    draw = np.random.default_rng(3)
    source = traced.logits(texts.texts)
    truth = source + draw.normal(0, 2.0, source.shape) > 1.0
    names = tuple(
        tuple(label for label, true in zip(LABELS, row, strict=True) if true) for row in truth
    )
    labelled = LabelledTexts("own labels", texts.texts, names)
    settings = ExportSettings(precision=precision, labelled=labelled, texts=texts, gate=easy)
    report = export("bert", tmp_path / "m.onnx", settings)
    metadata = read(tmp_path / "m.onnx").metadata
    decision = metadata.decision
    assert decision.default_point == "f1"
    assert {point.name for point in decision.points} == {"half", "f1"}
    assert decision.replaced == ()
    keys = np.array([text_key(text) for text in texts.texts], dtype=np.uint64)
    logits = limen.load(tmp_path / "m.onnx").logits(texts.texts)
    data = LabelledLogits(logits, truth, keys)
    wanted = fit_block(data, decision, TuneSettings(), decision.block_name)
    assert decision.block.to_json() == wanted.block.to_json()
    (record,) = metadata.evidence.fits
    assert (record.block, record.texts_name) == (decision.block_name, "own labels")
    assert record.texts == len(texts.texts)
    assert record.support == tuple(truth.sum(axis=0))
    assert [fit.to_json() for fit in report.evidence.fits] == [record.to_json()]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"thresholds": GIVEN}, "give one of them"),
        ({"labels": (("pride",), ("joy",))}, "text 0 has label 'pride'"),
    ],
)
def test_labels_to_fit_on_that_cannot_be_used(tmp_path, traced, texts, settings, reason):
    labels = settings.pop("labels", (("joy",), ()))
    labelled = LabelledTexts("own labels", ("good", "bad"), labels)
    with pytest.raises(InputError, match=reason):
        export(
            "bert", tmp_path / "m.onnx", ExportSettings(labelled=labelled, texts=texts, **settings)
        )
    assert list(tmp_path.iterdir()) == []
