"""What a user says about a backbone and the head on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Pooling: TypeAlias = Literal["cls", "mean", "max", "pooler"]
"""Rows of all tokens to one: the first token's; their mean; the largest of each column; or what the
backbone's own pooler makes of the first."""
POOLINGS: tuple[str, ...] = get_args(Pooling)
Activation: TypeAlias = Literal["gelu", "gelu_tanh", "relu", "silu", "sigmoid", "tanh", "none"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)


@dataclass(frozen=True)
class HeadWishes:
    """A head, and the backbone under it.

    Attributes:
        backbone: folder or hub name of the backbone (its config and tokenizer, and its weights
            where the source has the head's alone); None for the folder that the source lies in.
        pooling: rows of all tokens to one; None where the source says it.
        activation: between the linear layers of a head that has several; None where the source
            says it.
        file: weights of the head, where the source is the backbone.
    """

    backbone: str | None = None
    pooling: Pooling | None = None
    activation: Activation | None = None
    file: Path | None = None


NOTHING_SAID = HeadWishes()
