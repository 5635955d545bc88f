"""How numbers are written in tables and plots."""

import math

from limen_bench.statistics import ENOUGH_ROUNDS, Ratio, Spread

NOTHING = "–"
"""Stands where there is no figure."""


_SHARES = ("share", "_alike")
_COUNTS = {"texts", "calls", "cores", "threads", "batch", "tokens", "distributions"}
_SCORES = {"macro_f1", "micro_f1", "accuracy", "subset_accuracy"}


def number(value: float) -> str:
    """Write three significant digits, thousands apart; whole numbers from 100 on."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    if abs(rounded) >= 100:
        return f"{round(value):,}" if abs(rounded) < 1e12 else f"{value:.2e}"
    if abs(rounded) < 0.001:
        return f"{value:.2e}"
    # Rounding may have won a digit: 9.996 is 10.0, not 10.00.
    return f"{rounded:.{2 - math.floor(math.log10(abs(rounded)))}f}"


def whole(value: float) -> str:
    """Write a count; small sizes and rates that are given exactly keep their fraction."""
    return f"{value:,.0f}" if value == int(value) else number(value)


def share(value: float) -> str:
    """Write a share as per cent, with the digits that tell 99.9 % from 100 %."""
    percent = 100 * value
    if 99 <= percent < 100:
        return f"{min(percent, 99.999):.3f} %"
    return f"{percent:.1f} %" if percent < 99 else f"{percent:.0f} %"


def value(name: str, figure: float) -> str:
    """Write a figure as its name asks: shares as per cent, counts whole, scores to 3 places."""
    if name.endswith(_SHARES):
        return share(figure)
    if name in _COUNTS:
        return whole(figure)
    return f"{figure:.3f}" if name in _SCORES else number(figure)


def quartiles(name: str, of: Spread) -> str:
    """Write the quartiles of a spread; nothing for a single round."""
    if of.rounds < 2:
        return ""
    low, high = value(name, of.low), value(name, of.high)
    return low if low == high else f"{low} – {high}"


def interval(of: Ratio) -> str:
    """Write the interval of a ratio; what too few rounds give is called their range."""
    if of.rounds < 2:
        return "one round"
    ends = f"{of.low:.2f} – {of.high:.2f}"
    return ends if of.rounds >= ENOUGH_ROUNDS else f"{ends}, range"
