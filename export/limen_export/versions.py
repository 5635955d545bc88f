"""Versions of the libraries that take part in an export."""

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


def installed_versions() -> tuple[tuple[str, str], ...]:
    """Return (library, version) for those that are installed, in alphabetical order."""
    found = []
    for library in _LIBRARIES:
        try:
            found.append((library, version(library)))
        except PackageNotFoundError:
            continue
    return tuple(found)
