"""`limen doctor`: what it finds on made-up machines, and on this one."""

import json
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from limen import processor, threads
from limen.doctor.file_fit import look_at_file
from limen.doctor.installation import look_at_libraries, look_at_providers, look_at_wheels
from limen.doctor.machine import look_at_processor, look_at_threads
from limen.errors import InputError
from limen.processor import read_processor
from limen.threads import thread_source

X86 = "model name\t: A CPU @ 2 GHz\nflags\t\t: fpu sse2 {}\n\nmodel name\t: another\n"
MACHINES = {
    "AMX and VNNI": (X86.format("avx2 avx512f avx512_vnni amx_int8"), "exact", 4),
    "VNNI of small cores": (X86.format("avx2 avx_vnni"), "exact", 2),
    "AVX-512 alone": (X86.format("avx2 avx512f"), "saturating", 2),
    "old": (X86.format(""), "saturating", 0),
    "ARM with dot products": ("Features\t: fp asimd asimddp\n", "exact", 1),
    "ARM without": ("Features\t: fp asimd\n", "unknown", 0),
    "nothing known": ("", "unknown", 0),
}


@pytest.mark.parametrize(("text", "products", "features"), MACHINES.values(), ids=MACHINES)
def test_processors(monkeypatch, tmp_path, text, products, features):
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(processor, "_CPU_INFO", tmp_path / "cpuinfo")
    found = read_processor()
    assert (found.products, len(found.features)) == (products, features)
    if text.startswith("model"):
        assert found.name == "A CPU @ 2 GHz"
    assert found.name
    finding = look_at_processor(found)
    assert finding.verdict == ("note" if products == "saturating" else "ok")
    assert bool(finding.advice) == (products == "saturating")


def test_without_cpuinfo_the_name_is_pythons(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "_CPU_INFO", tmp_path / "nothing")
    monkeypatch.setattr(processor.platform, "processor", lambda: "")
    monkeypatch.setattr(processor.platform, "machine", lambda: "riscv64")
    assert read_processor().name == "riscv64"


@pytest.fixture
def eight_cores(monkeypatch, tmp_path):
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 16)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name in ("_QUOTA_V2", "_QUOTA_V1", "_PERIOD_V1"):
        monkeypatch.setattr(threads, name, tmp_path / name)
    return tmp_path / "_QUOTA_V2"


@pytest.mark.parametrize(
    ("quota", "asked", "count", "why"),
    [
        (None, None, 8, "CPU affinity leaves 8 of 16 cores"),
        ("250000 100000", None, 3, "the container's quota is 2.5 cores"),
        ("1600000 100000", None, 8, "CPU affinity leaves 8 of 16 cores"),
        ("250000 100000", 5, 5, "asked for"),
    ],
)
def test_where_the_threads_come_from(eight_cores, quota, asked, count, why):
    if quota:
        eight_cores.write_text(quota)
    source = thread_source(asked)
    assert (source.threads, source.why) == (count, why)
    assert source.threads == threads.thread_count(asked)
    assert why in look_at_threads(source).shown


def test_without_affinity_the_machine_counts(eight_cores, monkeypatch):
    monkeypatch.delattr(threads.os, "sched_getaffinity")
    assert thread_source(None).why == "the machine has 16 cores"


@pytest.mark.parametrize(
    ("wheels", "verdict", "advice"),
    [
        ([("onnxruntime", "1.31.1")], "ok", ""),
        ([("onnxruntime-gpu", "1.31.1")], "ok", ""),
        ([("numpy", "2.4"), ("onnxruntime", "1"), ("onnxruntime-extensions", "0.1")], "ok", ""),
        ([], "note", "pip install onnxruntime"),
        (
            [("onnxruntime", "1.31.1"), ("onnxruntime-gpu", "1.30")],
            "problem",
            "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime",
        ),
        (
            [("onnxruntime-gpu", "1.31.1"), ("onnxruntime-openvino", "1.30")],
            "problem",
            "pip uninstall -y onnxruntime-gpu onnxruntime-openvino && pip install onnxruntime",
        ),
    ],
)
def test_wheels(wheels, verdict, advice):
    finding = look_at_wheels(wheels)
    assert finding.verdict == verdict
    assert finding.advice.startswith(advice)
    assert bool(finding.advice) == bool(advice)


def test_libraries_are_named_with_their_versions():
    found = look_at_libraries([("numpy", "2.4"), ("onnxruntime", "1.31.1"), ("other", "1")])
    assert "numpy 2.4, onnxruntime 1.31.1" in found.shown
    assert "other" not in found.shown


