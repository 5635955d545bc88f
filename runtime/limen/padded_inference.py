"""Texts to logits in padded batches, for files that were made for a GPU."""

from collections.abc import Sequence
from typing import TypeAlias

from limen.arrays import Feeds, FloatArray
from limen.encoder import Encoded
from limen.engine import Engine
from limen.errors import EngineError
from limen.forking import computing
from limen.inference import Inference, Placed, sizes
from limen.padded_engine import PaddedEngine, batches
from limen.scheduling import run_longest_first
from limen.text_logits import Outcome, TextLogits

_Row: TypeAlias = FloatArray | EngineError


class PaddedInference(Inference):
    """As Inference, with a PaddedEngine: bulk calls encode on the threads, and run batches of texts
    of about one length in the caller's.
    """

    def _each(self, each: Sequence[Placed], *, go_on: bool) -> list[Outcome]:
        encoded = run_longest_first(
            lambda number: self._encoded(*each[number]), sizes(each), self.threads, go_on=go_on
        )
        parts = [
            part for one in encoded if isinstance(one, Encoded) for part in (one.feeds, *one.more)
        ]
        rows = iter(_rows(self.engine, parts))
        found: list[Outcome] = []
        for placed, one in zip(each, encoded, strict=True):
            if isinstance(one, Encoded):
                own = [next(rows) for _ in (one.feeds, *one.more)]
                found.append(self._put_together(placed, own, truncated=one.truncated))
            else:
                found.append(one)
        return found

    def _put_together(self, placed: Placed, own: list[_Row], *, truncated: bool) -> Outcome:
        failed = next((row for row in own if isinstance(row, EngineError)), None)
        if failed is not None:
            return failed
        rows = [row for row in own if not isinstance(row, EngineError)]
        return self._kept(placed[0], TextLogits(self._pooled(rows), truncated))


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
