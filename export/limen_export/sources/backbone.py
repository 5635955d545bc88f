"""A transformers model without head: from its own folder, or from weights that hold a head too."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from limen.errors import ExportError, reason
from torch import nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel

from limen_export.sources.checkpoint_folder import CheckpointFolder, check_config, check_weights
from limen_export.sources.head_layers import listed
from limen_export.sources.head_wishes import Pooling

_POOLER = "pooler."
_REBUILT = "position_ids"
"""Ends names of buffers that older versions stored and newer ones make themselves."""
_FEW = 0.5
"""With less of the backbone's weights than this share, a file is taken for a head alone."""
_PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and wrapping classes put before every name."""


@dataclass(frozen=True, eq=False)
class SplitWeights:
    """Weights of a backbone and a head, told apart.

    Attributes:
        backbone: under the names that the backbone itself has; empty where there are none.
        head: all others, without what stands before every name.
    """

    backbone: dict[str, torch.Tensor]
    head: dict[str, torch.Tensor]


def read_config(folder: CheckpointFolder) -> PretrainedConfig:
    """Read a backbone's config.

    Raises:
        ExportError: there is none, it is not understood, or transformers has no such model.
    """
    check_config(folder.path, folder.name)
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            str(folder.path), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ExportError(
            f"{folder.name}: its config.json is not understood ({reason(error)})"
        ) from error
    if type(config) not in AutoModel._model_mapping:
        raise ExportError(
            f"{folder.name}: transformers has no text model of type {config.model_type!r}"
        )
    return config


def split_weights(
    tensors: Mapping[str, torch.Tensor], config: PretrainedConfig, name: str
) -> SplitWeights:
    """Tell a backbone's weights from a head's by the names that the backbone itself has, whatever
    stands before them (`backbone.`, `encoder.`, `model.bert.`, `module.roberta.`, ...).

    Args:
        tensors: all of them.
        config: of the backbone.
        name: of the source, for messages.

    Raises:
        ExportError: a part of the backbone's weights is missing, or has another shape; the message
            lists what was found and what was expected.
    """
    expected = _expected(config)
    before = _prefix(tensors, expected)
    found = {key: before + key for key in expected if before + key in tensors}
    needed = [key for key in expected if not key.startswith(_POOLER)]
    missing = [key for key in needed if key not in found]
    if len(missing) > _FEW * len(needed):
        return SplitWeights({}, _unwrapped(tensors))
    if missing:
        raise ExportError(
            f"{name}: {len(missing)} of {len(needed)} weights of a {config.model_type} backbone "
            f"are missing, such as {before}{missing[0]}; found: {listed(tensors)}"
        )
    for key, full in found.items():
        if tuple(tensors[full].shape) != expected[key]:
            raise ExportError(
                f"{name}: {full} is {tuple(tensors[full].shape)}, the backbone's config.json makes "
                f"it {expected[key]}; weights and backbone belong to different models"
            )
    taken = {*found.values()}
    others = {
        key: tensor
        for key, tensor in tensors.items()
        if key not in taken and not key.endswith(_REBUILT)
    }
    return SplitWeights({key: tensors[full] for key, full in found.items()}, _unwrapped(others))


def load_backbone(
    folder: CheckpointFolder,
    config: PretrainedConfig,
    tensors: Mapping[str, torch.Tensor],
    poolings: tuple[Pooling, ...],
) -> PreTrainedModel:
    """Load a backbone in float32, in evaluation mode.

    Args:
        folder: its own.
        config: its config.
        tensors: its weights under its own names; empty takes those of the folder.
        poolings: whether its own pooler is read.

    Raises:
        ExportError: weights are missing or do not fit.
    """
    model, missing = _filled(config, tensors) if tensors else _from_folder(folder, config)
    if "pooler" in poolings:
        if getattr(model, "pooler", None) is None:
            raise ExportError(
                f"{folder.name}: a {config.model_type} backbone has no pooler of its own; "
                "pass --pooling cls, mean or max"
            )
    else:
        missing = [key for key in missing if not key.startswith(_POOLER)]
    if missing:
        raise ExportError(
            f"{folder.name}: {len(missing)} weights are missing ({', '.join(missing[:3])}); "
            "expected the whole backbone"
            + ("; pass --pooling cls, mean or max" if missing[0].startswith(_POOLER) else "")
        )
    model.requires_grad_(False)
    evaluated: PreTrainedModel = model.eval()  # type: ignore[no-untyped-call]
    return evaluated


def _expected(config: PretrainedConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes, from a skeleton without memory (torch's meta device)."""
    with torch.device("meta"):
        skeleton: nn.Module = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    return {key: tuple(value.shape) for key, value in skeleton.named_parameters()}


def _prefix(tensors: Mapping[str, object], expected: Mapping[str, object]) -> str:
    """Return what stands before most of the backbone's names."""
    votes: Counter[str] = Counter()
    for key in tensors:
        parts = key.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in expected:
                votes["".join(f"{part}." for part in parts[:start])] += 1
    return max(votes, key=lambda prefix: votes[prefix], default="")


def _unwrapped(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Take off what stands before every name."""
    names = dict(tensors)
    while prefix := next(
        (one for one in _PREFIXES if names and all(key.startswith(one) for key in names)), None
    ):
        names = {key.removeprefix(prefix): tensor for key, tensor in names.items()}
    return names


def _filled(
    config: PretrainedConfig, tensors: Mapping[str, torch.Tensor]
) -> tuple[PreTrainedModel, list[str]]:
    model: Any = AutoModel.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    model.tie_weights()
    missing, _ = model.load_state_dict(dict(tensors), strict=False)
    parameters = {key for key, _ in model.named_parameters()}
    return model, [key for key in missing if key in parameters]


def _from_folder(
    folder: CheckpointFolder, config: PretrainedConfig
) -> tuple[PreTrainedModel, list[str]]:
    check_weights(folder.path, folder.name)
    info: dict[str, Any]
    try:
        model, info = AutoModel.from_pretrained(
            str(folder.path),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        raise ExportError(
            f"{folder.name}: its weights cannot be loaded ({reason(error)})"
        ) from error
    if info["mismatched_keys"]:
        raise ExportError(
            f"{folder.name}: weights do not fit config.json ({next(iter(info['mismatched_keys']))})"
        )
    return model, sorted(info["missing_keys"])