def broken():
    raise ImportError("libonnxruntime.so: cannot open shared object file\nmore")


@pytest.mark.parametrize(
    ("given", "verdict", "shown"),
    [
        (
            lambda: SimpleNamespace(get_available_providers=lambda: ["CPUExecutionProvider"]),
            "ok",
            'pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]"',
        ),
        (
            lambda: SimpleNamespace(
                get_available_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
            ),
            "ok",
            "device='cuda' (CUDAExecutionProvider)",
        ),
        (
            lambda: SimpleNamespace(
                get_available_providers=lambda: ["AzureExecutionProvider", "CPUExecutionProvider"]
            ),
            "ok",
            "device='cpu' (CPUExecutionProvider); not used: AzureExecutionProvider",
        ),
        (
            lambda: SimpleNamespace(get_available_providers=lambda: []),
            "problem",
            "no CPUExecutionProvider",
        ),
        (lambda: SimpleNamespace(), "problem", "cannot be imported"),
        (broken, "problem", "cannot be imported (libonnxruntime.so: cannot open shared"),
    ],
)
def test_providers(given, verdict, shown):
    finding = look_at_providers(given)
    assert finding.verdict == verdict
    assert shown in finding.shown
    assert "\n" not in finding.shown


def test_a_file_that_fits(path):
    fit, speed = look_at_file(path, 2)
    assert (fit.verdict, fit.values["device"]) == ("ok", "cpu")
    assert "computes what it promises" in fit.shown
    assert speed.values["p50_ms"] > 0
    assert speed.values["texts_per_second"] > 0
    assert "with 2 threads" in speed.shown


def test_a_file_that_does_not_run_where_it_was_made_for(tmp_path, golden_folder, monkeypatch):
    pytest.importorskip("onnx")
    files = SimpleNamespace(**run_path(str(Path(__file__).with_name("padded_files.py"))))
    monkeypatch.setattr("limen.opening.available_providers", lambda: ("CPUExecutionProvider",))
    found = {}
    for precision in ("fp32", "fp16"):
        file = tmp_path / f"{precision}.onnx"
        file.write_bytes(files.padded_file(golden_folder, precision).data)
        found[precision] = look_at_file(file, 1)
    fit, _ = found["fp32"]
    assert (fit.verdict, fit.values["device"]) == ("note", "cpu")
    assert "made for cuda" in fit.shown
    (refused,) = found["fp16"]
    assert refused.verdict == "problem"
    assert 'pip install "onnxruntime-gpu[cuda,cudnn]"' in refused.shown


def test_a_named_device_that_there_is_not(path, monkeypatch):
    monkeypatch.setattr("limen.opening.available_providers", lambda: ("CPUExecutionProvider",))
    (only,) = look_at_file(path, 1, "cuda")
    assert only.verdict == "problem"
    assert "no CUDAExecutionProvider" in only.shown


@pytest.mark.parametrize("name", ["nothing.onnx", "broken.onnx"])
def test_a_file_that_does_not_open(tmp_path, path, name):
    (tmp_path / "broken.onnx").write_bytes(path.read_bytes()[:-40])
    (only,) = look_at_file(tmp_path / name, None)
    assert only.verdict == "problem"
    assert name in only.shown


def test_the_command_on_this_machine(fresh, path):
    done = fresh("-m", "limen", "doctor", path)
    assert done.returncode == 0, done.stderr.decode()
    shown = done.stdout.decode()
    names = ("libraries", "wheel", "onnxruntime", "processor", "threads", "file", "speed")
    for name in names:
        assert f"\n  {name}" in f"\n{shown}" or f"\n- {name}" in f"\n{shown}"
    told = json.loads(fresh("-m", "limen", "doctor", path, "--json").stdout)
    assert [one["name"] for one in told["findings"]] == [*names]
    assert told["problems"] == 0


def test_the_command_without_a_file_opens_none(fresh):
    done = fresh("-m", "limen", "doctor", "--threads", "3", "--json")
    told = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert (done.returncode, told["threads"]["threads"]) == (0, 3)
    assert "file" not in told


def test_a_problem_is_exit_status_1_and_misuse_2(fresh, tmp_path):
    assert fresh("-m", "limen", "doctor", tmp_path / "nothing.onnx").returncode == 1
    done = fresh("-m", "limen", "doctor", "--threads", "0")
    assert done.returncode == 2
    assert b"threads=0" in done.stderr
    with pytest.raises(InputError):
        thread_source(0)
