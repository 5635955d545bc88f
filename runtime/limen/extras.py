"""The gate before every part of limen that needs more than the three small libraries."""

from importlib.util import find_spec

from limen.errors import MissingExtraError

EXPORTING = ("torch", "transformers", "onnx", "onnxscript", "safetensors", "sklearn")
"""Top-level modules that the extra `export` brings."""
TRAINING = (*EXPORTING, "accelerate", "imblearn")
"""Those of the extra `train`, which takes `export` along."""


def require(extra: str, modules: tuple[str, ...]) -> None:
    """Check that the modules of an extra can be imported, without importing them.

    Args:
        extra: name of the extra, such as `export`.
        modules: top-level module names that the extra brings.

    Raises:
        MissingExtraError: at least one is absent; the message names them and the command that
            installs them.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"limen[{extra}] needs {', '.join(missing)}, not installed here; "
            f'run: pip install "limen[{extra}]"'
        )
