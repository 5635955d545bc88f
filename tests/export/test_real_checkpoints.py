"""Two trained checkpoints on real texts: the file decides like transformers."""

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import limen
import numpy as np
import pytest
import torch
from limen.format import read
from limen_export import ExportSettings, export
from limen_export.settings import NamedTexts
from limen_export.sources.checkpoint import read_checkpoint
from transformers import AutoModelForSequenceClassification, AutoTokenizer

WHOLE = os.environ.get("LIMEN_WHOLE_SETS", "0") != "0"
# The gate of an export fills up fewer than 1,000 texts to compare on.
JUDGED, COMPARED = 1_000 if WHOLE else 300, 1_000
PARITY = 1e-4
LEAST_CELLS_ALIKE = 0.99
MODELS = {"goemotions-minilm": "multilabel", "3i4k-ko-bert": "multiclass"}


@dataclass(frozen=True)
class Exported:
    """One checkpoint: its two files (fp32, and what `auto` chose), what transformers computes, and
    what the export reported.
    """

    name: str
    texts: tuple[str, ...] = field(repr=False)
    compared: NamedTexts = field(repr=False)
    logits: np.ndarray
    compared_logits: np.ndarray
    files: dict[str, Path]
    reports: dict


@contextmanager
def unshown():
    """Fail without the traceback, in which pytest would show the texts."""
    try:
        yield
    except Exception as error:
        pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)


def read_texts(shared, name):
    if name == "goemotions-minilm":
        lines = (shared / "data/goemotions/dev.tsv").read_text(encoding="utf-8").split("\n")
        return [line.split("\t")[0] for line in lines if line]
    lines = (shared / "data/3i4k/dev.txt").read_bytes().decode("utf-8").split("\r\n")
    return [line.partition("\t")[2] for line in lines if line]


def transformers_logits(folder, texts):
    """One text at a time, with its mask and token types, as the checkpoint's users run it."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForSequenceClassification.from_pretrained(str(folder)).eval()
    longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    rows = []
    with torch.inference_mode():
        for text in texts:
            inputs = tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
            assert "attention_mask" in inputs
            rows.append(model(**inputs).logits[0].numpy())
    return np.array(rows)


@pytest.fixture(scope="module", params=sorted(MODELS))
def exported(request, shared, tmp_path_factory, run_once):
    folder = shared / "models" / request.param
    files, reports = {}, {}
    with unshown():
        texts = read_texts(shared, request.param)
        # Spread over the file: one of the two is sorted by label.
        judged = tuple(texts[:: len(texts) // JUDGED][:JUDGED])
        compared = NamedTexts("held out", tuple(texts[1 :: len(texts) // COMPARED][:COMPARED]))
        source = run_once(read_checkpoint(str(folder), None, None))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("limen_export.sources.checkpoint.read_checkpoint", lambda *_: source)
            for wanted, precision in (("fp32", "fp32"), ("auto", "int8")):
                files[precision] = tmp_path_factory.mktemp("real") / f"{precision}.onnx"
                settings = ExportSettings(precision=wanted, texts=compared)
                reports[precision] = export(str(folder), files[precision], settings)
        rows = transformers_logits(folder, (*judged, *compared.texts))
    return Exported(request.param, judged, compared, rows[:JUDGED], rows[JUDGED:], files, reports)


def decided(logits, name):
    """Decide by the rules of transformers' own pipeline, written down once more."""
    if MODELS[name] == "multilabel":
        return logits >= 0
    return np.eye(logits.shape[1], dtype=bool)[logits.argmax(axis=1)]


def cells(model, texts):
    with unshown():
        found = [prediction.labels for prediction in model.predict(texts)]
    return np.array([[label in labels for label in model.labels] for labels in found])


def logits_of(model, texts):
    with unshown():
        return model.logits(texts)


def test_fp32_gives_the_logits_of_transformers(exported, capsys):
    found = logits_of(limen.load(exported.files["fp32"]), exported.texts)
    difference = np.abs(found - exported.logits).max()
    with capsys.disabled():
        print(f"\n{exported.name} fp32: largest logit difference {difference:.2g}")
    assert found.shape == exported.logits.shape
    assert difference <= PARITY


def test_fp32_decides_every_label_alike(exported):
    found = cells(limen.load(exported.files["fp32"]), exported.texts)
    expected = decided(exported.logits, exported.name)
    assert np.argwhere(found != expected).tolist() == []
    assert expected.any(axis=0).sum() > 3


def test_int8_decides_nearly_every_label_alike(exported, capsys):
    same = cells(limen.load(exported.files["int8"]), exported.texts) == decided(
        exported.logits, exported.name
    )
    with capsys.disabled():
        print(
            f"\n{exported.name} int8: {same.all(axis=1).mean():.2%} of texts and "
            f"{same.mean():.3%} of (text, label) pairs decided alike"
        )
    assert same.mean() >= LEAST_CELLS_ALIKE


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_rule_and_precision(exported, precision):
    metadata = read(exported.files[precision]).metadata
    assert metadata.decision.rule == MODELS[exported.name]
    assert metadata.execution.precision == precision
    assert metadata.provenance.source == exported.name
    assert exported.files["int8"].stat().st_size < 0.8 * exported.files["fp32"].stat().st_size


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_evidence_is_what_was_measured(exported, precision):
    evidence = read(exported.files[precision]).metadata.evidence
    assert evidence == exported.reports[precision].evidence
    assert (evidence.texts_name, evidence.texts, evidence.fits) == ("held out", COMPARED, ())
    tried = {"fp32": ["fp32"], "int8": ["int8", "fp32"]}[precision]
    assert [rung.precision for rung in evidence.rungs] == tried
    assert evidence.chosen == 0
    assert {rung.judgement.verdict for rung in evidence.rungs} == {"passed"}
    expected = decided(exported.compared_logits, exported.name)
    rung = evidence.chosen_rung
    model = limen.load(exported.files[precision])
    logits = logits_of(model, exported.compared.texts)
    same = cells(model, exported.compared.texts) == expected
    difference = np.abs(logits - exported.compared_logits).max()
    assert rung.max_logit_difference == pytest.approx(difference, abs=2e-5)
    assert rung.texts_alike == pytest.approx(same.all(axis=1).mean())
    assert rung.cells_alike == pytest.approx(same.mean())
    assert rung.p50_ms > 0
    assert rung.texts_per_second > 0
    assert rung.size_bytes == pytest.approx(exported.files[precision].stat().st_size, rel=0.01)
    # The exact rung beside int8 is the one that the fp32 file is.
    other = exported.reports["fp32"].evidence.chosen_rung
    assert evidence.rungs[-1].max_logit_difference == other.max_logit_difference
