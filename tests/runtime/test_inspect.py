"""`limen inspect`: everything that a file carries, for people and for programs."""

import json

import pytest
from limen.command_line import main
from limen.format import read


@pytest.fixture(params=["tiny_binary.onnx", "tiny_multiclass.onnx", "tiny_multilabel.onnx"])
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
    expected = [file.name, read(file).digest, decision.rule, decision.link, "not calibrated"]
    expected += [*decision.labels, *(f"point       {point.name}" for point in decision.points)]
    expected += [f"{decision.default_point} (default)", "at most 16", "fp32 for cpu"]
    expected += [metadata.encoder.truncation_side, "make_golden, 2026-01-01, licence CC0-1.0"]
    expected += ["limen 0.1.0", "3 texts", "same labels on 100.00%"]
    assert [part for part in expected if part not in shown] == []


def test_text_shows_thresholds(golden_folder, capsys):
    main(["inspect", str(golden_folder / "tiny_multilabel.onnx")])
    shown = capsys.readouterr().out
    assert 'f1 (default): joy, "bright" 0.550, anger/disgust 0.400, 슬픔 0.600' in shown
    assert "half: 0.5 for every label" in shown
    main(["inspect", str(golden_folder / "tiny_multiclass.onnx")])
    assert "argmax (default): the best label, always" in capsys.readouterr().out


def test_no_session_is_needed(fresh, file):
    script = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from limen.command_line import main\n"
        f"sys.exit(main(['inspect', {str(file)!r}]))"
    )
    done = fresh("-c", script)
    assert (done.returncode, done.stderr) == (0, b"")
    assert file.name.encode() in done.stdout
