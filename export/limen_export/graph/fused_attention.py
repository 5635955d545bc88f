"""Attention as one operator, chosen while the model is traced."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from limen_export.graph.rewriting import MICROSOFT

_OPERATOR = f"{MICROSOFT}::MultiHeadAttention"
_SHORT_LENGTHS = (1, 2, 9, 130)
_TORCH = functional.scaled_dot_product_attention


def calls_without_mask(model: nn.Module, longest: int) -> tuple[bool, ...]:
    """Find out which attentions of a model see every token, whatever the length.

    The model runs outside the tracer on texts of several lengths, the longest it takes among them,
    and each attention in turn is asked for its mask: none, or one that hides nothing. A tracer
    cannot tell: there a mask is an expression. Attention itself is left out meanwhile, so that a
    long text costs little.

    Args:
        model: from `input_ids`, int64 (1, tokens), to logits.
        longest: the most tokens that it takes.

    Returns:
        For each attention in the order of the calls, whether it never hides a token. Empty where
        the model computes attention in another way.
    """
    seen: list[list[bool]] = []
    for length in (*(short for short in _SHORT_LENGTHS if short < longest), longest):
        found: list[bool] = []
        with _attention_replaced(_noting(found)), torch.no_grad():
            model(torch.full((1, length), 5, dtype=torch.int64))
        seen.append(found)
    if any(len(found) != len(seen[0]) for found in seen):
        return ()
    return tuple(all(each) for each in zip(*seen, strict=True))


@contextmanager
def fused_attention(without_mask: Sequence[bool]) -> Iterator[None]:
    """Trace each attention that never hides a token as onnxruntime's MultiHeadAttention.

    Query, key and value go in as (batch, tokens, hidden), which is how the model computed them, so
    the transpositions around the heads disappear
    (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention).
    Nothing is recognised by its shape in the graph afterwards, so no other way of writing the same
    arithmetic can hide an attention. All others are traced as they are.

    Args:
        without_mask: what `calls_without_mask` found.
    """
    calls = 0

    def attention(call: _Call) -> torch.Tensor:
        nonlocal calls
        # The tracer may run the model more than once.
        plain = bool(without_mask) and without_mask[calls % len(without_mask)]
        calls += 1
        query = call.query
        if plain and query.dim() == 4 and query.shape == call.key.shape == call.value.shape:
            return _fused(query, call.key, call.value, call.scale)
        return call.as_torch_does()

    with _attention_replaced(attention):
        yield


@dataclass(frozen=True)
class _Call:
    """What `scaled_dot_product_attention` was called with; names and defaults are torch's
    (https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html).
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    attn_mask: torch.Tensor | None = None
    dropout_p: float = 0.0
    is_causal: bool = False
    scale: float | None = None
    enable_gqa: bool = False

    @property
    def hides_nothing(self) -> bool:
        """Whether every token sees every token."""
        open_mask = self.attn_mask is None or _hides_nothing(self.attn_mask)
        return open_mask and not self.is_causal and self.dropout_p == 0.0

    def as_torch_does(self) -> torch.Tensor:
        """Compute it."""
        return _TORCH(
            self.query,
            self.key,
            self.value,
            self.attn_mask,
            self.dropout_p,
            self.is_causal,
            scale=self.scale,
            enable_gqa=self.enable_gqa,
        )


@contextmanager
def _attention_replaced(attention: Callable[[_Call], torch.Tensor]) -> Iterator[None]:
    before = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lambda *given, **named: attention(
        _Call(*given, **named)
    )
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = before


def _noting(found: list[bool]) -> Callable[[_Call], torch.Tensor]:
    def attention(call: _Call) -> torch.Tensor:
        found.append(call.hides_nothing)
        return call.query.new_zeros((*call.query.shape[:-1], call.value.shape[-1]))

    return attention


def _hides_nothing(mask: torch.Tensor) -> bool:
    return bool(mask.all()) if mask.dtype == torch.bool else not bool(mask.any())


def _fused(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
) -> torch.Tensor:
    """Take and give (batch, heads, tokens, size), as the function that it stands for."""
    batch, heads, tokens, size = query.shape
    flat = [
        part.transpose(1, 2).reshape(batch, tokens, heads * size) for part in (query, key, value)
    ]
    attributes: dict[str, Any] = {"num_heads": heads}
    if scale is not None:
        attributes["scale"] = float(scale)
    mixed = torch.onnx.ops.symbolic(
        _OPERATOR, flat, attrs=attributes, dtype=query.dtype, shape=flat[0].shape, version=1
    )
    return mixed.reshape(batch, tokens, heads, size).transpose(1, 2)
