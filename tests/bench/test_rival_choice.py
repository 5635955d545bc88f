"""Which rivals stand beside a file: the kind of its source decides, and why others do not."""

import argparse
import json
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.errors import InputError
from limen.format import read
from limen_bench.commands import bench_report
from limen_bench.commands.bench import run
from limen_bench.commands.bench_arguments import add_arguments
from limen_bench.commands.rival_choice import choose_rivals
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.engines.fitting import misfit
from limen_bench.engines.source_kind import source_kind
from limen_bench.engines.table import ENGINES, RIVALS
from limen_bench.results import EngineRow, MeasurementRow, RunRow, read_results
from limen_bench.samples import Lengths, describe_texts, text_lengths
from limen_bench.settings import BenchTexts
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.sklearn_pipeline import read as read_pipeline
from safetensors.numpy import save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skops import io

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ROOT / "tests" / "golden" / "tiny_multilabel.onnx"
files = SimpleNamespace(**run_path(str(ROOT / "tests" / "export" / "sklearn_files.py")))
TEXTS = [f"{'good' if count % 3 else 'bad'} day {'very ' * (count % 7)}" for count in range(40)]
TRUTH = ["yes" if count % 3 else "no" for count in range(40)]
FITTING = {name for name in RIVALS if ENGINES[name].made_from == "checkpoint"}
ON_GPU = {name for name in FITTING if ENGINES[name].device == "cuda"}
CHECKPOINT = FITTING - ON_GPU
padded = SimpleNamespace(**run_path(str(ROOT / "tests" / "runtime" / "padded_files.py")))


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A file of a pipeline, and the pipeline."""
    folder = tmp_path_factory.mktemp("features")
    pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression())
    pipeline.fit(TEXTS, TRUTH)
    (folder / "tfidf.onnx").write_bytes(files.stamped(read_pipeline(pipeline, SourceWishes())))
    io.dump(pipeline, folder / "pipeline.skops")
    return folder / "tfidf.onnx", folder / "pipeline.skops"


@pytest.fixture
def static(tmp_path):
    """What tells a folder of static embeddings."""
    folder = tmp_path / "static"
    folder.mkdir()
    save_file({"embeddings": np.zeros((3, 2), np.float32)}, folder / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


def names(choice):
    return [kind.name for kind in choice.engines]


def test_nobody_named_takes_the_usual_rival_of_the_sources_kind(features, static, tmp_path):
    file, pipeline = features
    assert names(choose_rivals(None, file, pipeline)) == ["limen", "limen-again", "scikit-learn"]
    assert names(choose_rivals(None, TOKENS, static)) == ["limen", "limen-again", "model2vec"]
    usual = ["limen", "limen-again", "torch-fp32"]
    assert names(choose_rivals(None, TOKENS, tmp_path)) == usual
    for path in (file, TOKENS):
        alone = choose_rivals(None, path, None)
        assert names(alone) == ["limen"]
        assert "--source" in alone.left_out[0]


def test_all_takes_those_that_fit_and_says_why_others_do_not(features, static, tmp_path):
    choice = choose_rivals("all", *features)
    assert names(choice) == ["limen", "limen-again", "scikit-learn"]
    said = " ".join(choice.left_out)
    assert all(name in said for name in CHECKPOINT - {"limen-again"})
    assert "counts words or characters" in said
    choice = choose_rivals("all", TOKENS, tmp_path)
    assert {*names(choice)} == {"limen", *CHECKPOINT}
    left_out = {name for line in choice.left_out for name in line.split(":")[0].split(", ")}
    assert left_out == {"scikit-learn", "model2vec", *ON_GPU}
    assert names(choose_rivals("all", TOKENS, static)) == ["limen", "limen-again", "model2vec"]


def test_beside_a_file_for_a_gpu_stand_those_that_compute_on_one(tmp_path, monkeypatch):
    path = tmp_path / "padded.onnx"
    path.write_bytes(padded.padded_file(TOKENS.parent).data)
    # Without a GPU it opens on the CPU, and stands beside what computes there.
    assert names(choose_rivals(None, path, tmp_path)) == ["limen", "limen-again", "torch-fp32"]
    offered = ("CUDAExecutionProvider", "CPUExecutionProvider")
    monkeypatch.setattr("limen_bench.engines.fitting.available_providers", lambda: offered)
    usual = ["limen", "limen-again", "torch-cuda-fp16"]
    assert names(choose_rivals(None, path, tmp_path)) == usual
    choice = choose_rivals("all", path, tmp_path)
    assert {*names(choice)} == {"limen", "limen-again", *ON_GPU}
    assert "computes on cpu, and padded.onnx opens here on cuda" in " ".join(choice.left_out)


def test_a_name_is_taken_whether_or_not_it_fits(features):
    choice = choose_rivals(" torch-fp32, scikit-learn,", *features)
    assert names(choice) == ["limen", "torch-fp32", "scikit-learn"]
    assert choice.left_out == ()
    assert names(choose_rivals("", *features)) == ["limen"]
    with pytest.raises(InputError, match="no rival"):
        choose_rivals("raw-session", *features)


@pytest.mark.parametrize("name", sorted({*RIVALS} - ON_GPU))
def test_every_rival_fits_a_source_of_one_kind(name, features, static, tmp_path):
    kind = ENGINES[name]
    file, pipeline = features
    cases = {
        "checkpoint": (read(TOKENS), tmp_path),
        "static": (read(TOKENS), static),
        "sklearn": (read(file), pipeline),
    }
    for made_from, case in cases.items():
        fits = misfit(kind, *case) is None
        assert fits == (made_from == kind.made_from or not kind.needs_source)


def test_without_a_source_only_the_file_speaks():
    kind = EngineKind("one", "one", "one", "fp32", (), "", made_from="static")
    assert misfit(kind, read(TOKENS), None) is None


def test_kinds_of_sources(static, tmp_path):
    assert source_kind(static) == "static"
    (tmp_path / "model.SKOPS").write_bytes(b"")
    assert source_kind(tmp_path / "model.SKOPS") == "sklearn"
    (tmp_path / "folder.skops").mkdir()
    assert source_kind(tmp_path / "folder.skops") == "checkpoint"
    save_file({"classifier.weight": np.zeros(2, np.float32)}, static / "model.safetensors")
    assert source_kind(static) == "checkpoint"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        b"\xff" * 8 + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (90).to_bytes(8, "little") + b'{"embeddings',
        (2**20).to_bytes(8, "little") + b"[" * 2**20,
    ],
)
def test_weights_that_are_none_are_those_of_no_static_folder(content, static):
    (static / "model.safetensors").write_bytes(content)
    assert source_kind(static) == "checkpoint"


def test_lengths_of_texts_are_characters_where_nothing_reads_tokens(features):
    file = read(features[0])
    texts = ("", "하루", "a" * 9)
    lengths = text_lengths(file, texts)
    assert lengths == Lengths("characters", (0, 2, 9))
    said = describe_texts(BenchTexts("some", texts), lengths)
    assert said["unit"] == "characters"
    assert said["mean_characters"] == pytest.approx(11 / 3, abs=0.01)
    assert said["histogram"] == [[0, 8, 2], [9, 16, 1]]
    assert text_lengths(read(TOKENS), ["good day"]).unit == "tokens"
    with pytest.raises(InputError, match=r"text 1 .*surrogate"):
        text_lengths(file, ["day", "\ud800"])


def test_bench_of_a_file_of_features(features, tmp_path, monkeypatch, capsys):
    """From the command to the page, without rivals named."""
    monkeypatch.chdir(tmp_path)
    file, pipeline = features
    rows = [{"text": text, "labels": [label]} for text, label in zip(TEXTS, TRUTH, strict=True)]
    Path("texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = [str(file), "--source", str(pipeline), "--texts", "texts.jsonl", "--labels", "labels"]
    words += ["--quick", "--rounds", "1", "--seconds", "0.05", "--checked", "20"]
    assert run(parser.parse_args([*words, "--measures", "cold,one,bulk,limit,lengths"])) == 0
    printed = capsys.readouterr()
    assert "characters a text" in printed.out
    rows = read_results([Path("limen-bench.jsonl")])
    (run_row,) = [row for row in rows if isinstance(row, RunRow)]
    assert "made from a checkpoint of transformers" in " ".join(run_row.settings["left_out"])
    assert {row.engine: row.status for row in rows if isinstance(row, EngineRow)} == {
        name: "measured" for name in ("limen", "limen-again", "scikit-learn")
    }
    found = [row for row in rows if isinstance(row, MeasurementRow)]
    alike = {row.engine: row.values for row in found if row.measure == "agreement"}
    assert alike["scikit-learn"]["texts_alike"] == 1.0
    limits = [row for row in found if row.measure == "limit"]
    assert [row.values for row in limits] == [{}, {}]
    assert all(row.note.startswith("does not apply") for row in limits)
    assert {key for row in found if row.measure == "by_length" for key in row.at} == {"characters"}
    assert {key for row in found if row.measure == "lengths" for key in row.at} == {"features"}
    parser = argparse.ArgumentParser()
    bench_report.add_arguments(parser)
    words = ["limen-bench.jsonl", "-o", "page.html", "--markdown", "tables.md"]
    assert bench_report.run(parser.parse_args(words)) == 0
    for name in ("page.html", "tables.md"):
        written = Path(name).read_text("utf-8")
        assert "does not apply" in written
        assert "characters, at most" in written
        assert "fixed numbers of features" in written
        assert "counts words or characters" in written
