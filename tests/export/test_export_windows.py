"""Files that read long texts in windows: the source reads them so too, and thresholds follow."""

import json

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.errors import InputError
from limen.format import Windows, read
from limen_export.sources.checkpoint import read_checkpoint

WORDS = "the day was good bad not very 오늘 정말 행복 하루".split()
FAMILIES = [("bert", "max"), ("roberta", "mean")]


def long_texts(count=12):
    """Of 0 to 400 words: up to some ten windows."""
    draw = np.random.default_rng(7)
    sizes = [0, 1, 10, *draw.integers(60, 400, count)]
    return [" ".join(draw.choice(WORDS, size)) for size in sizes]


def sigmoid(values):
    return 1 / (1 + np.exp(-values.astype(np.float64)))


@pytest.mark.parametrize(("family", "how"), FAMILIES)
def test_the_file_computes_what_the_source_does_window_by_window(checkpoint, tmp_path, family, how):
    from limen_export import ExportSettings, export
    from limen_export.settings import NamedTexts

    windows = Windows(5, how)
    texts = long_texts()
    settings = ExportSettings(
        precision="fp32", windows=windows, texts=NamedTexts("long", tuple(texts))
    )
    report = export(str(checkpoint(family)), tmp_path / "m.onnx", settings)
    assert report.evidence.rungs[-1].max_logit_difference < 1e-4
    model = limen.load(tmp_path / "m.onnx")
    source = read_checkpoint(str(checkpoint(family)), None, None, windows)
    np.testing.assert_allclose(model.logits(texts), source.logits(texts), atol=1e-4, rtol=1e-5)
    assert not any(found.truncated for found in model.predict(texts))
    assert read(tmp_path / "m.onnx").metadata.encoder.windows == windows
    cut = read_checkpoint(str(checkpoint(family)), None, None)
    assert np.array_equal(source.logits(texts[:3]), cut.logits(texts[:3]))
    assert not np.allclose(source.logits(texts[-1:]), cut.logits(texts[-1:]))


def test_the_aggregate_is_that_of_the_windows_scores(checkpoint):
    """Spelled out: windows cut by hand, decided by the source one by one."""
    folder = str(checkpoint("bert"))
    whole = read_checkpoint(folder, None, None)
    tokens = whole.encoder.max_tokens - 2
    words = [WORDS[place % len(WORDS)] for place in range(3 * tokens)]
    parts = [" ".join(words[first : first + tokens]) for first in range(0, 3 * tokens, tokens)]
    scores = sigmoid(whole.logits(parts))
    for how, expected in (("max", scores.max(axis=0)), ("mean", scores.mean(axis=0))):
        found = read_checkpoint(folder, None, None, Windows(0, how)).logits([" ".join(words)])
        np.testing.assert_allclose(sigmoid(found[0]), expected, atol=1e-5)


@pytest.fixture
def run(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main(["export", str(checkpoint("bert")), "-o", "m.onnx", *words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_thresholds_are_fitted_on_the_aggregate(run, tmp_path):
    """Each long text has one word of joy in its last window, where truncation never looks."""
    rows = [
        {"text": text, "labels": ["joy"] if place % 2 else []}
        for place, text in enumerate(long_texts(40)[3:])
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "dev.jsonl").write_text(content, encoding="utf-8")
    words = ("--windows", "5", "--aggregate", "mean", "--precision", "fp32")
    status, _, err = run("--data", "dev.jsonl", *words)
    assert (status, err) == (0, "")
    texts = [row["text"] for row in rows]
    model = limen.load(tmp_path / "m.onnx")
    again = model.predict(texts)
    assert not any(found.truncated for found in again)
    point = model.operating_point
    scores = model.scores(texts)
    decided = [set(found.labels) for found in again]
    for column, label in enumerate(model.labels):
        threshold = point.thresholds[column]
        expected = [threshold is not None and score >= threshold for score in scores[:, column]]
        assert [label in labels for labels in decided] == expected


@pytest.fixture(scope="module")
def made(checkpoint, tmp_path_factory):
    """A file that the command made, windows of seven shared tokens."""
    file = tmp_path_factory.mktemp("windows") / "m.onnx"
    words = ["--windows", "7", "--precision", "fp32"]
    assert main(["export", str(checkpoint("bert")), "-o", str(file), *words]) == 0
    return file


def test_inspect_says_how_long_texts_are_read(made, capsys):
    assert main(["inspect", str(made)]) == 0
    assert "read in windows that share 7 tokens, the max of their scores" in capsys.readouterr().out
    assert main(["inspect", str(made), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["encoder"]["long_text"]
    assert told == {"windows": {"aggregate": "max", "stride": 7}}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--aggregate", "mean"), "--aggregate without --windows"),
        (("--windows", "-1"), "stride=-1; expected 0 or more"),
        (("--windows", "100000"), "a window holds"),
    ],
)
def test_other_windows_are_one_line_and_no_file(run, tmp_path, words, reason):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert reason in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "m.onnx").exists()


def test_the_bench_refuses_texts_of_several_windows(made):
    from limen_bench.samples import token_counts

    file = read(made)
    assert len(token_counts(file, ["the day", "a"])) == 2
    with pytest.raises(InputError, match=r"text 1 .* is read in \d+ windows, and rivals truncate"):
        token_counts(file, ["the day", "the day " * 400])
