"""Prove the light path: the built wheel, in bare environments, passes tests/runtime.

Twice: with the pinned versions, and with the lowest versions that pyproject.toml allows. A bare
environment holds the three libraries and what they require; the wheel is added without resolving,
so `pip check` shows whether it wants anything more. The tests run in a folder without the sources.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEST_TOOLS = ["pytest", "hypothesis", "pytest-xdist"]
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]


def main() -> int:
    """Build, install, test; the first failure ends it."""
    with tempfile.TemporaryDirectory(prefix="limen-light-") as name:
        work = Path(name)
        wheel = build_wheel(work / "dist")
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        requirements = project["dependencies"]
        lowest = [requirement.replace(">=", "==") for requirement in requirements]
        pinned = ["--constraint", str(ROOT / "constraints.txt"), *requirements]
        for title, wanted in (("pinned", pinned), ("lowest", lowest)):
            print(f"light path, {title} versions: {' '.join(wanted[-3:])}", flush=True)
            prove(work / title, wheel, wanted)
    return 0


def build_wheel(folder: Path) -> Path:
    """Build the wheel with the hatchling that is installed here."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


def prove(folder: Path, wheel: Path, wanted: list[str]) -> None:
    """Make a bare environment, install the wheel into it and run tests/runtime there."""
    venv.create(folder / "env", with_pip=True)
    python = str(folder / "env" / "bin" / "python")
    subprocess.run([python, *PIP, "install", *wanted], check=True)
    subprocess.run([python, *PIP, "install", "--no-deps", str(wheel)], check=True)
    subprocess.run([python, *PIP, "check"], check=True)
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, *PIP, "install", *constraints, *TEST_TOOLS], check=True)
    tests = folder / "tests"
    for part in ("runtime", "golden"):
        shutil.copytree(ROOT / "tests" / part, tests / part)
    shutil.copy(ROOT / "tests" / "conftest.py", tests)
    options = ["--import-mode=importlib", "-W", "error", "-q", "-p", "no:cacheprovider"]
    options += ["--numprocesses", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
    subprocess.run([python, "-m", "pytest", *options, "runtime"], check=True, cwd=tests)


if __name__ == "__main__":
    sys.exit(main())
