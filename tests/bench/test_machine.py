"""What is said of the machine, with and without Linux's files."""

import json
import os
import platform

import pytest
from limen_bench import machine as module
from limen_bench.machine import (
    describe_machine,
    describe_machine_lines,
    library_versions,
    thread_variables,
)

ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm sve crc32\nCPU part\t: 0xd40\n"
INTEL = (
    "processor\t: 0\nmodel name\t: Some Xeon\ncpu MHz\t\t: 2600.118\n"
    "flags\t\t: fpu sse4_1 avx2 fma f16c avx512f avx512_vnni amx_int8 hypervisor\n\n"
    "processor\t: 1\nmodel name\t: another\nflags\t\t: fpu\n"
)


def put(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def intel(tmp_path):
    core = "sys/devices/system/cpu/cpu0"
    return put(
        tmp_path,
        {
            "proc/cpuinfo": INTEL,
            "proc/meminfo": "MemTotal:       16000000 kB\nMemFree: 1 kB\n",
            f"{core}/cpufreq/scaling_governor": "powersave\n",
            f"{core}/cpufreq/cpuinfo_max_freq": "3500000\n",
            f"{core}/cache/index0/level": "1\n",
            f"{core}/cache/index0/type": "Data\n",
            f"{core}/cache/index0/size": "48K\n",
            f"{core}/cache/index3/level": "3\n",
            f"{core}/cache/index3/type": "Unified\n",
            f"{core}/cache/index3/size": "32M\n",
            f"{core}/cache/index4/size": "broken\n",
        },
    )


def test_what_linux_tells(intel):
    found = describe_machine(intel)
    assert found["cpu"] == "Some Xeon"
    expected = ["amx_int8", "avx2", "avx512_vnni", "avx512f", "f16c", "fma", "sse4_1"]
    assert found["features"] == expected
    assert found["governor"] == "powersave"
    assert found["frequency_mhz"] == {"now": 2600.118, "max": 3500}
    assert found["caches_bytes"] == {"L1d": 48 * 1024, "L3": 32 * 1024**2}
    assert found["memory_gb"] == 16.4
    assert found["hypervisor"] is True


def test_arm(tmp_path):
    found = describe_machine(put(tmp_path, {"proc/cpuinfo": ARM}))
    assert found["features"] == ["asimd", "asimddp", "i8mm", "sve"]
    assert found["hypervisor"] is False


def test_elsewhere_nothing_is_known_and_nothing_fails(tmp_path, monkeypatch):
    for name in ("sched_getaffinity", "getloadavg", "sysconf"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(platform, "processor", lambda: "")

    def absent():
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", absent)
    found = describe_machine(tmp_path)
    unknown = ("cpu", "features", "affinity", "governor", "load", "caches_bytes", "memory_gb")
    assert all(found[name] is None for name in (*unknown, "hypervisor"))
    assert found["os"]
    lines = "\n".join(describe_machine_lines(found))
    assert "CPU        unknown" in lines
    assert "memory     unknown" in lines


def test_this_machine_as_json_and_as_lines():
    found = describe_machine()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert 1 <= found["cores"] <= found["cores_host"]
    assert found["python"] == platform.python_version()
    lines = describe_machine_lines(found)
    assert 4 <= len(lines) <= 12
    assert all("\n" not in line for line in lines)
    everything = json.dumps(found) + "\n".join(lines)
    node = platform.node()
    assert len(node) < 4 or node not in everything


def test_gpus_are_asked_of_the_drivers_own_tool(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA T4, 15360 MiB, 580.1'\necho\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = describe_machine()
    assert found["gpus"] == ["NVIDIA T4, 15360 MiB, 580.1"]
    assert "GPU        NVIDIA T4, 15360 MiB, 580.1" in describe_machine_lines(found)
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert describe_machine()["gpus"] is None


def test_lines_of_a_bare_record():
    assert describe_machine_lines({})[0] == "CPU        unknown"


def test_variables_that_change_threads():
    found = thread_variables(
        {
            "OMP_NUM_THREADS": "1",
            "KMP_AFFINITY": "granularity=fine,compact,1,0",
            "TOKENIZERS_PARALLELISM": "false",
            "OPENBLAS_NUM_THREADS": "2",
            "ORT_LOG_FILE": "/home/someone/log",
            "HOME": "/home/someone",
            "PATH": "/bin",
            "SECRET_OMP_THREADS": "1",
        }
    )
    assert found == {
        "KMP_AFFINITY": "granularity=fine,compact,1,0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "2",
        "ORT_LOG_FILE": "(set)",
        "TOKENIZERS_PARALLELISM": "false",
    }


def test_versions_of_what_is_installed():
    found = library_versions(["numpy", "no-such-library", "onnxruntime"])
    assert list(found) == ["numpy", "onnxruntime"]
    assert module.library_versions([]) == {}
