"""Many pieces of work on a few threads: the longest first, each once, results in order."""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from limen.errors import LimenError

Result = TypeVar("Result")


def run_longest_first(
    work: Callable[[int], Result], lengths: Sequence[int], threads: int, *, go_on: bool
) -> list[Result | LimenError | None]:
    """Do all pieces of work on the caller's thread and on others that end with the call.

    A long piece that comes last would leave the other threads idle; short ones hardly do.

    Args:
        work: does the piece of a number.
        lengths: how long each piece will take, in any unit.
        threads: how many pieces to do at once, at least 1.
        go_on: do the others where a piece fails. If not, pieces after the first one that failed are
            left out; those before it are done all the same.

    Returns:
        What `work` returned, in order; the LimenError it raised; or None for a piece left out.
    """
    pieces = _Pieces(work, lengths, go_on=go_on)
    others = [
        threading.Thread(target=pieces.do, name="limen", daemon=True)
        for _ in range(min(threads, len(lengths)) - 1)
    ]
    try:
        for other in others:
            other.start()
        pieces.do()
    finally:
        # Nothing outlives the call, however it ends.
        for other in others:
            if other.ident is not None:
                other.join()
    if pieces.foreign:
        raise pieces.foreign[0]
    return pieces.outcomes


class _Pieces(Generic[Result]):
    """What is left to do, and what came of the rest; several threads take from it at once."""

    def __init__(
        self, work: Callable[[int], Result], lengths: Sequence[int], *, go_on: bool
    ) -> None:
        self.outcomes: list[Result | LimenError | None] = [None] * len(lengths)
        self.foreign: list[BaseException] = []
        self._work = work
        self._go_on = go_on
        self._last = len(lengths)
        self._waiting = deque(sorted(range(len(lengths)), key=lambda piece: -lengths[piece]))

    def do(self) -> None:
        """Take pieces until none is left."""
        while self._waiting:
            try:
                piece = self._waiting.popleft()
            except IndexError:
                return
            if piece <= self._last:
                self._one(piece)

    def _one(self, piece: int) -> None:
        try:
            self.outcomes[piece] = self._work(piece)
        except LimenError as error:
            self.outcomes[piece] = error
            if not self._go_on:
                self._last = min(self._last, piece)
        except BaseException as error:
            # A defect, or Ctrl-C: nobody starts another piece.
            self._waiting.clear()
            self.foreign.append(error)


def places_of_each(keys: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """Find equal keys.

    Returns:
        The place of the first of each, and for every key which of those it equals.
    """
    found: dict[Hashable, int] = {}
    firsts: list[int] = []
    which = []
    for place, key in enumerate(keys):
        number = found.setdefault(key, len(firsts))
        if number == len(firsts):
            firsts.append(place)
        which.append(number)
    return firsts, which
