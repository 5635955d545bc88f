"""Calling a module from ids to logits, whatever its arguments are called and it gives back."""

import inspect
from collections.abc import Mapping

import torch
from limen.errors import ExportError
from torch import nn

_MASKS = ("attention_mask", "mask", "attn_mask")
_BESIDE = {"attention_mask": _MASKS, "token_type_ids": ("token_type_ids", "segment_ids")}
"""What a tokenizer gives beside ids, and the arguments that take it."""


def requires_mask(module: nn.Module) -> bool:
    """Say whether a module cannot be called without a mask.

    Raises:
        ExportError: it cannot be called with ids and a mask either.
    """
    ids, *others = _arguments(module)
    needed = [one.name for one in others if one.default is inspect.Parameter.empty]
    unknown = [name for name in needed if name not in _MASKS]
    if unknown:
        raise ExportError(
            f"{type(module).__name__}.forward needs {', '.join(map(repr, unknown))} beside "
            f"{ids.name!r}; expected ids, and at most a mask: give the others a default"
        )
    return bool(needed)


def run_module(module: nn.Module, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Call a module with what it takes of a tokenizer's output.

    Args:
        module: takes ids as its first argument; a mask and token types under their usual names.
        inputs: `input_ids`, int64 (batch, tokens), and perhaps `attention_mask` and
            `token_type_ids` of the same shape, and `position_ids`.

    Returns:
        Logits, float32 (batch, outputs).

    Raises:
        ExportError: what comes back are no logits of that shape.
    """
    if _is_of_transformers(module):
        return _logits(module, module(**inputs))
    _, *others = _arguments(module)
    named = {
        one.name: inputs[given]
        for given, names in _BESIDE.items()
        for one in others
        if one.name in names and given in inputs
    }
    return _logits(module, module(inputs["input_ids"], **named))


def _is_of_transformers(module: nn.Module) -> bool:
    return hasattr(module, "config") and hasattr(module, "base_model_prefix")


def _arguments(module: nn.Module) -> list[inspect.Parameter]:
    every = inspect.signature(module.forward).parameters.values()
    plain = [one for one in every if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if not plain:
        raise ExportError(f"{type(module).__name__}.forward names no argument; expected ids first")
    return plain


def _logits(module: nn.Module, output: object) -> torch.Tensor:
    found = output[0] if isinstance(output, tuple) and output else output
    found = getattr(found, "logits", found)
    if isinstance(found, Mapping):
        found = found.get("logits")
    if not isinstance(found, torch.Tensor) or found.dim() != 2:
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise ExportError(
            f"{type(module).__name__} gives {shape}; expected logits of shape (texts, outputs), "
            "or an output that has them as .logits"
        )
    return found
