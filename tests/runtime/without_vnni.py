"""Run Python in a process to which VNNI is hidden, where the system lets that be done."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
LEVELS = {"AVX2": 0, "AVX-512": 1}
PREAMBLE = "import ctypes, sys\nassert ctypes.CDLL(sys.argv[1]).hide_vnni(int(sys.argv[2])) == 0\n"


def built(folder):
    """Compile the library; the test is skipped where it cannot be compiled or does not work."""
    compiler = shutil.which("cc")
    if platform.system() != "Linux" or platform.machine() != "x86_64" or compiler is None:
        pytest.skip("hiding VNNI needs Linux on x86-64 and a C compiler")
    library = folder / "without_vnni.so"
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True
    )
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if "cpuid_fault" not in flags or "avx2" not in flags:
        pytest.skip("this processor cannot make CPUID fault")
    return library


def run_hidden(fresh, library, level, code, *arguments):
    """Run code; sys.argv[3:] are the arguments. Returns what it printed."""
    if level == "AVX-512" and "avx512bw" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip("this processor has no AVX-512")
    done = fresh("-c", PREAMBLE + code, library, LEVELS[level], *arguments)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return done.stdout.decode()
