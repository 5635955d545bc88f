"""Shared by the runtime's tests: the golden files, a forge for broken ones, and fresh processes."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import limen
import pytest
from hypothesis import settings
from limen.format.wire import encode_bytes

settings.register_profile("limen", deadline=None)
settings.load_profile("limen")

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
GRAPH, METADATA = 7, 14


def varint(value):
    """Encode a number as protobuf does: seven bits a byte, the low ones first."""
    out = []
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def records(message):
    """Walk a message: (field number, wire type, payload, record as stored); written apart from
    limen.format.wire, so that the tests do not judge a reader by itself.
    """
    found, position = [], 0

    def number(at):
        value = shift = 0
        while True:
            byte = message[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at

    while position < len(message):
        start = position
        tag, position = number(position)
        wire_type, payload = tag & 7, b""
        if wire_type == 0:
            body = position
            _, position = number(position)
            payload = message[body:position]
        else:
            length = {1: 8, 5: 4}.get(wire_type)
            if length is None:
                length, position = number(position)
            payload = message[position : position + length]
            position += length
        found.append((tag >> 3, wire_type, payload, message[start:position]))
    return found


def first(message, number):
    """Return the payload of a field's first record, b"" where there is none."""
    return next((part[2] for part in records(message) if part[0] == number), b"")


def replaced(message, number, payload):
    """Return the message with a length-delimited field replaced or added; None takes it out."""
    kept = b"".join(raw for found, _, _, raw in records(message) if found != number)
    return kept if payload is None else kept + encode_bytes(number, payload)


def entry(key, value):
    """Encode one metadata record: a StringStringEntryProto in field 14 of a ModelProto."""
    return encode_bytes(METADATA, encode_bytes(1, key.encode()) + encode_bytes(2, value.encode()))


def digest(content):
    """SHA-256 over the top-level records as stored, except the entry with the key limen.digest."""
    kept = (
        raw
        for number, _, payload, raw in records(content)
        if not (number == METADATA and first(payload, 1) == b"limen.digest")
    )
    return "sha256:" + hashlib.sha256(b"".join(kept)).hexdigest()


class Forge:
    """Takes a good classifier file apart and puts it together with one thing changed, its digest
    made right again, so that never the digest alone is what refuses the result.
    """

    entry = staticmethod(entry)
    varint = staticmethod(varint)
    records = staticmethod(records)
    first = staticmethod(first)
    replaced = staticmethod(replaced)
    digest = staticmethod(digest)

    def __init__(self, data):
        self.data = data

    def sealed(self, content):
        """Replace the digest's entry by a right one, at the end."""
        kept = [
            raw
            for number, _, payload, raw in records(content)
            if not (number == METADATA and first(payload, 1) == b"limen.digest")
        ]
        return b"".join([*kept, entry("limen.digest", digest(content))])

    def added(self, *more):
        """Add top-level records."""
        return self.sealed(self.data + b"".join(more))

    def bare(self):
        """Return the ONNX model without any property."""
        return b"".join(raw for number, _, _, raw in records(self.data) if number != METADATA)

    def properties(self):
        """Return the properties, by name."""
        entries = [payload for number, _, payload, _ in records(self.data) if number == METADATA]
        return {first(one, 1).decode(): first(one, 2).decode() for one in entries}

    def with_property(self, key, value):
        """Set a property to a text; None takes it out."""
        properties = {name: text for name, text in self.properties().items() if name != key}
        if value is not None:
            properties[key] = value
        entries = [entry(name, text) for name, text in properties.items()]
        content = self.bare() + b"".join(entries)
        return content if key == "limen.digest" else self.sealed(content)

    def with_block(self, key, **fields):
        """Set fields of a property's JSON object."""
        block = json.loads(self.properties()[key]) | fields
        return self.with_property(key, json.dumps(block))

    def without_field(self, key, field):
        """Take a field out of a property's JSON object."""
        block = json.loads(self.properties()[key])
        del block[field]
        return self.with_property(key, json.dumps(block))

    def with_graph(self, change):
        """Set the graph to what `change` makes of its bytes."""
        parts = [
            encode_bytes(GRAPH, change(payload)) if number == GRAPH else raw
            for number, _, payload, raw in records(self.data)
        ]
        return self.sealed(b"".join(parts))

    def with_part(self, number, index, change):
        """Set one part of the graph: 1 nodes, 5 initializers, 11 inputs, 12 outputs; -1 is last."""

        def graph(message):
            parts = records(message)
            wanted = [at for at, part in enumerate(parts) if part[0] == number][index]
            return b"".join(
                encode_bytes(number, change(part[2])) if at == wanted else part[3]
                for at, part in enumerate(parts)
            )

        return self.with_graph(graph)


@pytest.fixture(scope="session")
def golden_folder():
    """The folder with the tiny classifier files and their cases."""
    return GOLDEN


@pytest.fixture(scope="session")
def forge():
    """A forge over the tiny multi-label file."""
    return Forge((GOLDEN / "tiny_multilabel.onnx").read_bytes())


@pytest.fixture(scope="session")
def path():
    """The tiny multi-label file."""
    return GOLDEN / "tiny_multilabel.onnx"


@pytest.fixture(scope="session")
def multilabel(path):
    """The tiny multi-label model: points f1 (default) and half, four labels, 16 tokens."""
    return limen.load(path)


@pytest.fixture(scope="session")
def multiclass():
    """The tiny multi-class model: points argmax (default) and custom, three labels."""
    return limen.load(GOLDEN / "tiny_multiclass.onnx")


@pytest.fixture(scope="session")
def binary():
    """The tiny model with two labels and one output."""
    return limen.load(GOLDEN / "tiny_binary.onnx")


@pytest.fixture(scope="session")
def one_vs_rest():
    """The tiny model of three parts, a curve each: points argmax (default), coverage@0.90 (sets)
    and custom; margin 0.1.
    """
    return limen.load(GOLDEN / "tiny_one_vs_rest.onnx")


@pytest.fixture(scope="session")
def one_vs_one():
    """The tiny model of six pairs: points argmax, custom (default) and precision@0.90:conf0.95;
    margin 0.05.
    """
    return limen.load(GOLDEN / "tiny_one_vs_one.onnx")


@pytest.fixture(scope="session")
def fresh():
    """Run Python with these arguments in a new process; bytes in, CompletedProcess of bytes out.

    Of the environment the process knows only where programs are and what is given: nothing that a
    developer or a CI service has set can change how Python or a library behaves.
    """
    kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "HOME", "USERPROFILE", "TMPDIR", "TEMP")
    known = {name: os.environ[name] for name in kept if name in os.environ}

    def run(*arguments, stdin=b"", stdout=subprocess.PIPE, cwd=None, **environment):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            input=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=known | environment,
            timeout=120,
            check=False,
        )

    return run
