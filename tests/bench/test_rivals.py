"""Every engine that is made from a checkpoint, and whose Python is at hand, gives its logits and
limen's labels.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import limen
import numpy as np
import pytest
from limen.decision import decide, score
from limen.format import DecisionBlock, OperatingPoint
from limen.timing import Latency
from limen_bench.engines.deciding import Decider
from limen_bench.engines.table import ENGINES

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("open_engine.py")
SPECIAL = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]  # RoBERTa's place for padding: positions follow it
WORDS = ["the", "day", "was", "good", "bad", "not", "very", "so", "long"]
SENTENCES = [" ".join(words) for words in permutations(WORDS, 3)]
# Unlike lengths within a batch, an empty one, one of unknown words, one that is cut off.
TEXTS = [*SENTENCES[:5], "", "good " * 100, "bad", "day of unknown words", *SENTENCES[90:95], "so"]
# Static int8 knows no wider values than it was shown: short texts and long ones belong to it.
CALIBRATION = [*SENTENCES[::8], *WORDS, "", *(f"{word} " * 100 for word in WORDS), "an unknown one"]
BATCH = 4
# Logits of these models have a standard deviation of 2.5. Exact engines are held to the largest
# error; the others to the root of the mean square, which one text mixed up with another breaks.
EXACT = 1e-4
ROUGH = {"bf16": 0.2, "fp16": 0.05, "int8": 0.8}
CHECKPOINT_ENGINES = [
    name
    for name, kind in ENGINES.items()
    if kind.made_from == "checkpoint" and name != "raw-session"
]


@dataclass(frozen=True)
class Source:
    """A tiny checkpoint, its classifier file, and the logits of torch, one text at a time."""

    folder: Path
    model: Path
    logits: np.ndarray


def _tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = {piece: index for index, piece in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 0))
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def _model(prefix, problem_type, tokenizer):
    import torch
    import transformers

    config = getattr(transformers, f"{prefix}Config")(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.2,
        max_position_embeddings=42,
        type_vocab_size=2 if prefix == "Bert" else 1,
        pad_token_id=tokenizer.pad_token_id,
        problem_type=problem_type,
        id2label=dict(enumerate(("joy", "anger", "fear"))),
        label2id={"joy": 0, "anger": 1, "fear": 2},
    )
    torch.manual_seed(11)
    return getattr(transformers, f"{prefix}ForSequenceClassification")(config).eval()


def _reference(model, tokenizer):
    import torch

    longest = 42 if model.config.model_type == "bert" else 40
    rows = []
    with torch.inference_mode():
        for text in TEXTS:
            inputs = tokenizer(text, truncation=True, max_length=longest, return_tensors="pt")
            inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            rows.append(model(**inputs).logits[0].numpy())
    return np.array(rows)


def _spread(model, tokenizer):
    """Scale the head until the logits differ: near 0 every error looks small."""
    import torch

    logits = torch.from_numpy(_reference(model, tokenizer))
    head = model.classifier if hasattr(model.classifier, "weight") else model.classifier.out_proj
    scale = 2.5 / logits.std(0)
    with torch.no_grad():
        head.weight.mul_(scale.unsqueeze(1))
        head.bias.copy_(-(logits * scale).mean(0))


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """BERT, multi-label, and RoBERTa, multi-class, with random weights."""
    from limen_export import ExportSettings, export
    from limen_export.latency import Speed
    from limen_export.settings import NamedTexts

    made = []
    untimed = Speed(Latency(1.0, 1.0, 1.0, 1.0, 0.0, 1), 1.0)
    settings = ExportSettings(precision="fp32", texts=NamedTexts("own", tuple(SENTENCES[:40])))
    for prefix, problem in (
        ("Bert", "multi_label_classification"),
        ("Roberta", "single_label_classification"),
    ):
        folder = tmp_path_factory.mktemp("rivals") / prefix
        tokenizer = _tokenizer()
        model = _model(prefix, problem, tokenizer)
        _spread(model, tokenizer)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        file = folder.with_suffix(".onnx")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("limen_export.ladder.candidate.measure", lambda *_: untimed)
            export(str(folder), file, settings)
        made.append(Source(folder, file, _reference(model, tokenizer)))
    return made


def _torch_has_cuda():
    import torch

    return torch.cuda.is_available()


def _python(kind):
    python = ROOT / f".venv-{kind.python}/bin/python" if kind.python else Path(sys.executable)
    return python if python.exists() else pytest.skip(f"no .venv-{kind.python}: make rivals")


def _run(python, jobs, file):
    file.write_text(json.dumps(jobs), encoding="utf-8")
    done = subprocess.run(
        [str(python), str(DRIVER), str(file)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "RAYON_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=CHECKPOINT_ENGINES)
def answered(request, sources, tmp_path_factory):
    """The engine's entry, and for each source what the engine said."""
    kind = ENGINES[request.param]
    if kind.device == "cuda" and not _torch_has_cuda():
        pytest.skip("torch sees no GPU")
    python = _python(kind)
    folder = tmp_path_factory.mktemp(kind.name)
    (folder / "calibration.json").write_text(json.dumps(CALIBRATION), encoding="utf-8")
    jobs = [
        {
            "name": kind.name,
            "model": str(source.model),
            "source": str(source.folder),
            "folder": str(folder / source.folder.name),
            "threads": 2,
            "batch": BATCH,
            "texts": TEXTS,
        }
        for source in sources
    ]
    said = _run(python, [{**job, "prepare": True} for job in jobs], folder / "jobs.json")
    assert said == []  # and so nothing but the driver's own lines on stdout
    return kind, _run(python, [{**job, "prepare": False} for job in jobs], folder / "jobs.json")


