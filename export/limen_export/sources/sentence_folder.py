"""A folder of sentence-transformers, read without that library: a backbone, its pooling, and what
follows it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from limen.errors import ExportError
from torch import nn

from limen_export.sources.checkpoint_folder import CheckpointFolder
from limen_export.sources.head_facts import json_map
from limen_export.sources.head_layers import activation_module, linear
from limen_export.sources.head_wishes import POOLINGS, Pooling
from limen_export.sources.pooling import Normalised
from limen_export.sources.weights_file import read_weights

MODULES_FILE = "modules.json"
_LEGACY = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Flags of pooling configs before version 6, in the order in which their rows stand side by side
(https://github.com/UKPLab/sentence-transformers/blob/master/sentence_transformers/models/Pooling.py).
"""
_TORCH = {
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.activation.SiLU": "silu",
    "torch.nn.modules.activation.Sigmoid": "sigmoid",
    "torch.nn.modules.linear.Identity": "none",
}


@dataclass(frozen=True, eq=False)
class SentenceFolder:
    """What a folder of sentence-transformers says.

    Attributes:
        backbone: where config, weights and tokenizer are.
        poolings: rows of all tokens to one each, side by side; None where the folder has none.
        layers: what follows, in order.
        max_tokens: the longest input; None where the tokenizer says it.
    """

    backbone: CheckpointFolder
    poolings: tuple[Pooling, ...] | None
    layers: tuple[nn.Module, ...]
    max_tokens: int | None


def read_sentence_folder(folder: CheckpointFolder) -> SentenceFolder:
    """Read the modules of a folder.

    Raises:
        ExportError: a module of another kind than Transformer, Pooling, Dense and Normalize, a
            prompt, or files that are not as sentence-transformers writes them.
    """
    kinds = _modules(folder)
    if not kinds or kinds[0][0] != "Transformer":
        raise ExportError(
            f"{folder.name}: {MODULES_FILE} begins with {kinds[0][0] if kinds else 'nothing'}; "
            "expected a Transformer"
        )
    body = folder.path / kinds[0][1]
    _check_prompt(folder)
    poolings: tuple[Pooling, ...] | None = None
    layers: list[nn.Module] = []
    for kind, path in kinds[1:]:
        if kind == "Pooling" and poolings is None:
            poolings = _poolings(folder.path / path, folder.name)
        elif kind in _LAYERS:
            layers += _LAYERS[kind](folder.path / path, folder.name)
        else:
            raise ExportError(
                f"{folder.name}: module {kind} is not supported; supported are Transformer, one "
                f"Pooling, {', '.join(_LAYERS)}"
            )
    settings = json_map(body / "sentence_bert_config.json")
    if settings.get("do_lower_case"):
        raise ExportError(
            f"{folder.name}: do_lower_case in sentence_bert_config.json lowers text before the "
            "tokenizer; put it into the tokenizer's normalizer instead"
        )
    longest = settings.get("max_seq_length")
    backbone = CheckpointFolder(body, folder.name, folder.licence)
    return SentenceFolder(
        backbone, poolings, tuple(layers), longest if isinstance(longest, int) else None
    )


def _modules(folder: CheckpointFolder) -> list[tuple[str, str]]:
    file = folder.path / MODULES_FILE
    try:
        value: Any = json.loads(file.read_text(encoding="utf-8"))
        ordered = sorted(value, key=lambda one: int(one["idx"]))
        found = [(str(one["type"]).rpartition(".")[2], str(one["path"])) for one in ordered]
    except OSError as error:
        raise ExportError(
            f"{folder.name}: no {MODULES_FILE}; expected a folder of sentence-transformers"
        ) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ExportError(
            f"{folder.name}: {MODULES_FILE} is not as sentence-transformers writes it"
        ) from error
    outside = [path for _, path in found if ".." in Path(path).parts or Path(path).is_absolute()]
    if outside:
        raise ExportError(f"{folder.name}: {MODULES_FILE} points out of its folder")
    return found


def _check_prompt(folder: CheckpointFolder) -> None:
    config = json_map(folder.path / "config_sentence_transformers.json")
    name, prompts = config.get("default_prompt_name"), config.get("prompts")
    if isinstance(prompts, dict) and name is not None and prompts.get(name):
        raise ExportError(
            f"{folder.name}: its default prompt {name!r} is put before every text, which a "
            "classifier file cannot; set default_prompt_name to null and train the head without it"
        )


def _poolings(folder: Path, name: str) -> tuple[Pooling, ...]:
    config = json_map(folder / "config.json")
    stated = config.get("pooling_mode")
    if stated is None and config:
        stated = [mode for flag, mode in _LEGACY.items() if config.get(flag)] or ["mean"]
    modes = stated if isinstance(stated, list) else [stated]
    if not modes or not all(mode in POOLINGS and mode != "pooler" for mode in modes):
        raise ExportError(
            f"{name}: {folder.name}/config.json asks for pooling {stated or 'nothing'}; "
            "supported are cls, mean and max"
        )
    return cast("tuple[Pooling, ...]", tuple(modes))


def _dense(folder: Path, name: str) -> list[nn.Module]:
    config = json_map(folder / "config.json")
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = activation_module(_TORCH.get(named, ""))
    if activation is None or config.get("use_residual"):
        raise ExportError(
            f"{name}: {folder.name} has activation {named}"
            + (" and a residual" if config.get("use_residual") else "")
            + f"; supported are {', '.join(each.rpartition('.')[2] for each in _TORCH)}"
        )
    file = next(
        (
            folder / one
            for one in ("model.safetensors", "pytorch_model.bin")
            if (folder / one).is_file()
        ),
        None,
    )
    tensors = {} if file is None else read_weights(file).tensors
    weight = tensors.get("linear.weight")
    if weight is None:
        raise ExportError(f"{name}: {folder.name} has no linear.weight; save the folder again")
    return [linear(weight, tensors.get("linear.bias")), activation]


_LAYERS: dict[str, Callable[[Path, str], list[nn.Module]]] = {
    "Dense": _dense,
    "Normalize": lambda *_: [Normalised()],
    "Dropout": lambda *_: [],
}
