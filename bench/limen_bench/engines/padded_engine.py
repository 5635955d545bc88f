"""Tokens, a session and the decision put together: an engine that is no pipeline of a library."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import perf_counter_ns
from typing import Protocol, TypeVar

import numpy as np
from limen.arrays import FloatArray

from limen_bench.engines.deciding import Decider
from limen_bench.engines.engine import OpenJob
from limen_bench.engines.tokens import PaddedBatch, PaddedTokens

_Made = TypeVar("_Made")


class PaddedSession(Protocol):
    """Runs padded batches."""

    def run(self, batch: PaddedBatch) -> FloatArray:
        """Return the logits of one batch: float32, (texts, outputs); all threads work on it."""
        ...

    def run_each(self, batches: Iterable[PaddedBatch]) -> list[FloatArray]:
        """Return the logits of many batches, in order, by whatever the library advises for bulk."""
        ...


class PaddedEngine:
    """An engine of three parts that can be timed apart."""

    def __init__(
        self, job: OpenJob, decider: Decider, tokens: PaddedTokens, session: PaddedSession
    ) -> None:
        """Put the parts together."""
        self._batch = job.batch
        self._decider = decider
        self._tokens = tokens
        self._session = session

    def decide(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the labels of each text."""
        return self._decider.labels(self.logits(texts))

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        # A single run has no neighbours to work beside: it gets all the threads.
        if len(texts) <= self._batch:
            return self._session.run(self._tokens.encode(texts))
        return np.concatenate(self._session.run_each(self._batches(texts)))

    def stages(self, text: str) -> dict[str, float]:
        """Decide about one text and return milliseconds by stage."""
        batch, encode = _timed(lambda: self._tokens.encode([text]))
        logits, session = _timed(lambda: self._session.run(batch))
        _, decide = _timed(lambda: self._decider.labels(logits))
        return {"encode": encode, "session": session, "decide": decide}

    def _batches(self, texts: Sequence[str]) -> Iterator[PaddedBatch]:
        for start in range(0, len(texts), self._batch):
            yield self._tokens.encode(texts[start : start + self._batch])


def _timed(part: Callable[[], _Made]) -> tuple[_Made, float]:
    start = perf_counter_ns()
    made = part()
    return made, (perf_counter_ns() - start) / 1e6
