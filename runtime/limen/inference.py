"""Texts to logits: the encoder and the engine of one open file, on a few threads."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from limen.arrays import FloatArray
from limen.encoder import Encoder
from limen.engine import Engine
from limen.errors import EngineError, LimenError
from limen.forking import computing
from limen.recent_texts import RecentTexts, TextLogits
from limen.scheduling import places_of_each, run_longest_first

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Outcome: TypeAlias = TextLogits | LimenError | None
Together: TypeAlias = Callable[[FloatArray], FloatArray]


class Inference:
    """What all operating points of an open file share; safe to call from many threads at once.

    Attributes:
        threads: texts that are run at once in bulk, and at most at once for `asyncio`.
        why_device: why the graph does not run on the device that the file was made for; empty where
            it does, or where the caller chose.
    """

    def __init__(
        self,
        encoder: Encoder,
        engine: Engine,
        threads: int,
        *,
        together: Together | None = None,
        recent: RecentTexts | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            encoder: text -> feeds of one window or more.
            engine: feeds -> logits.
            threads: at least 1.
            together: float32 (windows, outputs) of one text -> float32 (outputs,); None for an
                encoder that gives one window for each text.
            recent: where logits of texts are kept; None keeps none.
        """
        self.threads = threads
        self.why_device = ""
        self._together = together
        self._parts: tuple[Encoder, Engine] | None = (encoder, engine)
        self._recent = recent
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._pool_lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The session; EngineError where it was closed."""
        return self._open_parts()[1]

    def one(self, text: str, index: int = 0) -> TextLogits:
        """Compute one text in the caller's thread.

        Raises:
            InputError: not a str, or it holds lone surrogates.
            EngineError: onnxruntime or tokenizers failed, or the model was closed.
        """
        encoder, engine = self._open_parts()
        recent = self._recent
        kept = recent.get(text) if recent is not None and isinstance(text, str) else None
        if kept is not None:
            return kept
        with computing:
            encoded = encoder.encode(text, index)
            logits = engine.logits(encoded.feeds)
            others = [engine.logits(feeds) for feeds in encoded.more]
        found = self._finished(logits, others, truncated=encoded.truncated, index=index)
        if recent is not None:
            recent.put(text, found)
        return found

    def many(self, texts: Sequence[str], start: int = 0, *, go_on: bool = False) -> list[Outcome]:
        """Compute texts, equal ones once, on `threads` threads that end with the call.

        Args:
            texts: whatever the caller gave.
            start: place of the first in the caller's list, for messages.
            go_on: compute the others where a text fails. If not, those after the first one that
                failed are left out.

        Returns:
            For each text what it gives, the error, or None where it was left out.
        """
        if len(texts) == 1:
            return [self._outcome(texts[0], start)]
        # What is no text equals nothing: it may have no hash, and its error names its place.
        keys = [text if isinstance(text, str) else place for place, text in enumerate(texts)]
        firsts, which = places_of_each(keys)
        lengths = [len(text) if isinstance(text := texts[place], str) else 0 for place in firsts]
        self._open_parts()
        found = self._each(
            [texts[place] for place in firsts],
            [start + place for place in firsts],
            lengths,
            go_on=go_on,
        )
        return [found[number] for number in which]

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs).

        Raises:
            LimenError: of the first text that cannot be computed.
        """
        width = self.engine.outputs
        logits = np.empty((len(texts), width), dtype=np.float32)
        for row, found in zip(logits, self.many(texts), strict=True):
            if isinstance(found, LimenError):
                raise found
            if found is not None:
                row[:] = found.logits
        return logits

    def pool(self) -> "ThreadPoolExecutor":
        """Return the threads that serve `asyncio`, started when first asked for, in this process.

        Raises:
            EngineError: the model was closed.
        """
        from concurrent.futures import ThreadPoolExecutor

        self._open_parts()
        with self._pool_lock:
            if self._pool is None or self._pool[0] != os.getpid():
                # A child of a fork has none of its parent's threads.
                self._pool = os.getpid(), ThreadPoolExecutor(self.threads, "limen-async")
            return self._pool[1]

    def close(self) -> None:
        """Give the session's memory back; texts that are being computed end first."""
        self._parts = self._recent = None
        with self._pool_lock:
            if self._pool is not None and self._pool[0] == os.getpid():
                self._pool[1].shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _each(
        self, texts: Sequence[str], places: Sequence[int], lengths: Sequence[int], *, go_on: bool
    ) -> list[Outcome]:
        """Compute unlike texts, `places` being theirs in the caller's list."""
        return run_longest_first(
            lambda number: self.one(texts[number], places[number]),
            lengths,
            self.threads,
            go_on=go_on,
        )

    def _finished(
        self, logits: FloatArray, others: Sequence[FloatArray], *, truncated: bool, index: int
    ) -> TextLogits:
        """Put the windows of a text together and check what came of it."""
        if others and self._together is not None:
            logits = self._together(np.stack([logits, *others]))
        if not np.isfinite(logits).all():
            raise EngineError(
                f"text {index}: the graph gave a logit that is not finite; export it as fp32"
            )
        return TextLogits(logits, truncated)

    def _outcome(self, text: str, index: int) -> Outcome:
        try:
            return self.one(text, index)
        except LimenError as error:
            return error

    def _open_parts(self) -> tuple[Encoder, Engine]:
        parts = self._parts
        if parts is None:
            raise EngineError("this model was closed; load the file again")
        return parts
