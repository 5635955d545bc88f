"""`limen inspect`: everything that a file carries, for people and for programs."""

import json

import pytest
from limen.command_line import main
from limen.format import read

RULES = ("binary", "multiclass", "multilabel", "one_vs_one", "one_vs_rest")


@pytest.fixture(params=[f"tiny_{rule}.onnx" for rule in RULES])
def file(request, golden_folder):
    return golden_folder / request.param


def test_json_is_what_the_file_carries(file, capsys):
    assert main(["inspect", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    carried = read(file)
    metadata = carried.metadata
    assert found["name"] == file.name
    assert found["size_bytes"] == file.stat().st_size
    assert found["digest"] == carried.digest
    assert found["decision"] == metadata.decision.to_json()
    assert found["evidence"] == metadata.evidence.to_json()
    assert found["execution"] == metadata.execution.to_json()
    assert found["provenance"] == metadata.provenance.to_json()
    assert found["golden_texts"] == 3
    assert found["graph"] == {"nodes": 4, "operators": ["Add", "Gather", "MatMul", "ReduceMean"]}
    assert found["encoder"] == {
        "kind": "tokens",
        "long_text": "truncate",
        "max_tokens": 16,
        "special_tokens_in_text": metadata.encoder.special_tokens_in_text,
        "tokenizer_bytes": len(metadata.encoder.tokenizer_json.encode()),
        "truncation_side": metadata.encoder.truncation_side,
    }


def test_text_shows_what_a_person_asks(file, capsys):
    assert main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out
    metadata = read(file).metadata
    decision = metadata.decision
    expected = [file.name, read(file).digest, decision.rule, decision.link]
    expected += ["not calibrated" if decision.calibration is None else "one for each output"]
    expected += [*decision.labels, *(f"point       {point.name}" for point in decision.points)]
    expected += [f"{decision.default_point} (default)", "at most 16", "fp32 for cpu"]
    expected += [metadata.encoder.truncation_side, "make_golden, 2026-01-01, licence CC0-1.0"]
    expected += ["limen 0.1.0", "3 texts", "same labels (at least)", "100.00%", "->  fp32"]
    assert [part for part in expected if part not in shown] == []


def test_text_shows_thresholds(golden_folder, capsys):
    main(["inspect", str(golden_folder / "tiny_multilabel.onnx")])
    shown = capsys.readouterr().out
    assert 'f1 (default): joy, "bright" 0.55, anger/disgust 0.4, 슬픔 0.6' in shown
    assert "half: 0.5 for every label" in shown
    main(["inspect", str(golden_folder / "tiny_multiclass.onnx")])
    assert "argmax (default): the best label, always" in capsys.readouterr().out


def shown(file, capsys):
    main(["inspect", str(file)])
    return capsys.readouterr().out


def test_text_shows_the_rest_of_the_decision(golden_folder, capsys):
    pairs = shown(golden_folder / "tiny_one_vs_one.onnx", capsys)
    for part in (
        "one_vs_one by vote, link sigmoid, scores calibrated (platt, one for each output)",
        "custom (default): joy 0.8, anger 0.7, 슬픔 0.75, wow! never",
        "precision@0.90:conf0.95: 0.7 for every label; promised, certified on 300 texts",
        "argmax: the best label\n",
        "abstains    where the best label is less than 0.05 above the next",
        "blocks      tune 2026-01-01 golden in use; kept: export",
        "fitted on   300 texts (golden.tsv)",
        "wow!: few texts",
    ):
        assert part in pairs
    rest = shown(golden_folder / "tiny_one_vs_rest.onnx", capsys)
    for part in (
        "one_vs_rest, link sigmoid, scores calibrated (isotonic, one for each output)",
        "sorrow 0.4; gives every label that reaches it; promised, certified on 200 texts",
        "less than 0.1 above the next",
    ):
        assert part in rest


def test_text_shows_several_labels_and_the_fallback(forge, tmp_path, capsys):
    changed = forge.with_block("limen.decision", rule="one_vs_rest", several=True)
    policy = {"margin": 0.0, "fallback": "top1"}
    changed = type(forge)(changed).with_block("limen.decision", abstain=policy)
    (tmp_path / "several.onnx").write_bytes(changed)
    text = shown(tmp_path / "several.onnx", capsys)
    assert "one_vs_rest with several labels, link sigmoid" in text
    assert "fallback    the best label where none reaches its threshold" in text


def test_no_session_is_needed(fresh, file):
    script = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from limen.command_line import main\n"
        f"sys.exit(main(['inspect', {str(file)!r}]))"
    )
    done = fresh("-c", script)
    assert (done.returncode, done.stderr) == (0, b"")
    assert file.name.encode() in done.stdout
