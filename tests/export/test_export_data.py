"""Labelled data, the gate's options, golden texts and the page, through the command."""

import json

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.format import read

LABELS = ("joy", "anger", "fear")
OLD = b"an older file"
EASY = ("--min-agreement", "0.9", "--max-drop", "0.2")


@pytest.fixture
def run(tmp_path, traced, capsys, monkeypatch):
    """Return words -> (exit status, standard output, standard error) of an export to `m.onnx`."""
    monkeypatch.chdir(tmp_path)

    def export(*words):
        status = main(["export", "bert", "-o", "m.onnx", *map(str, words)])
        return (status, *capsys.readouterr())

    return export


@pytest.fixture
def refused(run, tmp_path, monkeypatch):
    """Return words -> the one line of an export that fails; an older file stays as it is."""
    (tmp_path / "m.onnx").write_bytes(OLD)

    def failing(*words):
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        (line,) = err.splitlines()
        assert line.startswith("limen export: ")
        assert (tmp_path / "m.onnx").read_bytes() == OLD
        assert not list(tmp_path.glob("*.partial"))
        return line

    return failing


@pytest.fixture
def before_the_work(monkeypatch):
    """Fail the test if the checkpoint is read."""
    monkeypatch.setattr("limen_export.sources.checkpoint.read_checkpoint", pytest.fail)


@pytest.fixture
def rows(traced, texts):
    """Texts with labels: the source's own decisions, some turned round."""
    draw = np.random.default_rng(3)
    logits = traced.logits(texts.texts)
    cells = logits + draw.normal(0, 1.0, logits.shape) > 0
    return [
        (text, np.array(LABELS)[row].tolist())
        for text, row in zip(texts.texts, cells, strict=True)
        if text
    ]


