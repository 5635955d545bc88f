"""`limen export` as a user runs it."""

import json
import os
import subprocess
import sys

import limen
import pytest
from limen.command_line import main
from limen.format import read

OFFLINE = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
EASY = ("--min-agreement", "0.9")  # int8 of a random model; only of trained ones more is expected
FILLED = "and 937 sentences of the limen emotion corpus, English and Korean"


@pytest.fixture
def limen_export(tmp_path):
    """Return words -> the finished process, run in a folder of its own."""

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "limen", "export", *map(str, words)],
            cwd=tmp_path,
            env=OFFLINE,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def failing(capsys, tmp_path, checkpoint):
    """Return words -> the one line that the command writes when it fails."""

    def run(*words, source=None):
        output = tmp_path / "out.onnx"
        source = str(source or checkpoint("bert"))
        assert main(["export", source, "-o", str(output), *map(str, words)]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        (line,) = printed.err.splitlines()
        assert line.startswith("limen export: ")
        assert not output.exists()
        assert not list(tmp_path.glob("*.partial"))
        return line

    return run


def test_table_texts_and_thresholds(limen_export, checkpoint, tmp_path, texts):
    lines = "".join(f"{text}\r\n" for text in texts.texts)
    (tmp_path / "mine.txt").write_text(lines, encoding="utf-8", newline="")
    (tmp_path / "cuts.json").write_text('{"fear": 0.7, "joy": 0.3, "anger": 0.5}', encoding="utf-8")
    source = f"{checkpoint('bert')}/"
    words = ("--texts", "mine.txt", "--thresholds", "cuts.json")
    done = limen_export(source, "-o", "model.onnx", *words, *EASY)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    rows = {line[2:].split()[0]: line.split() for line in lines[1:3]}
    assert set(rows) == {"fp32", "int8"}
    assert rows["int8"][0] == "->"
    assert (rows["fp32"][5], rows["fp32"][-1]) == ("100.00%", "passed")
    assert lines[3].startswith("gate: at least 90.00% of (text, label) pairs alike")
    assert "decided at custom, as it is" in lines[3]
    assert lines[4] == "why: int8 is the first rung that passes"
    assert f"1,000 texts: mine.txt, {FILLED}" in lines[5]
    file = read(tmp_path / "model.onnx")
    assert f"wrote model.onnx  {len(file.data) / 1e6:.1f} MB  {file.digest[:19]}" in lines[6]
    assert file.metadata.execution.precision == "int8"
    assert file.metadata.decision.point("custom").thresholds == (0.3, 0.5, 0.7)
    assert file.metadata.provenance.source == "bert"
    assert {"torch", "transformers", "limen"} <= dict(file.metadata.provenance.versions).keys()
    for private in (str(tmp_path), str(checkpoint("bert").parent), os.path.expanduser("~") + "/"):
        assert private.encode() not in file.data
        assert private not in json.dumps(file.metadata.to_properties(), ensure_ascii=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cuts.json",
        "mine.txt",
        "model.onnx",
    ]


def test_json_report_and_longest_input(limen_export, checkpoint, tmp_path, texts):
    rows = [json.dumps({"body": text}) for text in texts.texts]
    (tmp_path / "mine.jsonl").write_text("\n".join(rows), encoding="utf-8")
    done = limen_export(
        checkpoint("bert"),
        *("-o", "model.onnx", "--texts", "mine.jsonl", "--column", "body"),
        *("--max-tokens", 8, "--precision", "fp32", "--json"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    file = read(tmp_path / "model.onnx")
    assert report["file"] == "model.onnx"
    assert report["precision"] == file.metadata.execution.precision == "fp32"
    assert report["digest"] == file.digest
    assert report["size_bytes"] == len(file.data)
    assert report["evidence"] == file.metadata.evidence.to_json()
    assert report["evidence"]["texts"] == 1_000
    assert report["evidence"]["texts_name"] == f"mine.jsonl, {FILLED}"
    assert report["evidence"]["why"].startswith("fp32 was asked for: passed")
    assert report["notices"] == []
    assert file.metadata.encoder.max_tokens == 8
    model = limen.load(tmp_path / "model.onnx")
    assert [model("good " * count).truncated for count in (6, 7)] == [False, True]


def test_csv_texts_and_rule(limen_export, checkpoint, tmp_path, texts):
    rows = "".join(f'{number},"{text}\n"\n' for number, text in enumerate(texts.texts))
    (tmp_path / "mine.csv").write_text(f"id,text\n{rows}", encoding="utf-8")
    done = limen_export(
        *(checkpoint("bert"), "-o", "model.onnx", "--texts", "mine.csv", "--rule", "multiclass"),
        *EASY,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"1,000 texts: mine.csv, {FILLED}" in done.stdout
    assert "gate: at least 90.00% of texts alike" in done.stdout
    decision = read(tmp_path / "model.onnx").metadata.decision
    assert (decision.rule, decision.link, decision.default_point) == (
        "multiclass",
        "softmax",
        "argmax",
    )


def test_error_is_one_line_and_status_2(limen_export, tmp_path):
    done = limen_export("./nowhere", "-o", "model.onnx")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("limen export: ./nowhere: no such folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["texts.jsonl", "texts.csv", "texts.TSV"])
def test_labelled_texts_are_sent_to_build(failing, tmp_path, name):
    (tmp_path / name).write_text("text,labels\na,b\n")
    for source in (tmp_path / name, name):
        assert f"run limen build {source} -o FILE.onnx" in failing(source=source)


def test_help_is_quick_to_say_what_it_takes(limen_export):
    done = limen_export("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in (
        *("--output", "--precision", "--thresholds", "--texts", "--max-tokens", "--json"),
        *("--data", "--max-drop", "--min-agreement", "--strict", "--golden", "--keep-vocabulary"),
        *("--report", "--rule", "--column", "--labels"),
    ):
        assert option in done.stdout


@pytest.mark.parametrize("asked", [-1, 0, 1, 2])
def test_too_small_a_longest_input_is_refused(failing, asked):
    assert "no room beside 2 special tokens" in failing("--max-tokens", asked)


def test_longest_input_beyond_the_positions_is_refused(failing):
    assert "--max-tokens 81, but the model has 80 positions" in failing("--max-tokens", 81)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("texts.pdf", "", "expected a file ending in .txt, .jsonl, .csv"),
        ("texts.csv", "id,body\n1,good\n", "no column 'text'"),
        ("texts.jsonl", '{"text": "good"}\n{"text"', "line 2: not JSON"),
        ("texts.txt", "", "no text to compare on"),
        ("texts.jsonl", "\n", "no text to compare on"),
    ],
)
def test_texts_that_cannot_be_read(failing, tmp_path, name, content, reason):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert reason in failing("--texts", tmp_path / name)


def test_missing_texts_and_thresholds(failing, tmp_path):
    assert "none.txt: cannot be read" in failing("--texts", tmp_path / "none.txt")
    assert "none.json: cannot be read" in failing("--thresholds", tmp_path / "none.json")


def test_thresholds_for_other_labels(traced, failing, tmp_path):
    (tmp_path / "cuts.json").write_text('{"pride": 0.5}', encoding="utf-8")
    assert "'pride'" in failing("--thresholds", tmp_path / "cuts.json")


def test_unknown_precision_is_refused(checkpoint, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["export", str(checkpoint("bert")), "-o", str(tmp_path / "m"), "--precision", "fp8"])
    assert left.value.code == 2
    assert "fp8" in capsys.readouterr().err
