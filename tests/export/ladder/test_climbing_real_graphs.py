"""The ladder on real graphs: the first rung that decides like the source is the file."""

import json

import limen
import numpy as np
import pytest
from limen.corpus import sentences
from limen.errors import ExportError
from limen.evaluation.gate_settings import GateSettings
from limen.format import read
from limen_export.settings import LabelledTexts

OLD = b"an older file"


@pytest.fixture
def older(tmp_path):
    """A file that stands where the export goes."""
    (tmp_path / "m.onnx").write_bytes(OLD)
    return tmp_path / "m.onnx"


@pytest.fixture(scope="module")
def by_language():
    """Labelled texts whose labels mostly follow the language, as the classifiers say."""
    draw = np.random.default_rng(7)
    texts, labels = [], []
    pairs = zip(sentences("en", "dev"), sentences("ko", "dev"), strict=True)
    for pair in pairs:
        for sentence, label in zip(pair, ("joy", "anger"), strict=True):
            texts.append(sentence.text)
            other = "fear" if draw.random() < 0.1 else label
            labels.append((other,))
    return LabelledTexts("by language", tuple(texts), tuple(labels))


def tried(report):
    return [rung.precision for rung in report.evidence.rungs]


def test_int8_that_keeps_its_decisions_is_taken_at_once(exported, languages, tmp_path):
    report = exported()
    assert (report.precision, tried(report)) == ("int8", ["int8", "fp32"])
    assert report.all_notices == ()
    assert report.evidence.why == "int8 is the first rung that passes"
    model = limen.load(tmp_path / "m.onnx")
    for language, label in (("en", "joy"), ("ko", "anger")):
        texts = [sentence.text for sentence in sentences(language, "test")]
        assert {found.labels for found in model.predict(texts)} == {(label,)}


@pytest.mark.parametrize(
    ("spoilt", "order"),
    [
        (("rows",), ["int8", "int8-float-rows", "fp32"]),
        (("matrix",), ["int8", "int8-float-rows", "int8-mixed", "fp32"]),
        (("rows", "matrix"), ["int8", "int8-float-rows", "int8-mixed", "fp32"]),
    ],
)
def test_what_int8_spoils_is_left_in_float(exported, languages, tmp_path, spoilt, order):
    report = exported(*spoilt)
    chosen = "fp32" if len(spoilt) == 2 else order[-2]
    assert (report.precision, tried(report)) == (chosen, order)
    verdicts = [rung.judgement.verdict for rung in report.evidence.rungs]
    assert verdicts == ["passed" if one in (chosen, "fp32") else "failed" for one in order]
    file = read(tmp_path / "m.onnx")
    assert file.metadata.execution.precision == chosen
    assert file.metadata.evidence == report.evidence
    texts = [sentence.text for sentence in sentences("en", "dev")]
    source = languages(*spoilt).logits(texts)
    np.testing.assert_array_equal(limen.load(tmp_path / "m.onnx").logits(texts) > 0, source > 0)


def test_falling_to_a_slower_rung_is_said_everywhere(exported, tmp_path):
    report = exported("rows")
    (notice,) = report.all_notices
    assert notice.startswith("int8 failed the gate, so the file is int8-float-rows")
    assert f"note: {notice}" in report.to_text().splitlines()
    assert json.loads(json.dumps(report.to_json()))["notices"] == [notice]
    stored = read(tmp_path / "m.onnx").metadata.evidence
    assert stored.why == report.evidence.why
    assert stored.why.startswith("int8 failed: only ")
    assert "why: int8 failed: only " in report.to_text()


def test_only_the_matrix_that_int8_spoils_is_left_in_float(exported, languages):
    report = exported("matrix")
    mixed = report.evidence.chosen_rung
    assert len(mixed.kept_in_float) == 1
    assert mixed.detail == "1 of 9 matrices in float"
    exact = report.evidence.rungs[-1]
    assert report.evidence.rungs[0].size_bytes < mixed.size_bytes < exact.size_bytes


@pytest.mark.parametrize("precision", ["fp32", "int8-float-rows", "int8-mixed", "int8-static"])
def test_a_named_rung_is_not_searched_for_but_judged(exported, tmp_path, precision):
    report = exported(precision=precision)
    assert report.precision == precision
    assert set(tried(report)) == {precision, "fp32"}
    assert report.evidence.why == f"{report.evidence.why.split(' was')[0]} was asked for: passed"
    assert read(tmp_path / "m.onnx").metadata.execution.precision == precision


@pytest.mark.parametrize("precision", ["int8", "int8-mixed", "int8-static"])
def test_a_named_rung_that_decides_otherwise_is_refused(exported, older, precision):
    with pytest.raises(ExportError) as caught:
        exported("rows", precision=precision)
    message = str(caught.value)
    assert f"{precision} does not pass the quality gate (only " in message
    assert "nothing was written: use --precision auto or fp32" in message
    assert older.read_bytes() == OLD


def test_an_undecided_rung_is_taken_with_a_notice_unless_strict(exported, by_language):
    loose = GateSettings(max_drop=1.0, min_agreement=0.0)
    report = exported("matrix", labelled=by_language, gate=loose)
    quality = report.evidence.chosen_rung.judgement.quality
    assert report.precision == "int8"
    assert 0 < quality.drop < quality.drop_high
    between = (quality.drop + quality.drop_high) / 2
    report = exported("matrix", labelled=by_language, gate=GateSettings(between, 0.0))
    assert report.precision == "int8"
    assert report.all_notices[-1].startswith("int8 is undecided: ")
    report = exported("matrix", labelled=by_language, gate=GateSettings(between, 0.0, strict=True))
    assert report.precision != "int8"
    assert "strict wants its upper end inside" in report.evidence.rungs[0].judgement.why


def test_labelled_texts_judge_rungs_and_fit_the_file(exported, by_language, tmp_path):
    report = exported(labelled=by_language)
    evidence = read(tmp_path / "m.onnx").metadata.evidence
    assert evidence.to_json() == report.evidence.to_json()
    assert (evidence.gate.labelled, evidence.gate.fitted) == (True, True)
    assert all(rung.judgement.quality.metric == "macro_f1" for rung in evidence.rungs)
    (fit,) = evidence.fits
    assert (fit.texts_name, fit.texts) == ("by language", len(by_language.texts))
    assert read(tmp_path / "m.onnx").metadata.decision.default_point == "f1"


def test_too_few_texts_for_what_is_asked_end_in_fp32_and_say_so(exported):
    report = exported(gate=GateSettings(min_agreement=0.9999))
    assert report.precision == "fp32"
    assert "500 texts are too few to show 99.99%" in report.evidence.why


def test_a_trimmed_vocabulary_that_decides_otherwise_leaves_no_file(exported, older):
    """Not even fp32 may be written: texts of other pieces are decided otherwise."""
    from limen_export.settings import NamedTexts

    korean = [sentence.text for sentence in sentences("ko", "test")]
    kept = NamedTexts("kept", tuple(korean[:20]))
    both = (*korean, *(sentence.text for sentence in sentences("en", "test")))
    with pytest.raises(ExportError, match="no precision passes the quality gate; the last, fp32"):
        exported(keep_vocabulary=kept, texts=NamedTexts("both", both))
    assert older.read_bytes() == OLD
