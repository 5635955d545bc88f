"""How many texts one run holds, where a graph takes them one behind another."""

from collections.abc import Iterator, Sequence

MOST_TEXTS = 256
"""Texts of a run. What a run costs beside its texts, some 80 microseconds of features, is then less
than half of one for each."""
MOST_CHARACTERS = 1 << 14
"""Of a run, unless one text has more: what it gathers should stay in the processor's cache."""


def run_slices(lengths: Sequence[int]) -> Iterator[slice]:
    """Divide texts, of so many characters each, into those of one run, in their order."""
    begin = held = 0
    for place, size in enumerate(lengths):
        full = place - begin == MOST_TEXTS or held + size > MOST_CHARACTERS
        if full and place > begin:
            yield slice(begin, place)
            begin, held = place, 0
        held += size
    if begin < len(lengths):
        yield slice(begin, len(lengths))
