"""Reading and writing classifier files: the bytes, their checks, their digest."""

import hashlib
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from limen.errors import FormatError, InputError
from limen.format import limits, wire
from limen.format.graph import GraphSummary, summarise
from limen.format.metadata import DIGEST_KEY, PREFIX, Metadata, check_format
from limen.format.ports import check_ports
from limen.format.tables import read_tables, with_tables
from limen.format.wire import Field
from limen.meanwhile import Meanwhile

_MODEL_IR_VERSION, _MODEL_GRAPH, _MODEL_METADATA_PROPS = 1, 7, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


@dataclass(frozen=True)
class ClassifierFile:
    """A classifier file that passed every check.

    Attributes:
        name: the file's own name, for messages.
        data: its bytes, the very ones that were checked; a session is opened from these.
        metadata: its `limen.*` properties.
        graph: inputs, outputs and operators.
        digest: `sha256:` and 64 hexadecimal digits.
    """

    name: str
    data: bytes
    metadata: Metadata
    graph: GraphSummary
    digest: str


def read(path: str | Path) -> ClassifierFile:
    """Read a classifier file and check all of it; no session is opened.

    Raises:
        InputError: no such file, or it cannot be read.
        FormatError: it is not a classifier file that this runtime may open.
    """
    file = Path(path)
    try:
        if not file.is_file():
            found = "a folder" if file.is_dir() else "nothing"
            raise InputError(f"{file}: {found} there; expected a classifier file (.onnx)")
        if file.stat().st_size > limits.MAX_FILE_BYTES:
            raise FormatError(f"{file.name}: larger than {limits.MAX_FILE_BYTES:,} bytes")
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error})") from error
    return parse(data, file.name)


def parse(data: bytes, name: str) -> ClassifierFile:
    """Check the bytes of a classifier file.

    Raises:
        FormatError: they are not a classifier file that this runtime may open; the message begins
            with `name`.
    """
    try:
        model = _top_level(data)
        properties = _properties(model)
        check_format(properties)
        # Half of the time of reading a file: one long call, which leaves Python's lock to others.
        with Meanwhile(partial(_digest, model)) as digesting:
            try:
                checked = _checked(model, properties)
            except Exception:
                # Whatever else is wrong with a file that was damaged follows from that.
                _check_digest(properties, digesting.result())
                raise
            digest = digesting.result()
        _check_digest(properties, digest)
    except FormatError as error:
        # What went wrong and the next step are divided by a semicolon throughout.
        advice = "" if "; " in str(error) else "; export the model again"
        raise FormatError(f"{name}: {error}{advice}") from error
    return ClassifierFile(name, data, *checked, digest)


def _checked(model: list[Field], properties: dict[str, str]) -> tuple[Metadata, GraphSummary]:
    graph = summarise(model)
    metadata = Metadata.from_properties(properties, partial(read_tables, model))
    check_ports(graph, metadata)
    metadata.check_widths()
    return metadata, graph


def _check_digest(properties: dict[str, str], digest: str) -> None:
    if properties.get(DIGEST_KEY) != digest:
        raise FormatError(
            "its digest does not match its content: it was changed or damaged after it was made; "
            "fetch it again, or export the model again"
        )


def stamp(model: bytes, metadata: Metadata) -> bytes:
    """Put the properties into an ONNX model, replacing any `limen.*` property it has, the encoder's
    tables into its graph, and seal it with the digest.

    Args:
        model: an ONNX file's bytes; properties of other tools are kept.
        metadata: what the file shall carry.

    Returns:
        The bytes of a classifier file.

    Raises:
        FormatError: `model` is not an ONNX file.
    """
    tables = metadata.tables
    kept = [
        with_tables(record, tables)
        if tables and record.number == _MODEL_GRAPH
        else bytes(record.raw)
        for record in _top_level(model)
        if not _is_ours(record)
    ]
    added = [_entry(key, value) for key, value in sorted(metadata.to_properties().items())]
    content = b"".join([*kept, *added])
    return content + _entry(DIGEST_KEY, _digest(_top_level(content)))


def _top_level(data: bytes) -> list[Field]:
    if not data:
        raise FormatError("not an ONNX file: it is empty")
    most = limits.MAX_TOP_LEVEL_RECORDS
    records = list(islice(wire.fields(memoryview(data)), most + 1))
    if len(records) > most:
        raise FormatError(f"not an ONNX file: more than {most:,} top-level records")
    if not any(
        record.number == _MODEL_IR_VERSION and record.wire_type == wire.VARINT for record in records
    ):
        raise FormatError("not an ONNX file: it states no ir_version")
    return records


def _is_ours(record: Field) -> bool:
    return record.number == _MODEL_METADATA_PROPS and _read_entry(record)[0].startswith(PREFIX)


def _properties(model: list[Field]) -> dict[str, str]:
    properties: dict[str, str] = {}
    for record in model:
        if record.number != _MODEL_METADATA_PROPS:
            continue
        if len(record.body) > limits.MAX_PROPERTY_BYTES:
            raise FormatError(f"a property larger than {limits.MAX_PROPERTY_BYTES:,} bytes")
        key, value = _read_entry(record)
        if key in properties:
            raise FormatError(f"property {key!r} stands twice")
        properties[key] = value
    return properties


def _read_entry(record: Field) -> tuple[str, str]:
    parts = [(part.number, wire.text(part.body)) for part in wire.fields(record.body)]
    numbers = [number for number, _ in parts]
    if sorted(numbers) != sorted(set(numbers)):
        raise FormatError("a property with two keys or two values")
    found = dict(parts)
    return found.get(_ENTRY_KEY, ""), found.get(_ENTRY_VALUE, "")


def _entry(key: str, value: str) -> bytes:
    payload = wire.encode_bytes(_ENTRY_KEY, key.encode("utf-8"))
    payload += wire.encode_bytes(_ENTRY_VALUE, value.encode("utf-8"))
    return wire.encode_bytes(_MODEL_METADATA_PROPS, payload)


def _digest(model: list[Field]) -> str:
    """SHA-256 over every top-level record as stored, in order, except the entry that holds the
    digest itself.
    """
    sha = hashlib.sha256()
    for record in model:
        if record.number == _MODEL_METADATA_PROPS and _read_entry(record)[0] == DIGEST_KEY:
            continue
        sha.update(record.raw)
    return f"sha256:{sha.hexdigest()}"
