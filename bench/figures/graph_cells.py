"""Cells and tables of docs/graph.md."""

from collections.abc import Sequence

from limen_bench.statistics import paired_ratio, spread


def times(values: Sequence[float], digits: int | None = None) -> str:
    """Write the median of the rounds with its quartiles, which a single round does not have.

    Args:
        values: one a round.
        digits: behind the point; None for two, or three below 1.
    """
    found = spread(values)
    if digits is None:
        digits = 2 if found.median >= 1 else 3
    middle = f"{found.median:,.{digits}f}"
    if found.rounds == 1:
        return middle
    return f"{middle} ({found.low:,.{digits}f} - {found.high:,.{digits}f})"


def ratio(above: Sequence[float], below: Sequence[float]) -> str:
    """Write the median of the ratios of rounds with its 95 % interval, strong where that leaves 1
    out; a single round has no interval.
    """
    found = paired_ratio(above, below)
    middle = f"{found.median:.2f}"
    if found.rounds == 1:
        return middle
    return f"{f'**{middle}**' if found.differs else middle} ({found.low:.2f} - {found.high:.2f})"


def interval(numbers: Sequence[float]) -> str:
    """Write a signed difference, value, low and high, with four digits."""
    value, low, high = (f"{number:+.4f}" for number in numbers)
    return f"{value} ({low} to {high})"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table; the first column is words."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
