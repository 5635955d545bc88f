"""Weights from a file: safetensors, or a dict that `torch.save` wrote, of which tensors alone are
read. Nothing that could run is unpickled.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from limen.errors import ExportError, reason
from safetensors import SafetensorError, safe_open

TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
WEIGHT_SUFFIXES = (".safetensors", *TORCH_SUFFIXES)
_NO_WEIGHTS = ("optim", "sched", "scaler", "rng", "criterion", "loss", "pos_weight")
"""Beginnings of names under which training keeps what is not the model's."""
_CLASS = re.compile(r"GLOBAL ([\w.]+)")


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """What a file of weights holds.

    Attributes:
        name: of the file.
        tensors: dotted name to float32 tensor, in the order of the layers as far as it is known: as
            stored by torch, and by name and number from safetensors.
        facts: what a dict of torch says beside tensors, such as labels; empty for safetensors.
    """

    name: str
    tensors: dict[str, torch.Tensor]
    facts: dict[str, object]


def read_weights(file: Path) -> StoredWeights:
    """Read a file of weights.

    Raises:
        ExportError: it cannot be read, holds no tensor, or is a pickle of objects, which are not
            loaded.
    """
    stored = _safetensors(file) if file.suffix.lower() == ".safetensors" else _torch(file)
    if not stored.tensors:
        raise ExportError(
            f"{file.name}: no tensor in it; expected weights, as torch.save(model.state_dict(), "
            "FILE) writes them"
        )
    return stored


def stored_names(file: Path) -> tuple[str, ...]:
    """Return the names of a safetensors file from its header; empty where it cannot be read."""
    try:
        with safe_open(str(file), framework="pt") as weights:
            return tuple(weights.keys())
    except (SafetensorError, OSError):
        return ()


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sort `head.10` behind `head.9`."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"[.]", name)
    ]


def _safetensors(file: Path) -> StoredWeights:
    try:
        with safe_open(str(file), framework="pt") as weights:
            tensors = {
                name: weights.get_tensor(name) for name in sorted(weights.keys(), key=natural_order)
            }
    except (SafetensorError, OSError) as error:
        raise ExportError(
            f"{file.name}: its weights cannot be loaded ({reason(error)}); save them again"
        ) from error
    return StoredWeights(file.name, _floats(tensors), {})


def _torch(file: Path) -> StoredWeights:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_plain_arrays()):
            warnings.simplefilter("ignore")
            value: object = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ExportError(f"{file.name}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        found = _CLASS.search(str(error))
        what = f"an object of {found.group(1)}" if found else reason(error)
        raise ExportError(
            f"{file.name}: more than tensors in it, or no file of torch.save ({what}); limen reads "
            "weights only: save torch.save(model.state_dict(), FILE), or a dict of those"
        ) from error
    if not isinstance(value, Mapping):
        raise ExportError(
            f"{file.name}: holds {type(value).__name__}, expected a dict of tensors, as "
            "torch.save(model.state_dict(), FILE) writes it"
        )
    facts = {str(key): entry for key, entry in value.items() if not _holds_weights(key, entry)}
    tensors = dict(_flat(value, ""))
    return StoredWeights(file.name, _floats(tensors), facts)


def _plain_arrays() -> list[Any]:
    """What a numpy array of numbers is rebuilt with: none of it runs what the file says."""
    from numpy._core import multiarray

    kinds = {type(np.dtype(name)) for name in ("float16", "float32", "float64", "int64", "int32")}
    return [np.ndarray, np.dtype, *kinds, multiarray._reconstruct, multiarray.scalar]


def _holds_weights(key: object, entry: object) -> bool:
    if isinstance(entry, torch.Tensor):
        return entry.dim() > 0 and key != "thresholds"
    return isinstance(entry, Mapping) and any(
        isinstance(each, torch.Tensor | Mapping) for each in entry.values()
    )


def _flat(value: Mapping[object, object], before: str) -> Iterator[tuple[str, torch.Tensor]]:
    for key, entry in value.items():
        if not isinstance(key, str) or key.lower().startswith(_NO_WEIGHTS):
            continue
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{before}{key}.")
        elif isinstance(entry, torch.Tensor) and _holds_weights(key, entry):
            yield f"{before}{key}", entry


def _floats(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name: tensor.detach().to(torch.float32)
        for name, tensor in tensors.items()
        if tensor.is_floating_point()
    }
