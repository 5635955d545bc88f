"""What the graph gives for one text."""

from typing import NamedTuple, TypeAlias

from limen.arrays import FloatArray
from limen.errors import LimenError


class TextLogits(NamedTuple):
    """What the graph gives for one text; a tuple, since one is made for every text of a bulk call.

    Attributes:
        logits: float32, (outputs,).
        truncated: the text was longer than the model can take.
    """

    logits: FloatArray
    truncated: bool


Outcome: TypeAlias = TextLogits | LimenError | None
"""Of one text among many: what it gives, its error, or None where it was left out."""
