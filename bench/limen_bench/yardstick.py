"""Figures in units of the machine's speed.

Machines drift between runs: another neighbour, another clock. The yardstick is the speed of a
matrix product, measured in every round beside the engines. A time multiplied by it, or a rate
divided by it, tells what an engine costs on a machine of one unit of speed.
"""

from collections.abc import Mapping
from statistics import median
from typing import TypeAlias

from limen_bench.results import EngineRow
from limen_bench.summary import RunSummary, larger_is_better

Rounds: TypeAlias = Mapping[int | None, float]


def positive_rounds(run: RunSummary, engine: str, measure: str, value: str) -> Rounds:
    """Return the positive figures of an engine by round; a ratio has no place for others."""
    point = run.point(engine, measure)
    figures = point.figures.get(value, {}) if point else {}
    return {number: figure for number, figure in figures.items() if figure > 0}


def yardstick(run: RunSummary, engine: EngineRow) -> Rounds:
    """Return the machine's speed in each round, for the arithmetic that the engine does; nothing
    for one that computes on a GPU, which the processor's products say nothing of.
    """
    if engine.device != "cpu":
        return {}
    precision = engine.precision
    value = "int8_typical_gmacs_per_core" if precision == "int8" else "fp32_typical_gmacs_per_core"
    return positive_rounds(run, "machine", "yardstick", value)


def normalised(figures: Rounds, speeds: Rounds, value: str) -> Rounds:
    """Put each round's figure in units of the machine's speed in that round.

    Args:
        figures: of an engine.
        speeds: of the machine, not empty; their median stands for a round that has none.
        value: name of the figure; tells a rate from a time.
    """
    middle = median(speeds.values())
    return {
        number: figure / speeds.get(number, middle)
        if larger_is_better(value)
        else figure * speeds.get(number, middle)
        for number, figure in figures.items()
    }
