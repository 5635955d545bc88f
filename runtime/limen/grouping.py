"""Texts of equal length in one run, where that changes no bit of any of them.

A group needs no padding and passes the weights through the cache once. Whether a text's bits stay
the same is looked at for every length (same_bits.py).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from limen.arrays import Feeds, FloatArray
from limen.encoder import Encoded
from limen.engine import Engine
from limen.format import Precision
from limen.same_bits import SameBits

MOST_TOKENS = 128
"""Tokens of a group: beyond, a MiniLM's texts gain nothing more (docs/graph.md, groups)."""

ELIGIBLE: tuple[Precision, ...] = ("fp32", "int8-static")
"""Other int8 graphs take the scale of their activations from all that a run holds: two texts could
agree by chance, and never do by rule."""


class Groups:
    """Runs texts of equal length together on one engine, where it has seen that it may."""

    def __init__(self, engine: Engine) -> None:
        """Begin without knowing anything.

        Args:
            engine: of an eligible file.
        """
        self._engine = engine
        self._same_bits = SameBits()

    def size(self, tokens: int) -> int:
        """Return how many texts of so many tokens to run together: a power of two, 1 for none."""
        if self._same_bits.known(tokens) is False:
            return 1
        return 1 << max(0, (MOST_TOKENS // tokens).bit_length() - 1)

    def arranged(self, encoded: Mapping[int, Encoded]) -> list[list[int]]:
        """Put texts into groups of equal length; what is left over runs alone, and so does a text
        of several windows.

        Args:
            encoded: texts by place.

        Returns:
            Lists of places.
        """
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        for place, one in encoded.items():
            if not one.more:
                by_length[one.tokens].append(place)
        groups = [[place] for place, one in encoded.items() if one.more]
        for length, places in by_length.items():
            size = self.size(length)
            whole = len(places) - len(places) % size
            groups += [places[first : first + size] for first in range(0, whole, size)]
            groups += [[place] for place in places[whole:]]
        return groups

    def logits(self, feeds: Sequence[Feeds]) -> list[FloatArray]:
        """Run a group.

        Args:
            feeds: of two or more texts of equal length, (1, tokens) each.

        Returns:
            float32, (outputs,) for each; the same bits as alone.

        Raises:
            EngineError: as `Engine.logits`.
        """
        tokens = next(iter(feeds[0].values())).shape[1]
        same = self._same_bits.known(tokens)
        if same is not False:
            joined = {name: np.concatenate([one[name] for one in feeds]) for name in feeds[0]}
            together = self._engine.rows(joined)
            if same:
                return [*together]
        alone = [self._engine.logits(one) for one in feeds]
        if same is None:
            self._same_bits.note(tokens, np.array(alone), together)
        return alone
