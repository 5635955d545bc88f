"""Texts to logits: the encoder and the engine of one open file, on a few threads."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from limen.arrays import FloatArray
from limen.chunks import run_in_chunks
from limen.encoder import Encoded, Encoder
from limen.engine import Engine
from limen.errors import EngineError, LimenError
from limen.forking import computing
from limen.grouping import Groups
from limen.lone_texts import ONE_THREAD, LoneTexts
from limen.recent_texts import RecentTexts
from limen.scheduling import places_of_each, run_longest_first
from limen.text_logits import Outcome, TextLogits
from limen.text_runs import TextRuns
from limen.waiting_threads import WaitingThreads

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Together: TypeAlias = Callable[[FloatArray], FloatArray]
Placed: TypeAlias = tuple[str, int]
"""A text, and its place in the caller's list."""

_LEAST_TO_GROUP = 16
"""Fewer texts seldom hold a group of equal length."""


class Inference:
    """What all operating points of an open file share; safe to call from many threads at once.

    Attributes:
        threads: texts that are run at once in bulk, and at most at once for `asyncio`.
        kernel_threads: how one text alone is run.
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
        groups: Groups | TextRuns | None = None,
        recent: RecentTexts | None = None,
        lone: LoneTexts = ONE_THREAD,
        why_device: str = "",
    ) -> None:
        """Put the parts together.

        Args:
            encoder: text -> feeds of one window or more.
            engine: feeds -> logits.
            threads: at least 1.
            together: float32 (windows, outputs) of one text -> float32 (outputs,); None for an
                encoder that gives one window for each text.
            groups: runs texts together in bulk; None runs each alone.
            recent: where logits of texts are kept; None keeps none.
            lone: runs a text alone on several kernel threads, where that is faster.
            why_device: see the attribute.
        """
        self.threads = threads
        self.kernel_threads = lone.found
        self._lone = lone
        self.why_device = why_device
        self._together = together
        self._parts: tuple[Encoder, Engine] | None = (encoder, engine)
        self._groups = groups
        self._recent = recent
        self._waiting = WaitingThreads(threads)

    @property
    def engine(self) -> Engine:
        """The session; EngineError where it was closed."""
        return self._open_parts()[1]

    def lone(self, text: str) -> TextLogits:
        """Compute a text that nobody waits beside: as `one`, on several kernel threads where that
        was seen to be faster.
        """
        lone = self._lone
        if lone is ONE_THREAD:
            return self.one(text)
        found = self._encoded(text, 0)
        if isinstance(found, TextLogits):
            return found
        if not found.more:
            with computing:
                row = lone.logits(found.feeds, found.tokens)
            if row is not None:
                return self._kept(text, TextLogits(row, found.truncated))
        return self._computed(text, found)

    def one(self, text: str, index: int = 0) -> TextLogits:
        """Compute one text in the caller's thread.

        Raises:
            InputError: not a str, or it holds lone surrogates.
            EngineError: onnxruntime or tokenizers failed, or the model was closed.
        """
        found = self._encoded(text, index)
        return found if isinstance(found, TextLogits) else self._computed(text, found)

    def many(self, texts: Sequence[str], start: int = 0, *, go_on: bool = False) -> list[Outcome]:
        """Compute texts, equal ones once, on `threads` threads that end with the call.

        Args:
            texts: whatever the caller gave.
            start: place of the first in the caller's list, for messages.
            go_on: compute the others where a text fails. If not, those after the first one that
                failed may be left out.
        """
        # What is no text equals nothing: it may have no hash, and its error names its place.
        keys = [text if isinstance(text, str) else place for place, text in enumerate(texts)]
        firsts, which = places_of_each(keys)
        found = self._each([(texts[place], start + place) for place in firsts], go_on=go_on)
        return [found[number] for number in which]

    def whole(self, texts: Sequence[str]) -> FloatArray | None:
        """Compute texts without making anything for each, where an inference can: float32, (texts,
        outputs), of texts that were read whole. None where it cannot, or where one of them failed:
        `many` says which.
        """
        return None

    def _each(self, each: Sequence[Placed], *, go_on: bool) -> list[Outcome]:
        """Compute unlike texts."""
        groups = self._groups
        if isinstance(groups, Groups) and len(each) >= _LEAST_TO_GROUP:
            return self._in_groups(groups, each)
        return self._in_chunks(each, go_on=go_on)

    def _in_chunks(self, each: Sequence[Placed], *, go_on: bool) -> list[Outcome]:
        """Encode a few texts, then run each alone: a run sweeps the caches of what encodes."""

        def alone(place: int, one: Encoded | TextLogits | LimenError) -> TextLogits | LimenError:
            return self._alone(each[place][0], one) if isinstance(one, Encoded) else one

        return run_in_chunks(
            lambda place: self._encoded_or_error(*each[place]),
            alone,
            sizes(each),
            self.threads,
            go_on=go_on,
        )

    def _in_groups(self, groups: Groups, each: Sequence[Placed]) -> list[Outcome]:
        """Encode all texts, then run those of equal length together."""
        encoded = run_longest_first(
            lambda number: self._encoded(*each[number]), sizes(each), self.threads, go_on=True
        )
        found = [None if isinstance(one, Encoded) else one for one in encoded]
        left = {place: one for place, one in enumerate(encoded) if isinstance(one, Encoded)}

        def run(piece: list[int]) -> None:
            try:
                if len(piece) > 1:
                    with computing:
                        rows = groups.logits([left[place].feeds for place in piece])
                    for place, row in zip(piece, rows, strict=True):
                        result = TextLogits(row, left[place].truncated)
                        found[place] = self._kept(each[place][0], result)
                    return
            except LimenError:
                # Each text has its own answer, or its own error.
                pass
            for place in piece:
                found[place] = self._alone(each[place][0], left[place])

        pieces = groups.arranged(left)
        tokens = [sum(left[place].tokens for place in piece) for piece in pieces]
        run_longest_first(lambda number: run(pieces[number]), tokens, self.threads, go_on=True)
        return found

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs).

        Raises:
            LimenError: of the first text that cannot be computed.
        """
        outputs = self.engine.outputs
        rows = []
        for found in self.many(texts):
            if isinstance(found, LimenError):
                raise found
            if found is not None:
                rows.append(found.logits)
        joined: FloatArray = np.concatenate(rows) if rows else np.empty(0, np.float32)
        return joined.reshape(len(texts), outputs)

    def pool(self) -> "ThreadPoolExecutor":
        """Return the threads that serve `asyncio`.

        Raises:
            EngineError: the model was closed.
        """
        self._open_parts()
        return self._waiting.pool()

    def close(self) -> None:
        """Give the session's memory back; texts that are being computed end first."""
        self._parts = self._recent = self._groups = None
        self._lone = ONE_THREAD
        self._waiting.close()

    def _encoded(self, text: str, index: int) -> Encoded | TextLogits:
        """Encode a text, or return what is remembered of it."""
        encoder = self._open_parts()[0]
        kept = self._remembered(text)
        if kept is not None:
            return kept
        with computing:
            return encoder.encode(text, index)

    def _encoded_or_error(self, text: str, index: int) -> Encoded | TextLogits | LimenError:
        try:
            return self._encoded(text, index)
        except LimenError as error:
            return error

    def _remembered(self, text: str) -> TextLogits | None:
        recent = self._recent
        return recent.get(text) if recent is not None and isinstance(text, str) else None

    def _computed(self, text: str, encoded: Encoded) -> TextLogits:
        engine = self._open_parts()[1]
        with computing:
            rows = [engine.logits(feeds) for feeds in (encoded.feeds, *encoded.more)]
        return self._kept(text, TextLogits(self._pooled(rows), encoded.truncated))

    def _pooled(self, rows: Sequence[FloatArray]) -> FloatArray:
        """Put the windows of a text together."""
        if len(rows) == 1 or self._together is None:
            return rows[0]
        return self._together(np.stack(rows))

    def _alone(self, text: str, encoded: Encoded) -> TextLogits | LimenError:
        try:
            return self._computed(text, encoded)
        except LimenError as error:
            return error

    def _kept(self, text: str, found: TextLogits) -> TextLogits:
        """Remember what was found, where anything is."""
        recent = self._recent
        if recent is not None:
            # A row of a run would keep the whole run in memory.
            found = TextLogits(found.logits.copy(), found.truncated)
            recent.put(text, found)
        return found

    def _open_parts(self) -> tuple[Encoder, Engine]:
        parts = self._parts
        if parts is None:
            raise EngineError("this model was closed; load the file again")
        return parts


def sizes(each: Sequence[Placed]) -> list[int]:
    """Characters stand for the work: what is no text takes none."""
    return [len(text) if isinstance(text, str) else 0 for text, _ in each]
