"""Reading and writing protobuf's wire format, as much of it as an ONNX file needs.

Source: https://protobuf.dev/programming-guides/encoding/ (varints, tags, length-delimited records).
Groups (wire types 3 and 4) are deprecated, never occur in ONNX, and are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from limen.errors import FormatError

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
# Other readers drop the high bits of a larger number and would see another field than this one.
_MAX_FIELD_NUMBER = 2**29 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """One record of a message.

    Attributes:
        number: field number of the message's schema.
        wire_type: VARINT, FIXED64, LENGTH_DELIMITED or FIXED32.
        value: the number of a VARINT; 0 otherwise.
        payload: bytes of a LENGTH_DELIMITED or fixed-size record; empty for a VARINT.
        raw: the whole record as stored, tag and length included.
    """

    number: int
    wire_type: int
    value: int
    payload: memoryview
    raw: memoryview

    @property
    def body(self) -> memoryview:
        """Payload of a field whose schema says LENGTH_DELIMITED.

        Other readers skip a known field of another wire type, so one that is read here and skipped
        there could hide what a session then runs.

        Raises:
            FormatError: it is stored as another wire type.
        """
        if self.wire_type != LENGTH_DELIMITED:
            raise FormatError(f"field {self.number} has wire type {self.wire_type}, expected 2")
        return self.payload


def fields(message: memoryview) -> Iterator[Field]:
    """Walk the records of one message in the order they are stored.

    Raises:
        FormatError: the bytes are no protobuf message, or they end inside a record.
    """
    position = 0
    end = len(message)
    while position < end:
        start = position
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number <= _MAX_FIELD_NUMBER:
            raise FormatError(f"not an ONNX file: a record with field number {number}")
        value = 0
        body = position
        if wire_type == VARINT:
            value, position = _varint(message, position)
            body = position
        elif wire_type == LENGTH_DELIMITED:
            length, body = _varint(message, position)
            position = body + length
        elif wire_type in (FIXED64, FIXED32):
            position = body + (8 if wire_type == FIXED64 else 4)
        else:
            raise FormatError(f"not an ONNX file: a record of wire type {wire_type}")
        if position > end:
            raise FormatError(
                f"truncated, or not an ONNX file: a record says {position - start:,} bytes "
                f"where {end - start:,} are left"
            )
        yield Field(number, wire_type, value, message[body:position], message[start:position])


def text(payload: memoryview) -> str:
    """Decode a string record.

    Raises:
        FormatError: the bytes are not UTF-8.
    """
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("not an ONNX file: a string record is not UTF-8") from error


def encode_bytes(number: int, payload: bytes) -> bytes:
    """Encode a LENGTH_DELIMITED record: tag, length, payload."""
    return _encode_varint(number << 3 | LENGTH_DELIMITED) + _encode_varint(len(payload)) + payload


def encode_varint(number: int, value: int) -> bytes:
    """Encode a VARINT record: tag, value (not negative)."""
    return _encode_varint(number << 3 | VARINT) + _encode_varint(value)


def varints(payload: memoryview) -> list[int]:
    """Decode a packed record: numbers, one after another.

    Raises:
        FormatError: it ends inside a number.
    """
    values, position = [], 0
    while position < len(payload):
        value, position = _varint(payload, position)
        values.append(value)
    return values


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if position + count >= len(message):
            raise FormatError("truncated, or not an ONNX file: it ends inside a number")
        byte = message[position + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise FormatError("not an ONNX file: a number longer than ten bytes")


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
