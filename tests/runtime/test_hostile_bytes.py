"""Bytes that are no classifier file at all: each refused by its own message."""

import random

import limen
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import EngineError, FormatError
from limen.format import parse
from limen.format.wire import encode_bytes

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0"
NEXT_STEP = r"(export|upgrade|fetch|inline|load and save)"

CASES = {
    "empty": (b"", "it is empty"),
    "one byte": (b"\x08", "not an ONNX file"),
    "text": (b"the quick brown fox jumps over the lazy dog\n", "not an ONNX file"),
    "JSON": (b'{"labels": ["a", "b"]}', "not an ONNX file"),
    "PNG": (PNG, "not an ONNX file"),
    "zip": (b"PK\x03\x04" + b"\0" * 40, "not an ONNX file"),
    "zeros": (b"\0" * 1000, "field number 0"),
    "random": (random.Random(7).randbytes(5_000), "not an ONNX file"),  # noqa: S311
    "a pointer of git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "not an ONNX file"),
    "group": (b"\x08\x0a\x3b\x3c", "wire type 3"),
    "end of a group": (b"\x08\x0a\x3c", "wire type 4"),
    "no ir_version": (encode_bytes(7, b""), "no ir_version"),
    "ir_version alone": (b"\x08\x0a", "without limen's properties"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_by_name(case):
    data, message = CASES[case]
    with pytest.raises(FormatError, match=rf"^hostile\.onnx: .*{message}"):
        parse(data, "hostile.onnx")


@pytest.mark.parametrize("case", CASES)
def test_message_says_what_to_do(case):
    with pytest.raises(FormatError, match=NEXT_STEP):
        parse(CASES[case][0], "hostile.onnx")


@pytest.mark.parametrize("case", CASES)
def test_load_refuses_before_a_session(tmp_path, case):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(CASES[case][0])
    with pytest.raises(FormatError, match=r"^broken\.onnx: "):
        limen.load(broken)


def test_a_model_without_properties_is_told_from_a_damaged_one(forge):
    with pytest.raises(FormatError, match="without limen's properties; make one with: limen expo"):
        parse(forge.bare(), "x.onnx")


@given(data=st.data())
def test_truncated_anywhere(forge, data):
    length = data.draw(st.integers(0, len(forge.data) - 1), label="length")
    with pytest.raises(FormatError, match=r"^half\.onnx: "):
        parse(forge.data[:length], "half.onnx")


def test_truncated_inside_a_record_says_so(forge):
    graph = next(len(raw) for number, _, _, raw in forge.records(forge.data) if number == 7)
    with pytest.raises(FormatError, match="truncated"):
        parse(forge.data[: graph - 5], "half.onnx")


def test_two_files_one_after_the_other(forge):
    with pytest.raises(FormatError, match="stands twice"):
        parse(forge.data + forge.data, "x.onnx")


def test_bytes_that_another_loader_of_onnxruntime_would_take(forge, multilabel, tmp_path):
    """onnxruntime reads bytes with ORTM at the fifth place as its own format, not as ONNX: then the
    session would run something else than what was checked.
    """
    disguised = forge.sealed(encode_bytes(1000, b"xORTM" + b"x" * 20) + forge.data)
    assert disguised[4:8] == b"ORTM"
    (tmp_path / "disguised.onnx").write_bytes(disguised)
    try:
        model = limen.load(tmp_path / "disguised.onnx")
    except FormatError:
        return
    except EngineError as error:
        pytest.fail(f"it was opened as another format than the one checked: {error}")
    assert model.scores(["happy"]).tobytes() == multilabel.scores(["happy"]).tobytes()
