"""Kinds of sources, as far as rivals differ by them."""

import json
from pathlib import Path
from typing import Literal, TypeAlias

SourceKind: TypeAlias = Literal["checkpoint", "sklearn", "static"]
NAMES: dict[SourceKind, str] = {
    "checkpoint": "a checkpoint of transformers",
    "sklearn": "a scikit-learn pipeline",
    "static": "a Model2Vec folder",
}
"""What messages call them."""

_ESTIMATORS = (".skops", ".pkl", ".pickle", ".joblib")
_STATIC = ("model.safetensors", "tokenizer.json", "config.json")
_STATIC_TABLE = "embeddings"
_LONGEST_HEADER = 100_000_000
"""As the safetensors library allows (github.com/huggingface/safetensors, README, "Format")."""


def source_kind(source: Path) -> SourceKind:
    """Say what a source is: a file of a fitted estimator, by its suffix; a folder whose
    model.safetensors holds a table named `embeddings`, as Model2Vec saves it; or else a checkpoint.
    Only the header of the weights is read.
    """
    if source.suffix.lower() in _ESTIMATORS and source.is_file():
        return "sklearn"
    if all((source / name).is_file() for name in _STATIC):
        return "static" if _STATIC_TABLE in _tensor_names(source / _STATIC[0]) else "checkpoint"
    return "checkpoint"


def _tensor_names(weights: Path) -> frozenset[str]:
    """Read the names in a safetensors header: 8 bytes of its length, then JSON; none where it is
    no such file.
    """
    try:
        with weights.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length)) if length <= _LONGEST_HEADER else None
    except (OSError, ValueError, RecursionError):
        return frozenset()
    return frozenset(header) if isinstance(header, dict) else frozenset()
