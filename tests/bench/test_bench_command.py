"""`limen bench` as its user runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from limen.command_line import main
from limen_bench.results import EngineRow, MeasurementRow, read_results

HERE = Path(__file__).resolve().parent
FILE = HERE.parent / "golden" / "tiny_multilabel.onnx"
MULTICLASS = HERE.parent / "golden" / "tiny_multiclass.onnx"


@pytest.fixture
def texts(tmp_path):
    """Texts with labels, by name and by number, some without any."""
    rows = [
        {"text": f"day {count} " * (1 + count % 5), "labels": [count % 3]} for count in range(30)
    ]
    rows.append({"text": "nothing", "labels": []})
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*words, folder):
    command = [sys.executable, "-m", "limen", "bench", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_quick_prints_a_table_and_keeps_the_rows(texts, tmp_path):
    done = run(FILE, "--texts", texts, "--labels", "labels", "--quick", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for part in ("limen", "p50 ms", "texts/s", "peak MB", "macro-F1", "31 texts of texts.jsonl"):
        assert part in done.stdout
    schema = json.loads(files("limen_bench").joinpath("results.schema.json").read_text("utf-8"))
    for line in (tmp_path / "limen-bench.jsonl").read_text("utf-8").splitlines():
        jsonschema.validate(json.loads(line), schema)
    rows = read_results([tmp_path / "limen-bench.jsonl"])
    measures = {row.measure for row in rows if isinstance(row, MeasurementRow)}
    assert measures >= {
        "yardstick",
        "agreement",
        "quality",
        "cold",
        "memory",
        "one",
        "bulk",
        "stages",
    }


def test_json_is_one_object_and_every_single_measure_is_there(texts, tmp_path):
    words = ["--measures", "one,bulk,counts,threads,load,lengths,limit,size,co_running"]
    short = ["--rounds", "1", "--seconds", "0.2", "--no-sweep", "--rates", "20,40"]
    done = run(FILE, "--texts", texts, *words, *short, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    content = json.loads(line)
    assert content["baseline"] == "limen"
    found = content["engines"]["limen"]["measures"]
    assert found["one"]["p50_ms"]["median"] > 0
    assert 0 < found["limit"]["share"]["median"] < 1
    assert found["size"]["file_mb"]["median"] > 0
    assert found["co_running"]["job_alone_per_s"]["median"] > 0
    rows = read_results([tmp_path / "limen-bench.jsonl"])
    alone = [row for row in rows if isinstance(row, MeasurementRow) and row.measure == "lengths"]
    assert {row.engine for row in alone} == {"raw-session"}
    rates = [
        row.at["rate"] for row in rows if isinstance(row, MeasurementRow) and row.measure == "load"
    ]
    assert rates[0] == 20


def test_without_texts_the_corpus_is_measured(tmp_path):
    words = ["--quick", "--rounds", "1", "--measures", "one", "--seconds", "0.1"]
    done = run(MULTICLASS, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "limen emotion corpus" in done.stdout


BAD = {
    "no file": (["none.onnx"], "none.onnx"),
    "no texts": ([FILE, "--texts", "none.txt"], "none.txt"),
    "no text in it": ([FILE, "--texts", "empty.txt"], "no text"),
    "not UTF-8": ([FILE, "--texts", "latin.txt"], "UTF-8"),
    "no engine": ([FILE, "--rivals", "magic"], "no engine 'magic'"),
    "no rival": ([FILE, "--rivals", "limen"], "no rival"),
    "no measure": ([FILE, "--measures", "beauty"], "no measure 'beauty'"),
    "no python": ([FILE, "--python", "optimum"], "NAME=PATH"),
    "no such python": ([FILE, "--python", "optimum=/none"], "no such file"),
    "no rounds": ([FILE, "--rounds", "0"], "0 rounds"),
    "no number": ([FILE, "--rates", "fast"], "--rates"),
    "no time": ([FILE, "--seconds", "0"], "--seconds"),
    "no source": ([FILE, "--source", "none"], "none"),
    "labels without texts": ([FILE, "--labels", "labels"], "--labels needs --texts"),
    "unknown label": ([FILE, "--texts", "odd.jsonl", "--labels", "labels"], "record 1"),
    "no place for results": ([FILE, "-o", "none/results.jsonl"], "results.jsonl"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_status_2(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text("")
    Path("latin.txt").write_bytes(b"caf\xe9\n")
    Path("odd.jsonl").write_text('{"text": "day", "labels": ["boredom"]}\n')
    words, part = BAD[case]
    assert main(["bench", *map(str, words)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert part in printed.err
    assert not Path("limen-bench.jsonl").exists()


def test_ctrl_c_keeps_finished_rounds_and_leaves_no_process(texts, tmp_path):
    results = tmp_path / "results.jsonl"
    words = [FILE, "--texts", texts, "--quick", "--rounds", "500", "-o", results]
    command = [sys.executable, "-m", "limen", "bench", *map(str, words)]
    environment = {**os.environ, "LIMEN_TEST_MARK": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: results.exists() and results.read_text().count('"measure": "bulk"') >= 2)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed.splitlines() == [
        f"finished rounds are kept in {results}",
        "limen bench: interrupted",
    ]
    rows = read_results([results])
    assert [row.status for row in rows if isinstance(row, EngineRow)] == ["interrupted"]
    kept = [row.round for row in rows if isinstance(row, MeasurementRow) and row.measure == "bulk"]
    assert kept[:2] == [0, 1]
    assert leftovers(str(tmp_path)) == []


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def leftovers(mark):
    """Processes that inherited our mark."""
    found = []
    for status in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"LIMEN_TEST_MARK={mark}".encode() in status.read_bytes():
                found.append(status.parent.name)
        except OSError:
            continue
    return found
