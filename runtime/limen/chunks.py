"""Pieces of work in two steps, a few of the first before those of the second."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from limen.errors import LimenError
from limen.scheduling import run_longest_first

Prepared = TypeVar("Prepared")
Result = TypeVar("Result")

MOST_IN_A_CHUNK = 8
"""Pieces of a chunk. More keep Python's lock for longer, which others then wait for, and showed no
gain (ARCHITECTURE.md, "A few texts are encoded, then run")."""
_CHUNKS_A_THREAD = 4
"""At least, so that no thread is idle at the end for long."""


def run_in_chunks(
    prepare: Callable[[int], Prepared],
    finish: Callable[[int, Prepared], Result | LimenError],
    lengths: Sequence[int],
    threads: int,
    *,
    go_on: bool,
) -> list[Result | LimenError | None]:
    """Do all pieces of work on the caller's thread and on others that end with the call: a few are
    prepared, then each of those is finished.

    Args:
        prepare: the first step of the piece of a number; it does not raise a LimenError.
        finish: the second step, with what the first gave; a LimenError is returned.
        lengths: how long each piece will take, in any unit.
        threads: how many pieces to do at once, at least 1.
        go_on: do the others where a piece fails. If not, pieces after the first one that failed may
            be left out; those before it are done all the same.

    Returns:
        What `finish` returned, in order; None for a piece left out.
    """
    chunks = chunks_of_like_length(lengths, threads)
    found: list[Result | LimenError | None] = [None] * len(lengths)
    last = len(lengths)

    def run(number: int) -> None:
        nonlocal last
        wanted = [place for place in chunks[number] if place <= last]
        try:
            prepared = [prepare(place) for place in wanted]
            for place, one in zip(wanted, prepared, strict=True):
                if place <= last:
                    result = found[place] = finish(place, one)
                    if not go_on and isinstance(result, LimenError):
                        # Two threads may forget the smaller place: a few more pieces are done then.
                        last = min(last, place)
        except BaseException:
            # A defect, or Ctrl-C: nobody waits for the rest of a chunk.
            last = -1
            raise

    work = [sum(lengths[place] for place in chunk) for chunk in chunks]
    run_longest_first(run, work, threads, go_on=True)
    return found


def chunks_of_like_length(lengths: Sequence[int], threads: int) -> list[list[int]]:
    """Divide pieces of so many lengths, the longest first, into chunks for a number of threads. No
    chunk of several has more than a thread's share of the work in at least four.

    Returns:
        The places of each chunk.
    """
    parts = threads * _CHUNKS_A_THREAD
    most, share = max(1, min(MOST_IN_A_CHUNK, len(lengths) // parts)), sum(lengths) / parts
    chunks: list[list[int]] = []
    held = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        held += lengths[place]
        if not chunks or len(chunks[-1]) == most or held > share:
            chunks.append([])
            held = lengths[place]
        chunks[-1].append(place)
    return chunks
