"""Texts to logits where a run may hold many texts, one behind the other."""

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from limen.arrays import FloatArray
from limen.errors import EngineError, LimenError
from limen.forking import computing
from limen.inference import Inference
from limen.run_sizes import run_slices
from limen.text_logits import Outcome, TextLogits
from limen.tfidf.encoder import TfidfEncoder


class FlatInference(Inference):
    """As Inference, with a TfidfEncoder: bulk calls encode in the caller's thread, since Python
    runs one thread at a time, and run texts together. The graph adds up each text's rows one after
    another, so its bits do not depend on the others (docs/format.md).
    """

    def many(self, texts: Sequence[str], start: int = 0, *, go_on: bool = False) -> list[Outcome]:
        """Compute texts in runs, in their order; arguments as in `Inference.many`."""
        found: list[Outcome] = []
        for piece in run_slices(_characters(texts)):
            first, run = piece.start, texts[piece]
            together = self._together_in_a_run(run)
            if together is not None:
                found += together
                continue
            # One of them is no text, or the run failed: each has its own answer, or error.
            found += super().many(run, start + first, go_on=go_on)
            if not go_on and any(isinstance(one, LimenError) for one in found[first:]):
                break
        return found + [None] * (len(texts) - len(found))

    def whole(self, texts: Sequence[str]) -> FloatArray | None:
        """Compute texts in runs; see `Inference.whole`."""
        found: list[FloatArray] = []
        for piece in run_slices(_characters(texts)):
            rows = self._rows(texts[piece])
            if rows is None:
                return None
            found.append(rows)
        return np.concatenate(found) if found else None

    def _together_in_a_run(self, texts: Sequence[str]) -> list[TextLogits] | None:
        rows = self._rows(texts)
        if rows is None:
            return None
        # Without the tuple's own constructor, which is Python: 0.1 us a text instead of 0.3.
        return [*map(tuple.__new__, repeat(TextLogits), zip(rows, repeat(False), strict=False))]

    def _rows(self, texts: Sequence[str]) -> FloatArray | None:
        """Compute texts in one run; None where that cannot be, or texts are remembered."""
        encoder, engine = self._open_parts()
        if not isinstance(encoder, TfidfEncoder):
            raise TypeError(f"{type(encoder).__name__} finds no features; the caller is wrong")
        if self._recent is not None or not _valid(texts):
            return None
        try:
            with computing:
                return engine.rows(encoder.feeds(texts))
        except EngineError:
            return None


def _characters(texts: Sequence[str]) -> list[int]:
    try:
        # What is no text may have a length that costs something, or fails.
        return [*map(str.__len__, texts)]
    except TypeError:
        return [len(text) if isinstance(text, str) else 0 for text in texts]


def _valid(texts: Sequence[str]) -> bool:
    """Whether all are texts of valid Unicode."""
    try:
        "".join(texts).encode("utf-8")
    except (TypeError, UnicodeEncodeError):
        return False
    return True
