"""Shared by all tests: where the real data is, and what happens when it is absent."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_VARIABLE = "LIMEN_SHARED"
REQUIRED_VARIABLE = "LIMEN_SHARED_REQUIRED"
_skipped = 0


@pytest.fixture(scope="session")
def shared():
    """The folder with real data and checkpoints; tests that need it skip where it is absent."""
    folder = Path(os.environ.get(SHARED_VARIABLE, ROOT.parent / "shared"))
    if (folder / "data").is_dir() and (folder / "models").is_dir():
        return folder
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(f"{REQUIRED_VARIABLE} is set, but there is no real data at {folder}")
    return pytest.skip(f"no real data; {SHARED_VARIABLE} names its folder")


def pytest_runtest_logreport(report):
    global _skipped
    if report.skipped and "no real data" in str(report.longrepr):
        _skipped += 1


def pytest_terminal_summary(terminalreporter):
    if _skipped:
        terminalreporter.write_line(
            f"{_skipped} tests skipped: they need real data that is not part of the project"
        )
