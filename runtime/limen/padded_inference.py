"""Texts to logits in padded batches, for files that were made for a GPU."""

from collections.abc import Sequence
from typing import TypeAlias

from limen.arrays import Feeds, FloatArray
from limen.encoder import Encoded, Encoder
from limen.engine import Engine
from limen.errors import EngineError, LimenError
from limen.forking import computing
from limen.inference import Inference, Outcome
from limen.padded_engine import PaddedEngine, batches
from limen.recent_texts import TextLogits
from limen.scheduling import run_longest_first

_Row: TypeAlias = FloatArray | EngineError


class PaddedInference(Inference):
    """As Inference, with a PaddedEngine: bulk calls encode on the threads, and run batches of texts
    of about one length in the caller's.
    """

    def _each(
        self, texts: Sequence[str], places: Sequence[int], lengths: Sequence[int], *, go_on: bool
    ) -> list[Outcome]:
        encoder, engine = self._open_parts()
        encoded = run_longest_first(
            lambda number: self._kept_or_encoded(encoder, texts[number], places[number]),
            lengths,
            self.threads,
            go_on=go_on,
        )
        parts = [
            part for one in encoded if isinstance(one, Encoded) for part in (one.feeds, *one.more)
        ]
        rows = iter(_rows(engine, parts))
        found: list[Outcome] = []
        for text, place, one in zip(texts, places, encoded, strict=True):
            if isinstance(one, Encoded):
                own = [next(rows) for _ in (one.feeds, *one.more)]
                found.append(self._put_together(text, place, one, own))
            else:
                found.append(one)
        return found

    def _kept_or_encoded(self, encoder: Encoder, text: str, place: int) -> TextLogits | Encoded:
        recent = self._recent
        kept = recent.get(text) if recent is not None and isinstance(text, str) else None
        if kept is not None:
            return kept
        with computing:
            return encoder.encode(text, place)

    def _put_together(self, text: str, place: int, encoded: Encoded, own: list[_Row]) -> Outcome:
        failed = next((row for row in own if isinstance(row, EngineError)), None)
        if failed is not None:
            return failed
        logits, *others = [row for row in own if not isinstance(row, EngineError)]
        try:
            found = self._finished(logits, others, truncated=encoded.truncated, index=place)
        except LimenError as error:
            return error
        if self._recent is not None:
            self._recent.put(text, found)
        return found


def _rows(engine: Engine, feeds: Sequence[Feeds]) -> list[_Row]:
    """Run every window in a batch; the error of a batch takes the place of each of its rows."""
    if not isinstance(engine, PaddedEngine):
        raise TypeError(f"{type(engine).__name__} runs no batches; the caller is wrong")
    found: dict[int, _Row] = {}
    for batch in batches([one["input_ids"].shape[1] for one in feeds]):
        try:
            with computing:
                found |= dict(zip(batch, engine.batch([feeds[at] for at in batch]), strict=True))
        except EngineError as error:
            found |= dict.fromkeys(batch, error)
    return [found[at] for at in range(len(feeds))]
