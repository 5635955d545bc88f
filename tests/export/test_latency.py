"""Timing a file in a process of its own."""

from pathlib import Path

import pytest
from limen.errors import EngineError
from limen_export.latency import measure

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def test_one_text_at_a_time_and_many_in_one_call():
    found = measure(GOLDEN / "tiny_multilabel.onnx", ("good day", "bad day", ""))
    assert 0 < found.latency.p50 <= found.latency.p90 <= found.latency.p99 <= found.latency.max
    assert found.latency.calls >= 20
    assert found.texts_per_second > 0


def test_a_file_that_cannot_be_opened_is_an_error_of_one_line(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(EngineError, match="timing failed: ") as caught:
        measure(tmp_path / "broken.onnx", ("good day",))
    assert "\n" not in str(caught.value)