def write(path, rows):
    """Write labelled texts as the ending says."""
    if path.suffix == ".jsonl":
        lines = [json.dumps({"body": text, "gold": own}) for text, own in rows]
    else:
        lines = ["body,gold", *(f'"{text}","{"|".join(own)}"' for text, own in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_labelled_data_judges_the_rungs_and_fits_the_thresholds(run, tmp_path, rows, ending):
    write(tmp_path / f"dev.{ending}", rows)
    words = ("--data", f"dev.{ending}", "--column", "body", "--labels", "gold", "--separator", "|")
    status, out, err = run(*words, *EASY, "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    metadata = read(tmp_path / "m.onnx").metadata
    evidence = metadata.evidence
    assert report["evidence"] == evidence.to_json()
    assert evidence.texts_name.startswith(f"dev.{ending}, and 438 sentences of the limen")
    assert (evidence.gate.labelled, evidence.gate.fitted) == (True, True)
    assert (evidence.gate.max_drop, evidence.gate.min_agreement) == (0.2, 0.9)
    assert all(rung.judgement.quality.metric == "macro_f1" for rung in evidence.rungs)
    (fit,) = evidence.fits
    assert (fit.texts_name, fit.texts) == (f"dev.{ending}", len(rows))
    assert fit.support == tuple(sum(label in own for _, own in rows) for label in LABELS)
    assert metadata.decision.default_point == "f1"
    assert limen.load(tmp_path / "m.onnx").operating_point.name == "f1"


def test_labels_of_other_names_are_mapped(run, tmp_path, rows):
    write(tmp_path / "dev.jsonl", [(text, [f"L-{one}" for one in own]) for text, own in rows])
    (tmp_path / "names.json").write_text(json.dumps({f"L-{one}": one for one in LABELS}))
    words = ("--data", "dev.jsonl", "--column", "body", "--labels", "gold")
    status, _, err = run(*words, "--names", "names.json", *EASY)
    assert (status, err) == (0, "")


def test_a_label_that_the_model_does_not_have_is_refused(refused, tmp_path, rows):
    write(tmp_path / "dev.jsonl", [*rows, ("one more", ["pride"])])
    line = refused("--data", "dev.jsonl", "--column", "body", "--labels", "gold")
    assert "dev.jsonl" in line
    assert "'pride'" in line


def test_data_and_thresholds_are_not_given_together(refused, tmp_path, rows):
    write(tmp_path / "dev.jsonl", rows)
    (tmp_path / "cuts.json").write_text("[0.5, 0.5, 0.5]")
    line = refused("--data", "dev.jsonl", "--thresholds", "cuts.json")
    assert "give one of them" in line


def test_missing_data_is_refused(refused):
    assert "none.jsonl" in refused("--data", "none.jsonl")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--max-drop", "-0.1"), "max_drop -0.1, expected a number in [0, 1]"),
        (("--max-drop", "1.5"), "max_drop 1.5"),
        (("--max-drop", "nan"), "max_drop nan"),
        (("--min-agreement", "1"), "min_agreement 1, expected a share in [0, 1)"),
        (("--min-agreement", "-1"), "min_agreement -1"),
        (("--min-agreement", "nan"), "min_agreement nan"),
    ],
)
def test_what_no_rung_can_be_held_to_is_refused_at_once(refused, before_the_work, words, reason):
    assert reason in refused(*words)


@pytest.mark.parametrize("count", [0, 3, 9])
def test_other_numbers_of_golden_texts_are_refused_at_once(
    refused, before_the_work, tmp_path, count
):
    (tmp_path / "golden.txt").write_text("good day\n" * count, encoding="utf-8")
    line = refused("--golden", "golden.txt")
    assert f"{count} golden texts" in line
    assert "give 4 to 8" in line


def test_golden_texts_of_the_user_are_in_the_file(run, tmp_path):
    own = ("good", "the day was good", "정말 행복 하루", "very bad day! not good")
    (tmp_path / "golden.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
    status, _, err = run("--golden", "golden.txt", *EASY)
    assert (status, err) == (0, "")
    assert read(tmp_path / "m.onnx").metadata.golden.texts == own
    limen.load(tmp_path / "m.onnx")


def test_the_page_shows_the_ladder_that_the_file_carries(run, tmp_path):
    status, out, _ = run("--report", "ladder.html", *EASY, "--json")
    assert status == 0
    page = (tmp_path / "ladder.html").read_text(encoding="utf-8")
    assert json.loads(out)["digest"] in page
    for rung in read(tmp_path / "m.onnx").metadata.evidence.rungs:
        assert rung.precision in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ladder.html", "m.onnx"]


@pytest.mark.parametrize("page", ["nowhere/ladder.html", "."])
def test_a_page_that_cannot_be_written_is_refused_at_once(refused, before_the_work, page):
    assert page.split("/")[0] in refused("--report", page)


def test_a_failed_export_writes_no_page(refused, tmp_path):
    (tmp_path / "ladder.html").write_bytes(OLD)
    line = refused("--report", "ladder.html", "--precision", "int8", "--min-agreement", "0.9999")
    assert "int8 does not pass the quality gate" in line
    assert (tmp_path / "ladder.html").read_bytes() == OLD


def test_a_page_that_fails_to_be_written_leaves_an_older_one(run, tmp_path, monkeypatch):
    """The file is there by then, and what was decided about it is said all the same."""
    (tmp_path / "ladder.html").write_bytes(OLD)

    def broken(_):
        raise limen.OutputError("ladder.html: not written")

    monkeypatch.setattr("limen_export.ladder_page.ladder_page", broken)
    status, out, err = run("--report", "ladder.html", *EASY)
    assert status == 2
    assert "wrote m.onnx" in out
    assert "ladder.html: not written" in err
    assert (tmp_path / "ladder.html").read_bytes() == OLD
    assert limen.load(tmp_path / "m.onnx").labels == LABELS


def test_notices_of_the_ladder_reach_the_terminal(run):
    """A random model's int8 does not decide alike."""
    status, out, _ = run()
    assert status == 0
    first = out.splitlines()[0]
    assert first.startswith("note: int8, int8-float-rows, int8-mixed failed the gate")
    assert "so the file is fp32" in first
    assert "gate: at least 99.50% of (text, label) pairs alike" in out


def test_strict_is_kept_in_the_evidence(run, tmp_path, rows):
    write(tmp_path / "dev.jsonl", rows)
    words = ("--data", "dev.jsonl", "--column", "body", "--labels", "gold", "--strict")
    status, out, _ = run(*words, *EASY)
    assert status == 0
    evidence = read(tmp_path / "m.onnx").metadata.evidence
    assert evidence.gate.strict
    assert "the drop the upper end of its interval at most 0.2" in out
    assert evidence.chosen_rung.judgement.verdict == "passed"
