"""How raw scores are turned into calibrated ones: the numbers, not the arithmetic
(limen.decision.calibration has that).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from limen.arrays import WideArray
from limen.errors import InputError
from limen.format import limits
from limen.format.json_block import Json, Node

_KINDS = ("temperature", "platt", "isotonic")
_LARGEST = 1e6
_SMALLEST = 1e-6


@dataclass(frozen=True)
class Temperature:
    """Logits are divided by a temperature before the link (Guo, Pleiss, Sun, Weinberger: On
    calibration of modern neural networks, 2017).

    Attributes:
        temperatures: in [1e-6, 1e6]; one for all outputs, or one for each.
    """

    temperatures: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse numbers outside the range."""
        if not all(_SMALLEST <= value <= _LARGEST for value in self.temperatures):
            raise InputError(f"a temperature outside [{_SMALLEST:g}, {_LARGEST:g}]")

    def __len__(self) -> int:
        """Return how many outputs have numbers of their own; 1 for one of all."""
        return len(self.temperatures)

    @cached_property
    def divisors(self) -> WideArray:
        """The temperatures, float64, (outputs,) or (1,)."""
        return np.array(self.temperatures)

    def to_json(self) -> Json:
        """Return the calibration as `limen.decision` stores it."""
        return {"kind": "temperature", "temperatures": list(self.temperatures)}


@dataclass(frozen=True)
class Platt:
    """Score = 1 / (1 + exp(-(slope x + intercept))), x being the log-odds of the raw score (Platt:
    Probabilistic outputs for support vector machines, 1999).

    Attributes:
        slopes: in [0, 1e6]; one for all outputs, or one for each.
        intercepts: in [-1e6, 1e6]; as many.
    """

    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse numbers outside the range."""
        if len(self.slopes) != len(self.intercepts):
            raise InputError(f"{len(self.slopes)} slopes and {len(self.intercepts)} intercepts")
        if not all(0.0 <= slope <= _LARGEST for slope in self.slopes):
            raise InputError(f"a slope outside [0, {_LARGEST:g}]")
        if not all(-_LARGEST <= value <= _LARGEST for value in self.intercepts):
            raise InputError(f"an intercept outside [-{_LARGEST:g}, {_LARGEST:g}]")

    def __len__(self) -> int:
        """Return how many outputs have numbers of their own; 1 for one of all."""
        return len(self.slopes)

    @cached_property
    def lines(self) -> tuple[WideArray, WideArray]:
        """Slopes and intercepts, float64, (outputs,) or (1,) each."""
        return np.array(self.slopes), np.array(self.intercepts)

    def to_json(self) -> Json:
        """Return the calibration as `limen.decision` stores it."""
        return {
            "intercepts": list(self.intercepts),
            "kind": "platt",
            "slopes": list(self.slopes),
        }


@dataclass(frozen=True)
class Curve:
    """A non-decreasing line through knots, constant beyond the first and the last.

    Attributes:
        raw: raw scores in [0, 1], increasing.
        calibrated: scores in [0, 1], not decreasing; as many.
    """

    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse a line that falls, or leaves [0, 1]."""
        if not 0 < len(self.raw) == len(self.calibrated) <= limits.MAX_KNOTS:
            raise InputError(
                f"a curve of {len(self.raw)} raw and {len(self.calibrated)} calibrated scores, "
                f"expected 1 to {limits.MAX_KNOTS:,} of each"
            )
        if not all(0.0 <= value <= 1.0 for value in (*self.raw, *self.calibrated)):
            raise InputError("a curve leaves [0, 1]")
        if not all(low < high for low, high in pairwise(self.raw)):
            raise InputError("a curve's raw scores do not increase")
        if not all(low <= high for low, high in pairwise(self.calibrated)):
            raise InputError("a curve falls")

    @cached_property
    def knots(self) -> tuple[WideArray, WideArray]:
        """Raw and calibrated scores, float64, (knots,) each."""
        return np.array(self.raw), np.array(self.calibrated)

    def to_json(self) -> Json:
        """Return the curve as `limen.decision` stores it."""
        return {"calibrated": list(self.calibrated), "raw": list(self.raw)}


@dataclass(frozen=True)
class Isotonic:
    """A curve over the raw score (Zadrozny, Elkan: Transforming classifier scores into accurate
    multiclass probability estimates, 2002).

    Attributes:
        curves: one for all outputs, or one for each.
    """

    curves: tuple[Curve, ...]

    def __len__(self) -> int:
        """Return how many outputs have numbers of their own; 1 for one of all."""
        return len(self.curves)

    def to_json(self) -> Json:
        """Return the calibration as `limen.decision` stores it."""
        return {"curves": [curve.to_json() for curve in self.curves], "kind": "isotonic"}


Calibration: TypeAlias = Temperature | Platt | Isotonic


def read_calibration(node: Node) -> Calibration:
    """Read a calibration.

    Raises:
        FormatError: a field is missing, of a wrong type or outside its range.
    """
    most = limits.MAX_OUTPUTS
    try:
        match node.string("kind", _KINDS):
            case "temperature":
                return Temperature(node.numbers("temperatures", most))
            case "platt":
                return Platt(node.numbers("slopes", most), node.numbers("intercepts", most))
            case _:
                return Isotonic(
                    tuple(
                        Curve(
                            part.numbers("raw", limits.MAX_KNOTS),
                            part.numbers("calibrated", limits.MAX_KNOTS),
                        )
                        for part in node.nodes("curves", most)
                    )
                )
    except InputError as error:
        node.fail(str(error))