def test_logits_are_those_of_the_source_in_order(answered, sources):
    kind, answers = answered
    for answer, source in zip(answers, sources, strict=True):
        assert answer["dtype"] == "float32"
        for found in (answer["logits"], answer["alone"]):
            error = np.array(found) - source.logits
            assert error.shape == source.logits.shape
            if kind.precision in ROUGH:
                assert _mean_error(error) < ROUGH[kind.precision]
            else:
                assert np.abs(error).max() < EXACT


def _mean_error(error):
    return np.sqrt(np.square(error).mean())


def test_labels_are_those_that_limen_gives(answered, sources):
    kind, answers = answered
    for answer, source in zip(answers, sources, strict=True):
        block = limen.format.read(source.model).metadata.decision
        for logits, labels in (("logits", "labels"), ("alone", "labels_alone")):
            scored = score(np.array(answer[logits], dtype=np.float32), block)
            rows = decide(scored, block, block.point(block.default_point)).chosen
            chosen = [[block.labels[column] for column in np.flatnonzero(row)] for row in rows]
            assert answer[labels] == chosen
        if kind.exact:
            expected = [list(one.labels) for one in limen.load(source.model).predict(TEXTS)]
            assert answer["labels"] == expected


def test_a_bare_session_says_where_the_time_goes(answered):
    kind, answers = answered
    if "pipeline" in kind.module:
        pytest.skip("a pipeline has no stages that can be timed apart")
    for answer in answers:
        assert answer["stages"].keys() >= {"encode", "session", "decide"}
        assert all(milliseconds >= 0 for milliseconds in answer["stages"].values())


def test_texts_in_another_order_would_be_noticed(sources):
    for source in sources:
        for step in range(1, len(TEXTS)):
            moved = np.roll(source.logits, step, axis=0)
            assert _mean_error(moved - source.logits) > 2 * max(ROUGH.values())


def test_one_output_gives_two_labels(tmp_path):
    """The rule of a model with one logit, whose pipeline gives the second label's score alone."""
    point = OperatingPoint("argmax", None)
    block = DecisionBlock("multiclass", ("no", "yes"), "sigmoid", (point,), "argmax")
    stored = {"decision": block.to_json(), "max_tokens": 8, "special_tokens_in_text": True}
    (tmp_path / "decision.json").write_text(json.dumps(stored), encoding="utf-8")
    decider = Decider(tmp_path)
    logits = np.array([[-2.0], [2.0]], dtype=np.float32)
    assert decider.labels(logits) == [("no",), ("yes",)]
    assert decider.labels_from_linked(1 / (1 + np.exp(-logits))) == [("no",), ("yes",)]
