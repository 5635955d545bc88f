"""Curves that turn decision values into probabilities, as nodes of a graph, all in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from limen.arrays import IntArray, WideArray
from onnx import TensorProto

from limen_export.graph.gather_sum import Nodes

SMALLEST = 1e-12
"""What scikit-learn adds to a probability before it takes the logarithm (`eps` of
_convert_to_logits, sklearn/calibration.py)."""


class Curves(Protocol):
    """Turns values, float64 (texts, columns), into probabilities of the same shape."""

    @property
    def columns(self) -> int:
        """How many columns there are."""
        ...

    def __call__(self, nodes: Nodes, values: str) -> str:
        """Add the nodes, and return the name of what they give."""
        ...


@dataclass(frozen=True, eq=False)
class SigmoidCurves:
    """1 / (1 + exp(slope s + offset)) of each column.

    Attributes:
        slopes, offsets: float64, (columns,).
    """

    slopes: WideArray
    offsets: WideArray

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.slopes)

    def __call__(self, nodes: Nodes, values: str) -> str:
        """Add the nodes."""
        sloped = nodes.add("Mul", values, nodes.constant(-self.slopes))
        return nodes.add("Sigmoid", nodes.add("Sub", sloped, nodes.constant(self.offsets)))

    def ordered(self, order: IntArray) -> "SigmoidCurves":
        """Return the columns in another order."""
        return SigmoidCurves(self.slopes[order], self.offsets[order])

    def turned(self, signs: WideArray) -> "SigmoidCurves":
        """Return the curves, with the complement of those whose sign is -1: 1 - 1 / (1 + exp(x)) is
        1 / (1 + exp(-x)).
        """
        return SigmoidCurves(signs * self.slopes, signs * self.offsets)


@dataclass(frozen=True, eq=False)
class LineCurves:
    """Straight lines between knots, level before the first and behind the last, as scikit-learn's
    IsotonicRegression with `out_of_bounds="clip"` (sklearn/isotonic.py).

    Attributes:
        places: float64, (columns, knots): rising in each column; a column with fewer knots than
            others repeats its last.
        heights: float64, (columns, knots): the probability at each.
    """

    places: WideArray
    heights: WideArray

    @classmethod
    def through(cls, knots: Sequence[tuple[WideArray, WideArray]]) -> "LineCurves":
        """Return curves through (places, heights) of each column, at least one knot each."""
        # At least one knot between the ends, so that there is something to count.
        most = max(3, *(len(places) for places, _ in knots))

        def filled(row: WideArray) -> WideArray:
            return np.pad(np.asarray(row, np.float64), (0, most - len(row)), mode="edge")

        return cls(
            np.stack([filled(places) for places, _ in knots]),
            np.stack([filled(heights) for _, heights in knots]),
        )

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.places)

    def __call__(self, nodes: Nodes, values: str) -> str:
        """Add the nodes: the line that a value falls on, looked up by how many knots are behind."""
        steps = np.diff(self.places)
        rises = np.diff(self.heights)
        slopes = np.divide(rises, steps, out=np.zeros_like(rises), where=steps > 0)
        first, last = (nodes.constant(self.places[:, end].copy()) for end in (0, -1))
        within = nodes.add("Min", nodes.add("Max", values, first), last)
        two = nodes.constant(np.array([2], np.int64))
        inner = nodes.constant(np.ascontiguousarray(self.places[:, 1:-1]))
        behind = nodes.add("GreaterOrEqual", nodes.add("Unsqueeze", within, two), inner)
        counted = nodes.add("Cast", behind, to=TensorProto.INT64)
        piece = nodes.add("ReduceSum", counted, two, keepdims=0)
        begins = nodes.constant(np.arange(len(slopes), dtype=np.int64) * slopes.shape[1])
        line = nodes.add("Add", piece, begins)

        def at_line(table: WideArray) -> str:
            return nodes.add("Gather", nodes.constant(np.ascontiguousarray(table).ravel()), line)

        along = nodes.add("Sub", within, at_line(self.places[:, :-1]))
        risen = nodes.add("Mul", along, at_line(slopes))
        return nodes.add("Add", at_line(self.heights[:, :-1]), risen)

    def ordered(self, order: IntArray) -> "LineCurves":
        """Return the columns in another order."""
        return LineCurves(self.places[order], self.heights[order])

    def turned(self, signs: WideArray) -> "LineCurves":
        """Return the curves, with the complement of those whose sign is -1."""
        below = signs[:, np.newaxis] < 0
        return LineCurves(self.places, np.where(below, 1.0 - self.heights, self.heights))


@dataclass(frozen=True, eq=False)
class LogOddsCurves:
    """1 / (1 + exp(-factor (log(p + e) - log(1 - p + e)))) of each column, whose values p are
    probabilities and e is SMALLEST: scikit-learn's `method="temperature"` for two classes.

    Attributes:
        factors: float64, (columns,): beta, the inverse of the temperature; below 0 for the
            complement.
    """

    factors: WideArray

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.factors)

    def __call__(self, nodes: Nodes, values: str) -> str:
        """Add the nodes."""
        others = nodes.add("Sub", nodes.constant(np.array(1.0)), values)
        odds = nodes.add("Sub", _logarithm(nodes, values), _logarithm(nodes, others))
        return nodes.add("Sigmoid", nodes.add("Mul", odds, nodes.constant(self.factors)))

    def ordered(self, order: IntArray) -> "LogOddsCurves":
        """Return the columns in another order."""
        return LogOddsCurves(self.factors[order])

    def turned(self, signs: WideArray) -> "LogOddsCurves":
        """Return the curves, with the complement of those whose sign is -1."""
        return LogOddsCurves(signs * self.factors)


ColumnCurves: TypeAlias = SigmoidCurves | LineCurves | LogOddsCurves
"""Curves of columns that do not know of each other."""


@dataclass(frozen=True, eq=False)
class Shares:
    """A softmax over the columns of each fold, of values times the fold's factor, as scikit-learn's
    CalibratedClassifierCV with `method="temperature"` for more than two classes.

    Attributes:
        factors: float64, (folds,): beta, the inverse of the temperature.
        width: columns of a fold.
        logarithms: values are probabilities, of which the logarithm is taken (of p + SMALLEST).
    """

    factors: WideArray
    width: int
    logarithms: bool

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.factors) * self.width

    def __call__(self, nodes: Nodes, values: str) -> str:
        """Add the nodes."""
        if self.logarithms:
            values = _logarithm(nodes, values)
        scaled = nodes.add("Mul", values, nodes.constant(np.repeat(self.factors, self.width)))
        by_fold = np.array([-1, len(self.factors), self.width], np.int64)
        shares = nodes.add("Softmax", nodes.add("Reshape", scaled, nodes.constant(by_fold)), axis=2)
        flat = np.array([-1, self.columns], np.int64)
        return nodes.add("Reshape", shares, nodes.constant(flat))


def _logarithm(nodes: Nodes, probabilities: str) -> str:
    smallest = nodes.constant(np.array(SMALLEST))
    return nodes.add("Log", nodes.add("Add", probabilities, smallest))


def side_by_side(curves: Sequence[ColumnCurves]) -> ColumnCurves:
    """Put the columns of curves of one kind behind one another.

    Raises:
        TypeError: they are of several kinds; the caller is wrong.
    """
    if len({type(one) for one in curves}) != 1:
        raise TypeError("curves of several kinds; the caller is wrong")
    sigmoids = [one for one in curves if isinstance(one, SigmoidCurves)]
    if sigmoids:
        return SigmoidCurves(
            np.concatenate([one.slopes for one in sigmoids]),
            np.concatenate([one.offsets for one in sigmoids]),
        )
    odds = [one.factors for one in curves if isinstance(one, LogOddsCurves)]
    if odds:
        return LogOddsCurves(np.concatenate(odds))
    lines = [one for one in curves if isinstance(one, LineCurves)]
    return LineCurves.through(
        [pair for one in lines for pair in zip(one.places, one.heights, strict=True)]
    )
