"""A few seconds of what soak.py does for minutes."""

from pathlib import Path
from runpy import run_path


def test_mixed_load_gives_right_answers_and_no_errors(path):
    soak = run_path(str(Path(__file__).with_name("soak.py")))["soak"]
    found = soak(path, 5.0)
    assert found["errors"] == []
    assert found["wrong"] == 0
    assert found["answers"] > 100
    assert found["cancelled"] > 0
