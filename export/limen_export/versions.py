"""Versions of the libraries that take part in an export."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = (
    "limen",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "tokenizers",
    "torch",
    "transformers",
)


def installed_versions(libraries: Sequence[str] = _LIBRARIES) -> tuple[tuple[str, str], ...]:
    """Return (library, version) for those that are installed, in the order of `libraries`."""
    found = []
    for library in libraries:
        try:
            found.append((library, version(library)))
        except PackageNotFoundError:
            continue
    return tuple(found)
