"""The one timer of limen: the export tables and the bench read the same clock in the same way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


@dataclass(frozen=True)
class Latency:
    """Times of single calls, in milliseconds.

    Attributes:
        p50, p90, p99, max: percentiles (linear interpolation) and the slowest call.
        spread: distance from the first to the third quartile.
        calls: how many were timed.
    """

    p50: float
    p90: float
    p99: float
    max: float
    spread: float
    calls: int


def summarise_ms(times_ms: Sequence[float]) -> Latency:
    """Summarise times of single calls; at least one."""
    p25, p50, p75, p90, p99 = (
        float(value) for value in np.percentile(times_ms, [25, 50, 75, 90, 99])
    )
    return Latency(p50, p90, p99, float(max(times_ms)), p75 - p25, len(times_ms))


def time_calls(call: Callable[[Item], object], items: Sequence[Item], warm_up: int) -> Latency:
    """Time one call for each item, after `warm_up` calls that are not counted.

    Args:
        call: what is timed.
        items: at least one.
        warm_up: number of calls before the clock starts.
    """
    for index in range(warm_up):
        call(items[index % len(items)])
    times = []
    for item in items:
        start = perf_counter_ns()
        call(item)
        times.append((perf_counter_ns() - start) / 1e6)
    return summarise_ms(times)
