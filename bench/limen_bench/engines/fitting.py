"""Which engines can be measured beside a classifier file: a rival is made from a source of one
kind.
"""

from pathlib import Path

from limen.devices import Device, choose
from limen.engine import available_providers
from limen.format import ClassifierFile, EncoderBlock

from limen_bench.engines.engine_kind import EngineKind
from limen_bench.engines.source_kind import NAMES, source_kind


def device_of(file: ClassifierFile) -> Device:
    """Return where `limen.load` opens a file here, as far as the installed onnxruntime says.

    Raises:
        InputError: nowhere.
    """
    return choose(file.name, file.metadata.execution, "auto", available_providers).devices[0]


def misfit(kind: EngineKind, file: ClassifierFile, source: Path | None) -> str | None:
    """Say why an engine cannot be made for a file and its source; None where nothing is against it.

    Args:
        kind: the engine.
        file: the classifier file.
        source: what the file was made from; None where the user gave none.
    """
    if not kind.needs_source:
        return None
    device = device_of(file)
    if kind.device != device:
        return f"computes on {kind.device}, and {file.name} opens here on {device}"
    made_from = f"made from {NAMES[kind.made_from]}"
    reads_tokens = isinstance(file.metadata.encoder, EncoderBlock)
    if reads_tokens and kind.made_from == "sklearn":
        return f"{made_from}, and {file.name} reads tokens"
    if not reads_tokens and kind.made_from != "sklearn":
        return f"{made_from}, and {file.name} counts words or characters"
    if source is not None and (given := source_kind(source)) != kind.made_from:
        return f"{made_from}, and --source {source.name} is {NAMES[given]}"
    return None
