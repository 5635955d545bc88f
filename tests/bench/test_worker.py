"""The measuring process: one job in, JSON lines out."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parent.parent / "golden" / "tiny_multilabel.onnx"
TEXTS = ["the day was good", "bad", "", "good good good"]
SHORT = {"seconds": 0.05}


@pytest.fixture
def worker(tmp_path):
    """Return (*tasks, **job entries) -> the finished process."""
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps({"texts": TEXTS, "tokens": [6, 3, 2, 5]}), encoding="utf-8")

    def run(*tasks, file=FILE, **entries):
        job = {
            "module": "limen_bench.engines.limen_file",
            "distributions": ["limen", "no-such-library"],
            "open": {
                "name": "limen",
                "model": str(file),
                "source": None,
                "folder": str(tmp_path / "limen"),
                "threads": 1,
                "batch": 1,
            },
            "texts": str(texts),
            "tasks": [{"task": name, "options": options} for name, options in tasks],
            "first_text": TEXTS[0],
            "started_ns": time.monotonic_ns(),
            **entries,
        }
        return subprocess.run(
            [sys.executable, "-P", "-m", "limen_bench.worker"],
            input=json.dumps(job) + "\n",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def messages(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def values(found, measure):
    return next(message["values"] for message in found if message.get("measure") == measure)


def test_the_cold_start_is_split_and_adds_up(worker):
    cold = values(messages(worker()), "cold")
    parts = [cold[f"{name}_ms"] for name in ("interpreter", "import", "load", "first")]
    assert min(parts) > 0
    assert cold["total_ms"] == pytest.approx(sum(parts), abs=0.01)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_the_peak_is_the_processs_own(worker):
    """A large parent must not count: getrusage would tell its size."""
    ballast = bytearray(600_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    memory = values(messages(worker()), "memory")
    assert 0 < memory["loaded_mb"] <= memory["peak_mb"] < 400
    assert len(ballast)


def test_one_engine_at_a_time_is_in_memory(worker, tmp_path, monkeypatch):
    """Opened anew for another batch size, the old one must be gone first."""
    (tmp_path / "single.py").write_text(
        "import weakref\n"
        "from limen_bench.engines.limen_file import LimenFile, prepare\n"
        "opened = []\n"
        "def open_engine(job):\n"
        "    assert not any(engine() for engine in opened), 'the last engine is still there'\n"
        "    engine = LimenFile(job)\n"
        "    opened.append(weakref.ref(engine))\n"
        "    return engine\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    bulk = {**SHORT, "sorted": False}
    wanted = [("bulk", {**bulk, "batch": size, "open_batch": size}) for size in (1, 4, 8)]
    found = messages(worker(*wanted, module="single"))
    assert len([message for message in found if message.get("measure") == "bulk"]) == 3


def test_it_ends_when_the_harness_is_gone(worker, tmp_path):
    job = {
        "module": "limen_bench.engines.limen_file",
        "distributions": [],
        "open": {
            **{"name": "limen", "model": str(FILE), "source": None, "threads": 1, "batch": 1},
            "folder": str(tmp_path),
        },
        "texts": str(tmp_path / "texts.json"),
        "tasks": [{"task": "idle", "options": {"seconds": 300}}],
        "first_text": None,
        "started_ns": time.monotonic_ns(),
        "watched": True,
    }
    command = [sys.executable, "-P", "-m", "limen_bench.worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        while json.loads(process.stdout.readline()) != {"begin": "idle"}:
            pass
        process.stdin.close()
        assert process.wait(timeout=30) == 1


def test_latency_has_percentiles_in_order_and_every_length(worker):
    found = messages(worker(("warm_up", SHORT), ("one_at_a_time", SHORT)))
    one = values(found, "one")
    assert 0 < one["p50_ms"] <= one["p90_ms"] <= one["p99_ms"] <= one["max_ms"]
    by_length = [message for message in found if message.get("measure") == "by_length"]
    assert sum(message["values"]["calls"] for message in by_length) == one["calls"]
    assert [message["at"]["tokens"] for message in by_length] == [8]


def test_stages_are_parts_of_a_call(worker):
    found = messages(worker(("stages", SHORT)))
    stages = values(found, "stages")
    assert stages.keys() == {"encode_ms", "session_ms", "decide_ms", "rest_ms"}
    assert stages["session_ms"] > 0
    assert stages["encode_ms"] > 0


def test_versions_of_what_is_installed(worker):
    (found,) = [message for message in messages(worker()) if "versions" in message]
    assert found["versions"].keys() == {"python", "limen"}


def test_a_version_is_that_of_the_module_that_ran(worker, tmp_path, monkeypatch):
    # onnxruntime-gpu owns the module onnxruntime; metadata of another wheel may lie beside it
    (tmp_path / "late.py").write_text(
        "from limen_bench.engines import limen_file\n"
        "def open_engine(job):\n"
        "    engine = limen_file.open_engine(job)\n"
        "    import onnxruntime\n"
        "    onnxruntime.__version__ = '9.8.7'\n"
        "    return engine\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = worker(module="late", distributions=["onnxruntime", "numpy"])
    (found,) = [message for message in messages(done) if "versions" in message]
    assert found["versions"]["onnxruntime"] == "9.8.7"
    assert found["versions"]["numpy"][0].isdigit()


def test_limen_prints_nothing_else(worker):
    done = worker(("bulk", {**SHORT, "batch": 1, "sorted": False}))
    assert done.stderr == ""
    assert all(isinstance(message, dict) for message in messages(done))


def test_what_a_library_prints_does_not_reach_the_findings(worker, tmp_path, monkeypatch):
    (tmp_path / "chatty.py").write_text(
        "import os\n"
        "from limen_bench.engines.limen_file import prepare\n"
        "from limen_bench.engines import limen_file\n"
        "def open_engine(job):\n"
        "    print('loading...'); os.write(1, b'from C\\n')\n"
        "    return limen_file.open_engine(job)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = worker(module="chatty")
    assert {message.get("measure") for message in messages(done)} >= {"cold", "memory"}
    assert "from C" in done.stderr


def test_a_file_that_is_no_classifier_fails_with_its_name(worker, tmp_path):
    (tmp_path / "empty.onnx").write_bytes(b"")
    done = worker(file=tmp_path / "empty.onnx")
    assert (done.returncode, done.stdout) == (1, "")
    assert "empty.onnx" in done.stderr.splitlines()[-1]
