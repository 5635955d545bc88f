"""What the graph gives for one text."""

from dataclasses import dataclass
from typing import TypeAlias

from limen.arrays import FloatArray
from limen.errors import LimenError


@dataclass(frozen=True, eq=False, slots=True)
class TextLogits:
    """What the graph gives for one text.

    Attributes:
        logits: float32, (outputs,).
        truncated: the text was longer than the model can take.
    """

    logits: FloatArray
    truncated: bool


Outcome: TypeAlias = TextLogits | LimenError | None
"""Of one text among many: what it gives, its error, or None where it was left out."""
