"""Thresholds: given by the user, fitted on labelled texts, and carried in the file."""

import json

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.thresholds import fit_f1
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


def f1(truth, decided):
    hits = int((truth & decided).sum())
    return 2 * hits / max(int(truth.sum()) + int(decided.sum()), 1)


def best_f1(scores, truth):
    """Try every threshold that makes a difference."""
    return max(f1(truth, scores >= threshold) for threshold in np.unique(scores))


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
def test_given_thresholds_are_the_default_of_the_file(tmp_path, traced, texts, given_thresholds):
    settings = ExportSettings(thresholds=given_thresholds, texts=texts)
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


def test_without_thresholds_there_is_half_alone(tmp_path, traced, texts):
    export("bert", tmp_path / "m.onnx", ExportSettings(texts=texts))
    decision = read(tmp_path / "m.onnx").metadata.decision
    assert [point.name for point in decision.points] == ["half"]
    assert decision.point("half").thresholds == (0.5, 0.5, 0.5)
    assert decision.default_point == "half"


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_fitted_thresholds_are_the_best_there_are(tmp_path, traced, texts, precision):
    draw = np.random.default_rng(3)
    source = traced.logits(texts.texts)
    truth = source + draw.normal(0, 2.0, source.shape) > 1.0
    names = tuple(
        tuple(label for label, true in zip(LABELS, row, strict=True) if true) for row in truth
    )
    labelled = LabelledTexts("own labels", texts.texts, names)
    settings = ExportSettings(precision=precision, fit_on=labelled, texts=texts)
    report = export("bert", tmp_path / "m.onnx", settings)
    metadata = read(tmp_path / "m.onnx").metadata
    assert metadata.decision.default_point == "f1"
    assert {point.name for point in metadata.decision.points} == {"half", "f1"}
    fitted_on = f"own labels, {len(texts.texts)} texts"
    assert metadata.evidence.fitted_on == report.evidence.fitted_on == fitted_on
    model = limen.load(tmp_path / "m.onnx")
    scores = model.scores(texts.texts)
    for column, label in enumerate(LABELS):
        decided = np.array([label in found.labels for found in model.predict(texts.texts)])
        best = best_f1(scores[:, column], truth[:, column])
        assert f1(truth[:, column], decided) == pytest.approx(best)


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
            "bert", tmp_path / "m.onnx", ExportSettings(fit_on=labelled, texts=texts, **settings)
        )
    assert list(tmp_path.iterdir()) == []


@examples(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=40))
def test_fit_is_as_good_as_brute_force(rows):
    scores = np.array([[score] for score, _ in rows], dtype=np.float32)
    truth = np.array([[true] for _, true in rows])
    (threshold,) = fit_f1(scores, truth)
    assert 0.0 <= threshold <= 1.0
    if not truth.any():
        assert threshold == 0.5
        return
    decided = scores >= np.float32(threshold)
    assert f1(truth, decided) == pytest.approx(best_f1(scores, truth))


def test_threshold_lies_between_two_scores():
    scores = np.array([[0.1], [0.2], [0.6], [0.8]], dtype=np.float32)
    (threshold,) = fit_f1(scores, np.array([[False], [False], [True], [True]]))
    assert threshold == pytest.approx(0.4)


def test_threshold_between_neighbouring_floats_keeps_them_apart():
    """A decision compares in float32, where nothing lies between two neighbours."""
    for low in (0.5, 0.25, 0.9999999, 0.30000001):
        lower = np.float32(low)
        upper = np.nextafter(lower, np.float32(1))
        scores = np.array([[lower], [upper]], dtype=np.float32)
        (threshold,) = fit_f1(scores, np.array([[False], [True]]))
        assert (scores >= np.float32(threshold)).ravel().tolist() == [False, True]
