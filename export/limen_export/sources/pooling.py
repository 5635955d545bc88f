"""A backbone, one row for the text, and layers on it."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from limen_export.sources.head_wishes import Pooling

_SMALLEST_COUNT = 1e-9
"""As sentence-transformers has it: what a count of tokens is divided by at least
(https://github.com/UKPLab/sentence-transformers/blob/master/sentence_transformers/models/Pooling.py).
"""
_SMALLEST_NORM = 1e-12
"""torch's own (https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html).
"""


class PooledClassifier(nn.Module):
    """`backbone`, pooling, and `layers` on the pooled row: ids to logits."""

    base_model_prefix = "backbone"
    """Under this name transformers' own classifiers say where their body is."""

    def __init__(
        self, backbone: nn.Module, poolings: tuple[Pooling, ...], layers: nn.Sequential
    ) -> None:
        """Put the parts together.

        Args:
            backbone: a transformers model without head.
            poolings: rows of all tokens to one each, side by side in this order.
            layers: float32 (texts, width) to (texts, outputs); width is that of the backbone times
                the number of poolings.
        """
        super().__init__()
        self.backbone = backbone
        self.poolings = poolings
        self.layers = layers

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits, float32 (texts, outputs).

        Args:
            input_ids: int64, (texts, tokens).
            attention_mask: int64, (texts, tokens), 1 for tokens that count; None where all do.
        """
        named = {} if attention_mask is None else {"attention_mask": attention_mask}
        output = self.backbone(input_ids=input_ids, **named)
        rows = [pooled(output, pooling, attention_mask) for pooling in self.poolings]
        logits: torch.Tensor = self.layers(rows[0] if len(rows) == 1 else torch.cat(rows, dim=1))
        return logits


class Normalised(nn.Module):
    """Rows of length 1."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Divide float32 (texts, width) by the length of each row."""
        return functional.normalize(rows, dim=1, eps=_SMALLEST_NORM)


class TracedNormalised(nn.Module):
    """The same out of operators that a classifier file may hold."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Divide float32 (texts, width) by the length of each row."""
        length = (rows * rows).sum(dim=1, keepdim=True).sqrt()
        return rows / length.clamp(min=_SMALLEST_NORM)


def pooled(output: Any, pooling: Pooling, mask: torch.Tensor | None) -> torch.Tensor:  # noqa: ANN401  (transformers' outputs share no type)
    """Return one row a text, float32 (texts, width).

    Args:
        output: of a transformers model: `last_hidden_state`, and for `pooler` `pooler_output`.
        pooling: which row.
        mask: int64, (texts, tokens), 1 for tokens that count; None where all do.
    """
    if pooling == "pooler":
        made: torch.Tensor = output.pooler_output
        return made
    rows: torch.Tensor = output.last_hidden_state
    if pooling == "cls":
        return rows[:, 0]
    if mask is None:
        return rows.mean(dim=1) if pooling == "mean" else rows.amax(dim=1)
    counted = mask.unsqueeze(-1).to(rows.dtype)
    if pooling == "mean":
        return (rows * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=_SMALLEST_COUNT)
    return rows.masked_fill(counted == 0, float("-inf")).amax(dim=1)
