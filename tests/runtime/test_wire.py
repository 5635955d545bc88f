"""protobuf's wire format: what is written is read, and nothing but FormatError comes of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import FormatError
from limen.format import wire

NUMBERS = st.integers(1, 2**29 - 1)
RECORDS = st.one_of(
    st.tuples(NUMBERS, st.just(wire.VARINT), st.integers(0, 2**64 - 1)),
    st.tuples(NUMBERS, st.just(wire.FIXED64), st.binary(min_size=8, max_size=8)),
    st.tuples(NUMBERS, st.just(wire.LENGTH_DELIMITED), st.binary(max_size=300)),
    st.tuples(NUMBERS, st.just(wire.FIXED32), st.binary(min_size=4, max_size=4)),
)


def encoded(varint, number, wire_type, value):
    tag = varint(number << 3 | wire_type)
    if wire_type == wire.VARINT:
        return tag + varint(value)
    if wire_type == wire.LENGTH_DELIMITED:
        return tag + varint(len(value)) + value
    return tag + value


def read(data):
    return list(wire.fields(memoryview(data)))


@given(st.lists(RECORDS, max_size=8))
def test_every_record_is_read_as_written(forge, parts):
    stored = [encoded(forge.varint, *part) for part in parts]
    found = read(b"".join(stored))
    assert [(one.number, one.wire_type) for one in found] == [part[:2] for part in parts]
    assert [bytes(one.raw) for one in found] == stored
    for one, (_, wire_type, value) in zip(found, parts, strict=True):
        assert (one.value if wire_type == wire.VARINT else bytes(one.payload)) == value


@given(NUMBERS, st.binary(max_size=70_000))
def test_encode_bytes_is_read_back(number, payload):
    (found,) = read(wire.encode_bytes(number, payload))
    assert (found.number, found.wire_type) == (number, wire.LENGTH_DELIMITED)
    assert bytes(found.payload) == payload


@given(st.binary(max_size=400))
def test_arbitrary_bytes_give_their_own_bytes_back_or_format_error(data):
    try:
        found = read(data)
    except FormatError:
        return
    assert b"".join(bytes(one.raw) for one in found) == data


@given(st.lists(RECORDS, min_size=1, max_size=4), st.data())
def test_a_message_cut_inside_a_record_is_refused(forge, parts, data):
    stored = [encoded(forge.varint, *part) for part in parts]
    whole = b"".join(stored)
    cut = data.draw(st.integers(len(whole) - len(stored[-1]) + 1, len(whole) - 1), label="cut")
    with pytest.raises(FormatError, match="truncated, or not an ONNX file"):
        read(whole[:cut])


@pytest.mark.parametrize("wire_type", [3, 4, 6, 7])
def test_groups_and_unassigned_wire_types_are_refused(forge, wire_type):
    with pytest.raises(FormatError, match=f"wire type {wire_type}"):
        read(forge.varint(7 << 3 | wire_type) + b"\0" * 16)


def test_field_number_zero_is_refused():
    with pytest.raises(FormatError, match="field number 0"):
        read(b"\x02\x00")


@pytest.mark.parametrize("number", [2**29, 2**29 + 7, 2**32, 2**60])
def test_field_numbers_beyond_protobufs_are_refused(forge, number):
    """C++ drops a tag's bits from the 32nd on: it takes such a record for another field, so a
    reader that skips it as unknown does not see what onnxruntime will see.
    """
    with pytest.raises(FormatError):
        read(forge.varint(number << 3 | wire.LENGTH_DELIMITED) + b"\x01x")


def test_a_number_of_more_than_ten_bytes_is_refused():
    with pytest.raises(FormatError, match="ten bytes"):
        read(b"\x08" + b"\xff" * 10 + b"\x01")


def test_a_length_beyond_the_end_is_refused_whatever_its_size(forge):
    for length in (2, 2**31, 2**63, 2**69):
        with pytest.raises(FormatError, match="truncated"):
            read(b"\x0a" + forge.varint(length) + b"x")


@given(st.text())
def test_text_is_read_as_written(text):
    assert wire.text(memoryview(text.encode("utf-8"))) == text


@given(st.binary(max_size=50))
def test_text_of_arbitrary_bytes_is_text_or_format_error(data):
    try:
        assert wire.text(memoryview(data)).encode("utf-8") == data
    except FormatError:
        with pytest.raises(UnicodeDecodeError):
            data.decode("utf-8")
