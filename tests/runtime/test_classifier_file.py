"""Stamping a model and reading the file back: nothing lost, nothing altered unseen."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import FormatError, InputError
from limen.format import parse, read, stamp
from limen.format.wire import encode_bytes

KEYS = [
    "limen.decision",
    "limen.digest",
    "limen.encoder",
    "limen.evidence",
    "limen.execution",
    "limen.format",
    "limen.golden",
    "limen.provenance",
]


@pytest.fixture(scope="module")
def file(path):
    return read(path)


def test_stamped_is_read_back(forge, file):
    again = parse(stamp(forge.bare(), file.metadata), "again.onnx")
    assert again.metadata == file.metadata
    assert again.graph == file.graph
    assert again.name == "again.onnx"
    assert again.data == stamp(forge.bare(), file.metadata)


def test_the_graph_is_summed_up(file):
    (port,) = file.graph.inputs
    assert (port.name, port.element_type, port.shape) == ("input_ids", "int64", ("batch", "tokens"))
    (port,) = file.graph.outputs
    assert (port.name, port.element_type, port.shape) == ("logits", "float32", ("batch", 4))
    assert file.graph.operators == {"Gather", "ReduceMean", "MatMul", "Add"}
    assert file.graph.nodes == 4


def test_stamping_keeps_every_byte_of_the_model(forge, file):
    model = forge.bare()
    assert stamp(model, file.metadata).startswith(model)


def test_stamping_twice_replaces(forge, file):
    once = stamp(forge.bare(), file.metadata)
    assert stamp(once, file.metadata) == once
    changed = replace(file.metadata, provenance=replace(file.metadata.provenance, source="other"))
    twice = stamp(once, changed)
    assert parse(twice, "x").metadata == changed
    assert sorted(forge.__class__(twice).properties()) == KEYS


def test_stamping_replaces_properties_of_a_format_that_was_never_known(forge, file):
    old = forge.bare() + forge.entry("limen.shape", "{}") + forge.entry("limen.format", "0")
    assert parse(stamp(old, file.metadata), "x").metadata == file.metadata


def test_properties_of_other_tools_are_kept_and_sealed(forge, file):
    model = forge.bare() + forge.entry("author", "somebody, 누군가") + forge.entry("limenade", "")
    stamped = stamp(model, file.metadata)
    kept = forge.__class__(stamped).properties()
    assert kept["author"] == "somebody, 누군가"
    assert kept["limenade"] == ""
    assert sorted(kept) == sorted([*KEYS, "author", "limenade"])
    altered = stamped.replace(b"somebody", b"somebodx")
    with pytest.raises(FormatError, match="digest"):
        parse(altered, "x")


def test_digest_is_what_the_documentation_says(forge, file):
    stored = forge.properties()["limen.digest"]
    assert stored == file.digest == forge.digest(file.data)
    content = b"".join(
        raw for _, _, payload, raw in forge.records(file.data) if b"limen.digest" not in payload
    )
    assert stored == "sha256:" + hashlib.sha256(content).hexdigest()


def test_digest_may_stand_anywhere(forge, file):
    parts = [raw for _, _, _, raw in forge.records(file.data)]
    moved = parts[-1] + b"".join(parts[:-1])
    assert b"limen.digest" in parts[-1]
    assert parse(moved, "x").digest == file.digest


def test_properties_are_strict_json_with_sorted_keys(forge):
    import json

    for key, value in forge.properties().items():
        if key not in ("limen.format", "limen.digest"):
            plain = json.loads(value)
            assert value == json.dumps(
                plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
            )


@given(data=st.data())
def test_no_flipped_byte_goes_unseen(file, data):
    position = data.draw(st.integers(0, len(file.data) - 1), label="position")
    flip = data.draw(st.integers(1, 255), label="flip")
    broken = bytearray(file.data)
    broken[position] ^= flip
    with pytest.raises(FormatError, match=r"^broken\.onnx: "):
        parse(bytes(broken), "broken.onnx")


def test_no_bit_of_the_digest_entry_can_be_flipped(forge, file):
    start = len(file.data) - len(forge.records(file.data)[-1][3])
    for position in range(start, len(file.data)):
        for bit in range(8):
            broken = bytearray(file.data)
            broken[position] ^= 1 << bit
            with pytest.raises(FormatError):
                parse(bytes(broken), "broken.onnx")


def test_added_records_are_seen(file):
    for more in (b"\x08\x01", encode_bytes(6, b"a note"), encode_bytes(1000, b"")):
        for longer in (more + file.data, file.data + more):
            with pytest.raises(FormatError, match="digest"):
                parse(longer, "x")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data):
    with pytest.raises(FormatError, match=r"^random\.onnx: "):
        parse(data, "random.onnx")


@pytest.mark.parametrize("model", [b"", b"text", b"\x0a\x00", b"\x07"])
def test_what_is_not_onnx_is_not_stamped(file, model):
    with pytest.raises(FormatError, match="ONNX"):
        stamp(model, file.metadata)


def test_reading_names_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.onnx: nothing there; expected a classifier file"):
        read(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="a folder there; expected a classifier file"):
        read(tmp_path)
    with pytest.raises(InputError, match="none"):
        read(str(tmp_path / "none.onnx"))


def test_reading_opens_the_bytes_that_were_checked(path, tmp_path):
    copy = tmp_path / "copy 복사.onnx"
    copy.write_bytes(path.read_bytes())
    found = read(copy)
    assert found.name == "copy 복사.onnx"
    assert found.data == path.read_bytes()
    assert read(str(copy)) == found
