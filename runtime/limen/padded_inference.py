"""Texts to logits in padded batches, for files that were made for a GPU."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, TypeAlias, TypeVar

from limen.arrays import Feeds, FloatArray
from limen.encoder import Encoded, Encoder
from limen.engine import Engine
from limen.errors import EngineError, LimenError
from limen.forking import computing
from limen.inference import Inference, Placed, sizes
from limen.meanwhile import Meanwhile
from limen.padded_engine import PaddedEngine, batches
from limen.scheduling import run_longest_first
from limen.text_logits import Outcome, TextLogits
from limen.threads import available_cores
from limen.token_encoder import TokenEncoder

PIECE_TEXTS: Final = 512
"""Texts that are encoded while those before them run: half a window of a stream. Whole calls were
slower (docs/gpu.md)."""
PIECE_CHARACTERS: Final = 1_000_000
"""A piece also ends here: the tokenizer keeps what it makes of a text, some 40 bytes a character,
until all of the piece is encoded."""
_LEAST_TOGETHER = 16
"""Fewer texts do not start the tokenizer's threads."""

_Row: TypeAlias = FloatArray | EngineError
_Read: TypeAlias = Encoded | TextLogits | LimenError | None
_Made = TypeVar("_Made")


class PaddedInference(Inference):
    """As Inference, with a PaddedEngine: bulk calls run batches of texts of about one length, while
    another thread encodes the texts that come next.
    """

    def _each(self, each: Sequence[Placed], *, go_on: bool) -> list[Outcome]:
        found: list[Outcome] = [None] * len(each)
        length = sizes(each)
        # Characters stand for tokens, so that texts of one batch are mostly in one piece.
        order = sorted(range(len(each)), key=lambda place: -length[place])
        pieces = _pieces(order, length)
        failed = len(each)
        try:
            encoder, engine = self._open_parts()
        except EngineError as error:
            return [error] * len(each)

        def encoded(piece: list[int]) -> tuple[list[int], list[_Read]]:
            # Of those after a text that failed nobody asks.
            wanted = [place for place in piece if go_on or place < failed]
            chosen = [each[place] for place in wanted]
            return wanted, self._all_encoded(chosen, encoder, engine)

        made = ahead(encoded, pieces) if self.threads > 1 else map(encoded, pieces)
        for wanted, parts in made:
            outcomes = self._computed_together([each[place] for place in wanted], parts, engine)
            for place, outcome in zip(wanted, outcomes, strict=True):
                found[place] = outcome
                if isinstance(outcome, LimenError):
                    failed = min(failed, place)
        return found

    def _all_encoded(self, each: Sequence[Placed], encoder: Encoder, engine: Engine) -> list[_Read]:
        """Encode, or remember, every text; what cannot be encoded is its error.

        A call of the tokenizer for one text holds the interpreter's lock, so several threads of
        Python encode no faster than one, and a GPU waits. The tokenizer's own threads do not hold
        it; they are as many as the process has cores, so they serve a caller who allows as many. A
        child of a fork has none of them, and would wait for them.
        """
        found: list[_Read] = [self._remembered(text) for text, _ in each]
        left = [place for place, one in enumerate(found) if one is None]
        all_cores = 1 < available_cores() <= self.threads and len(left) >= _LEAST_TOGETHER
        inherited = isinstance(engine, PaddedEngine) and engine.inherited
        if isinstance(encoder, TokenEncoder) and all_cores and not inherited:
            try:
                with computing:
                    together = encoder.encode_together([each[place][0] for place in left])
            except LimenError:
                # Each text has its own answer, or its own error.
                pass
            else:
                for place, one in zip(left, together, strict=True):
                    found[place] = one
                return found
        alone = [each[place] for place in left]
        encoded = run_longest_first(
            lambda number: self._encoded(*alone[number]), sizes(alone), self.threads, go_on=True
        )
        for place, outcome in zip(left, encoded, strict=True):
            found[place] = outcome
        return found

    def _computed_together(
        self, each: Sequence[Placed], encoded: Sequence[_Read], engine: Engine
    ) -> Iterator[Outcome]:
        parts = [
            part for one in encoded if isinstance(one, Encoded) for part in (one.feeds, *one.more)
        ]
        rows = iter(_rows(engine, parts))
        for placed, one in zip(each, encoded, strict=True):
            if isinstance(one, Encoded):
                own = [next(rows) for _ in (one.feeds, *one.more)]
                yield self._put_together(placed, own, truncated=one.truncated)
            else:
                yield one

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


def _pieces(order: Sequence[int], length: Sequence[int]) -> list[list[int]]:
    """Cut places into pieces of at most PIECE_TEXTS texts and about PIECE_CHARACTERS."""
    pieces: list[list[int]] = []
    characters = 0
    for place in order:
        if not pieces or len(pieces[-1]) == PIECE_TEXTS or characters >= PIECE_CHARACTERS:
            pieces.append([])
            characters = 0
        pieces[-1].append(place)
        characters += length[place]
    return pieces


def ahead(make: Callable[[list[int]], _Made], pieces: Sequence[list[int]]) -> Iterator[_Made]:
    """Yield what `make` makes of each piece, in order; while the caller is busy with one, a thread
    makes the next. No thread outlives the iterator.

    Raises:
        BaseException: what `make` raised, in the place of what it would have made.
    """
    coming: Meanwhile[_Made] | None = None
    try:
        for number, piece in enumerate(pieces):
            made = make(piece) if coming is None else coming.result()
            coming = None
            if number + 1 < len(pieces):
                coming = Meanwhile(partial(make, pieces[number + 1])).start()
            yield made
    finally:
        if coming is not None:
            coming.wait()
