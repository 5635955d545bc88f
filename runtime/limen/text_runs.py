"""Texts one behind the other in one run, for graphs that tell them apart by the id that ends each
(docs/format.md, shape `joined`).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from limen.arrays import Feeds, FloatArray, IntArray
from limen.engine import Engine
from limen.errors import EngineError
from limen.same_bits import SameBits

_OWN_SCALES = "DynamicQuantize"
"""Operators of such names take the scale of activations from all that a run holds."""


def may_run(operators: AbstractSet[str]) -> bool:
    """Whether nothing in a graph of these operators takes a scale from all texts of a run."""
    return not any(_OWN_SCALES in operator for operator in operators)


class TextRuns:
    """Runs texts of any length together on one engine, where it has seen that it may. Kernels of
    products differ with the number of rows, so runs of up to twice as many texts are a kind each.
    """

    def __init__(self, engine: Engine) -> None:
        """Begin without knowing anything.

        Args:
            engine: of a file of shape `joined`.
        """
        self._engine = engine
        self._same_bits = SameBits()

    def logits(self, feeds: Sequence[Feeds]) -> list[FloatArray]:
        """Run texts together.

        Args:
            feeds: of two or more texts, (1, tokens) each.

        Returns:
            float32, (outputs,) for each; the same bits as alone.

        Raises:
            EngineError: as `Engine.logits`.
        """
        kind = len(feeds).bit_length()
        same = self._same_bits.known(kind)
        joined = np.concatenate([one["input_ids"] for one in feeds], axis=1)
        if same is False or not _told_apart(joined[0], feeds):
            return [self._engine.logits(one) for one in feeds]
        try:
            together = self._engine.rows({"input_ids": joined}, texts=len(feeds))
        except EngineError:
            self._same_bits.give_up(kind)
            raise
        if same:
            return [*together]
        alone = [self._engine.logits(one) for one in feeds]
        self._same_bits.note(kind, np.array(alone), together)
        return alone


def _told_apart(row: IntArray, feeds: Sequence[Feeds]) -> bool:
    """Whether every text ends with the same id, which stands nowhere else: a file may say so
    without keeping to it.
    """
    lasts = np.cumsum([one["input_ids"].shape[1] for one in feeds]) - 1
    ends = row == row[-1]
    return bool(ends[lasts].all()) and int(np.count_nonzero(ends)) == len(feeds)
