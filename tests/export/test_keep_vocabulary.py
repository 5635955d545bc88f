"""`--keep-vocabulary` through a whole export: the file decides like the source on texts of kept
pieces, and parity is asked for there alone.
"""

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.errors import ExportError, InputError
from limen.evaluation.gate_settings import GateSettings
from limen.format import read
from limen_export import ExportSettings, export
from limen_export.settings import NamedTexts

ANYTHING = GateSettings(min_agreement=0.0)
OTHER = ("zzz", "qqq zzz", "0")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "m.onnx"


def test_texts_of_kept_pieces_get_the_source_s_logits(target, traced, texts):
    settings = ExportSettings(precision="fp32", keep_vocabulary=texts, gate=ANYTHING)
    report = export("bert", target, settings)
    assert (report.evidence.texts, report.evidence.texts_name) == (len(texts.texts), "own")
    (notice,) = report.notices
    assert notice.startswith("vocabulary: ")
    assert f"those of {len(texts.texts)} texts (own)" in notice
    found = limen.load(target).logits(texts.texts)
    np.testing.assert_allclose(found, traced.logits(texts.texts), rtol=0, atol=1e-4)
    before = read(target).metadata.encoder.tokenizer_json
    assert len(before) < len(traced.encoder.tokenizer_json)


def test_parity_is_asked_of_unchanged_texts_alone(target, traced, texts):
    """The others are judged: the gate sees that they are decided otherwise."""
    compared = NamedTexts("both", (*texts.texts, *OTHER))
    settings = ExportSettings(
        precision="fp32", keep_vocabulary=texts, texts=compared, gate=ANYTHING
    )
    report = export("bert", target, settings)
    assert report.evidence.texts == len(compared.texts)
    (rung,) = report.evidence.rungs
    assert rung.max_logit_difference > 1e-3
    np.testing.assert_allclose(
        limen.load(target).logits(texts.texts), traced.logits(texts.texts), rtol=0, atol=1e-4
    )


def test_texts_of_other_pieces_alone_show_nothing(target, traced, texts):
    settings = ExportSettings(
        keep_vocabulary=texts, texts=NamedTexts("other", OTHER), gate=ANYTHING
    )
    with pytest.raises(ExportError, match=r"none of 3 texts to compare on \(other\).*kept pieces"):
        export("bert", target, settings)
    assert not target.exists()


def test_a_trimmed_graph_that_is_wrong_is_refused(target, traced, texts, monkeypatch):
    import onnx
    from limen_export import pipeline

    trim = pipeline.keep_vocabulary

    def wrong(reference, kept):
        reference, report = trim(reference, kept)
        for tensor in reference.graph.graph.initializer:
            values = onnx.numpy_helper.to_array(tensor)
            if values.ndim == 2 and values.dtype == np.float32:
                tensor.CopyFrom(onnx.numpy_helper.from_array(values[::-1].copy(), tensor.name))
        return reference, report

    monkeypatch.setattr(pipeline, "keep_vocabulary", wrong)
    with pytest.raises(ExportError, match="fp32 graph differs from the source"):
        export("bert", target, ExportSettings(keep_vocabulary=texts, gate=ANYTHING))
    assert not target.exists()


def test_a_corpus_without_text_is_refused(target, traced):
    with pytest.raises(InputError, match="own"):
        export("bert", target, ExportSettings(keep_vocabulary=NamedTexts("own", ())))
    assert not target.exists()


def test_the_command_takes_a_file_of_texts(tmp_path, traced, texts, capsys):
    (tmp_path / "kept.txt").write_text("\n".join(filter(None, texts.texts)), encoding="utf-8")
    words = ["--keep-vocabulary", str(tmp_path / "kept.txt"), "--min-agreement", "0.9"]
    assert main(["export", "bert", "-o", str(tmp_path / "m.onnx"), *words]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("note: vocabulary: ")
    assert "62 texts: kept.txt" in printed
    model = limen.load(tmp_path / "m.onnx")
    for text, row in zip(texts.texts, traced.logits(texts.texts), strict=True):
        if np.abs(row).min() > 0.5:
            chosen = tuple(np.array(model.labels)[row > 0].tolist())
            assert model(text).labels == chosen
