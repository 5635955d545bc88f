"""`limen train` and `limen build` as a user runs them."""

import json
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from limen.command_line import main

texts = SimpleNamespace(**run_path(str(Path(__file__).with_name("learnable.py"))))

NAMES = ("zest", "anger", "민감")


@pytest.fixture
def data(tmp_path):
    """A file of texts with several labels each."""
    found, truth = texts.several_labels(320, 3)
    return written(tmp_path / "texts.jsonl", found, truth)


def written(path, found, truth):
    rows = [
        {"text": text, "labels": [NAMES[place] for place in np.flatnonzero(row)]}
        for text, row in zip(found, truth, strict=True)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_train_then_export_then_evaluate(data, tmp_path, untimed, capsys):
    folder, file = tmp_path / "trained", tmp_path / "file.onnx"
    assert main(["train", str(data), "-o", str(folder), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    record = json.loads(captured.out)
    assert record["data"]["task"] == "multilabel"
    assert record["data"]["labels"] == sorted(NAMES)
    assert {name: record["data"][name] for name in ("train", "dev", "test")} == {
        "train": 256,
        "dev": 32,
        "test": 32,
    }
    stored = json.loads((folder / "training.json").read_text("utf-8"))
    assert stored["trained"]["points"] == record["trained"]["points"]

    export = ["export", str(folder), "--data", str(folder / "dev.jsonl"), "-o", str(file)]
    assert main(export) == 0
    capsys.readouterr()
    assert main(["evaluate", str(file), "--data", str(folder / "test.jsonl"), "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    found = judged["points"][0]["decisions"]["macro_f1"]
    assert found == pytest.approx(record["trained"]["points"][0]["decisions"]["macro_f1"])


def test_build_makes_a_file_and_keeps_the_training(data, tmp_path, untimed, capsys):
    file = tmp_path / "file.onnx"
    command = ["build", str(data), "-o", str(file), "--recipe", "tfidf-ovr"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "this is the baseline itself" in printed  # several labels: one classifier for each
    for part in ("note: task: multilabel", "on test", "wrote", "the file on 32 test texts"):
        assert part in printed
    assert printed.count("fewer than 50 true texts") == 1  # of the training, and of the file
    assert limen.load(file).operating_point.name == "f1"
    assert (tmp_path / "file.trained" / "report.html").is_file()
    assert main(command) == 0
    assert "trained before, with the same settings and texts" in capsys.readouterr().out


def test_build_that_is_interrupted_goes_on_from_the_training(
    data, tmp_path, untimed, capsys, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    file, folder = tmp_path / "file.onnx", tmp_path / "file.trained"
    with monkeypatch.context() as patched:
        patched.setattr("limen_export.training.build.export", interrupted)
        assert main(["build", str(data), "-o", str(file)]) == 130
    assert capsys.readouterr().err == (
        "limen build: interrupted; running the same command again goes on from the finished "
        f"training in {folder}\n"
    )
    assert main(["build", str(data), "-o", str(file)]) == 0
    assert "trained before, with the same settings and texts" in capsys.readouterr().out


def test_build_over_a_tuned_file_says_what_went_with_it(data, tmp_path, untimed, capsys):
    file, folder = tmp_path / "file.onnx", tmp_path / "file.trained"
    build = ["build", str(data), "-o", str(file)]
    assert main(build) == 0
    tune = ["tune", str(file), "--data", str(folder / "test.jsonl"), "--calibration", "none"]
    assert main(tune) == 0
    name = limen.format.read(file).metadata.decision.block_name
    capsys.readouterr()
    assert main([*build, "--json"]) == 0
    (notice,) = json.loads(capsys.readouterr().out)["exported"]["notices"][-1:]
    assert f"fitted by limen tune ({name})" in notice
    assert "run limen tune on it" in notice
    assert main(build) == 0
    assert "fitted by limen tune" not in capsys.readouterr().out


def test_page_shows_baseline_and_needs_nothing_else(data, tmp_path, capsys):
    folder = tmp_path / "trained"
    assert main(["train", str(data), "--strength", "1", "-o", str(folder)]) == 0
    page = (folder / "report.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Beside the baseline" in page
    assert "민감" in page
    for foreign in ("<script", "http://", "https://", "src="):
        assert foreign not in page


def test_files_for_dev_and_test_are_taken(data, tmp_path, capsys):
    held_out = [
        written(tmp_path / f"{name}.jsonl", *texts.several_labels(40, 3, seed))
        for name, seed in (("dev", 5), ("test", 6))
    ]
    command = ["train", str(data), "--dev", str(held_out[0]), "--test", str(held_out[1])]
    assert main([*command, "-o", str(tmp_path / "trained"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["data"]
    assert (found["dev"], found["test"]) == (40, 40)


def error_of(command, capsys):
    assert main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(("words", "said"), [
    (["--recipe", "bert"], "there are tfidf"),
    (["--epochs", "3"], "--epochs is no option of recipe tfidf"),
    (["--recipe", "finetune", "--sampler", "smote"], "take over"),
    (["--loss", "focal"], "embed and finetune"),
    (["--recipe", "tfidf-ovo"], "one_vs_rest"),
    (["--rule", "multiclass"], "exactly one label"),
    (["--dev-share", "0.01"], "--dev-share"),
    (["--recipe", "embed", "--backbone", "./nowhere"], "no such folder"),
    (["--strength", "0"], "above 0"),
    (["--seed", "-1"], "seed -1"),
    (["--task", "multilabel", "--rule", "multiclass"], "give one of them"),
    (["--recipe", "tfidf-ovr", "--rule", "one_vs_one"], "take recipe tfidf"),
    (["--pos-weight-cap", "5"], "without a cap"),
])  # fmt: skip
def test_what_cannot_be_trained_is_one_line_and_leaves_nothing(words, said, data, tmp_path, capsys):
    assert said in error_of(["train", str(data), "-o", str(tmp_path / "trained"), *words], capsys)
    assert [found.name for found in tmp_path.iterdir()] == [data.name]


def test_bad_texts_are_one_line(tmp_path, capsys):
    one_each = tmp_path / "one.jsonl"
    rows = [{"text": f"text {n}", "labels": name} for n, name in enumerate(["a"] * 40 + ["b"])]
    one_each.write_text("".join(json.dumps(row) + "\n" for row in rows))
    same = tmp_path / "same.jsonl"
    same.write_text("".join(json.dumps({**row, "labels": "a"}) + "\n" for row in rows))
    empty = tmp_path / "empty.jsonl"
    empty.write_text(json.dumps({"text": " ", "labels": "a"}) + "\n")
    new = tmp_path / "new.jsonl"
    new.write_text(json.dumps({"text": "a text", "labels": "unseen"}) + "\n")
    two = tmp_path / "two.jsonl"
    two.write_text(
        "".join(json.dumps({"text": f"t {n}", "labels": "ab"[n % 2]}) + "\n" for n in range(80))
    )
    for words, said in (
        ([one_each], "'b'"),
        ([same], "1 label ('a')"),
        ([empty], "empty"),
        ([two, "--test", new], "'unseen'"),
    ):
        command = ["train", *map(str, words), "-o", str(tmp_path / "trained")]
        assert said in error_of(command, capsys)


def test_file_that_is_no_onnx_is_refused_before_training(data, tmp_path, capsys):
    assert "ends in .onnx" in error_of(["build", str(data), "-o", str(tmp_path / "x.bin")], capsys)
    assert "no such folder" in error_of(
        ["build", str(data), "-o", str(tmp_path / "no" / "x.onnx")], capsys
    )
