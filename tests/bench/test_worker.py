"""The measuring process: one engine, one JSON line."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from limen.errors import InputError
from limen_bench.engines import open_engine

TEXTS = ["the day was good", "bad", "", "good good good"]
FIELDS = {"p50", "p90", "p99", "max", "spread", "calls"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny BERT with random weights."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("bench") / "tiny"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "day", "was", "good", "bad"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, **names)
    fast.save_pretrained(folder)
    torch.manual_seed(5)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(pieces),
        intermediate_size=32,
        max_position_embeddings=32,
        problem_type="single_label_classification",
        **sizes,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classifier_file(checkpoint):
    from limen_export import ExportSettings, export
    from limen_export.settings import NamedTexts

    file = checkpoint.parent / "tiny.onnx"
    settings = ExportSettings(precision="fp32", texts=NamedTexts("own", tuple(TEXTS)))
    export(str(checkpoint), file, settings)
    return file


@pytest.fixture
def worker(tmp_path):
    """Return (engine, model, texts) -> the finished process."""

    def run(engine, model, texts):
        file = tmp_path / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "limen_bench.worker", engine, str(model), str(file)],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.mark.parametrize("engine", ["limen", "torch"])
def test_one_json_line_with_the_latency(worker, engine, checkpoint, classifier_file):
    done = worker(engine, classifier_file if engine == "limen" else checkpoint, TEXTS)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report.keys() == {"engine", "latency"}
    assert report["engine"] == engine
    latency = report["latency"]
    assert latency.keys() == FIELDS
    assert latency["calls"] == len(TEXTS)
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    assert latency["spread"] >= 0


def test_limen_prints_nothing_else(worker, classifier_file):
    done = worker("limen", classifier_file, TEXTS)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


def test_engines_decide_alike(checkpoint, classifier_file):
    limen, torch = open_engine("limen", classifier_file), open_engine("torch", checkpoint)
    for text in TEXTS:
        (found,) = np.array(torch.decide(text), dtype=object).reshape(1, -1)
        scores = {item["label"]: item["score"] for item in found}
        assert dict(limen.decide(text).scores) == pytest.approx(scores, abs=1e-5)


def test_unknown_engine_is_refused(worker, classifier_file):
    done = worker("magic", classifier_file, TEXTS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "magic" in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(InputError, match="'magic'; expected one of limen, torch"):
        open_engine("magic", classifier_file)


def test_a_file_that_is_no_classifier_fails(worker, tmp_path):
    (tmp_path / "empty.onnx").write_bytes(b"")
    done = worker("limen", tmp_path / "empty.onnx", TEXTS)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "empty.onnx" in done.stderr
