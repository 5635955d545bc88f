"""How many texts one run holds, where a graph takes them one behind another."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

MOST_TEXTS = 256
"""Texts of a run. What a run costs beside its texts, some 80 microseconds of features, is then less
than half of one for each."""
MOST_CHARACTERS = 1 << 14
"""Of a run, unless one text has more: what it gathers should stay in the processor's cache."""


def run_slices(lengths: Sequence[int]) -> Iterator[slice]:
    """Divide texts, of so many characters each, into those of one run, in their order."""
    ends = [*accumulate(lengths)]
    begin = held = 0
    while begin < len(lengths):
        most = min(len(lengths), begin + MOST_TEXTS)
        end = max(begin + 1, bisect_right(ends, held + MOST_CHARACTERS, begin, most))
        yield slice(begin, end)
        begin, held = end, ends[end - 1]
