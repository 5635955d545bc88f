"""What becomes of the sums of a linear model: the last nodes of its graph, all in float64."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from limen.arrays import WideArray
from onnx import TensorProto

from limen_export.graph.curves import Curves
from limen_export.graph.gather_sum import Ending, Nodes

LEAST_NO = 1e-6
"""What is subtracted at least from a decision value that is not above 0, see NoAtZero."""
JUST_BELOW_ZERO = -1e-300
"""A limit that a decision value of exactly 0 is above, and no other that is not above 0."""
LEAST_PROBABILITY = 1e-38
"""Smaller ones have no logarithm that a float32 holds beside others; exp of it is 0 to any use."""


@dataclass(frozen=True)
class AsTheyAre:
    """The sums are the outputs.

    Attributes:
        outputs: how many.
    """

    outputs: int

    def __call__(self, nodes: Nodes, sums: str) -> str:
        """Add nothing."""
        return sums


@dataclass(frozen=True)
class BelowTheBest:
    """The sums less the largest of a text, which leaves a softmax as it is.

    Joint log-likelihoods can be in the thousands, where a float32 is 1e-4 from the next; near the
    best one, where it matters, their differences are small.

    Attributes:
        outputs: how many.
    """

    outputs: int

    def __call__(self, nodes: Nodes, sums: str) -> str:
        """Add the nodes."""
        best = nodes.add("ReduceMax", sums, nodes.constant(_shape(1)), keepdims=1)
        return nodes.add("Sub", sums, best)


@dataclass(frozen=True, eq=False)
class NoAtZero:
    """The sums, those that are at their limit or hardly below it made -LEAST_NO.

    scikit-learn gives a label where its decision value is above 0; a score at its threshold of 0.5
    gives it as well. A text without a known feature has the value 0 where there is no intercept.

    Attributes:
        limits: float64, (outputs,): what a yes is above: 0, or JUST_BELOW_ZERO.
    """

    limits: WideArray

    @property
    def outputs(self) -> int:
        """How many outputs there are."""
        return len(self.limits)

    def __call__(self, nodes: Nodes, sums: str) -> str:
        """Add the nodes."""
        yes = nodes.add("Greater", sums, nodes.constant(self.limits))
        least = nodes.add("Min", sums, nodes.constant(np.array(-LEAST_NO)))
        return nodes.add("Where", yes, sums, least)


@dataclass(frozen=True, eq=False)
class Votes:
    """1 where what another ending gives is above its limit, else 0: parts that only say yes or no.

    Attributes:
        limits: float64, (outputs,).
        before: the other ending; None takes the sums.
    """

    limits: WideArray
    before: Ending | None = None

    @property
    def outputs(self) -> int:
        """How many outputs there are."""
        return len(self.limits)

    def __call__(self, nodes: Nodes, sums: str) -> str:
        """Add the nodes."""
        values = sums if self.before is None else self.before(nodes, sums)
        yes = nodes.add("Greater", values, nodes.constant(self.limits))
        return nodes.add("Cast", yes, to=TensorProto.DOUBLE)


@dataclass(frozen=True, eq=False)
class LogCalibrated:
    """Logarithms of probabilities that are calibrated for every fold and then averaged, as
    scikit-learn's CalibratedClassifierCV does (sklearn/calibration.py).

    Columns stand fold after fold, those of a fold in the order of the outputs. A column's
    probability is that of its curve at the sum, or with `probabilities` at what a softmax over the
    fold's columns makes of it (a sigmoid, where it has one).

    Attributes:
        curves: of the columns.
        folds: how many.
        normalised: a fold's probabilities are divided by their sum; equal ones where that is 0.
        complement: there is one column in a fold, about the second of two labels; the outputs are
            about both.
        probabilities: see above.
        apart: the columns of a fold are classifiers of their own, so it is a sigmoid for each.
        limits: float64, (outputs,): a probability that is not above its limit, 0.5 or just below
            it, is made one that is below 0.5. scikit-learn's yes is above 0.5, a score at its
            threshold of 0.5 is a yes as well, and curves of lines are often level there. None
            leaves probabilities as they are.
    """

    curves: Curves
    folds: int
    normalised: bool = False
    complement: bool = False
    probabilities: bool = False
    apart: bool = False
    limits: WideArray | None = None

    @property
    def outputs(self) -> int:
        """How many outputs there are."""
        return 2 if self.complement else self.curves.columns // self.folds

    def __call__(self, nodes: Nodes, sums: str) -> str:
        """Add the nodes."""
        width = self.curves.columns // self.folds
        by_fold = _shape(-1, self.folds, width)
        each = self.curves(nodes, self._values(nodes, sums, by_fold))
        each = nodes.add("Reshape", each, nodes.constant(by_fold))
        if self.normalised:
            each = _normalised(nodes, each, width)
        mean = nodes.add("ReduceMean", each, nodes.constant(_shape(1)), keepdims=0)
        if self.limits is not None:
            yes = nodes.add("Greater", mean, nodes.constant(self.limits))
            below = nodes.add("Min", mean, nodes.constant(np.array(0.5 - LEAST_NO)))
            mean = nodes.add("Where", yes, mean, below)
        if self.complement:
            other = nodes.add("Sub", nodes.constant(np.array(1.0)), mean)
            mean = nodes.add("Concat", other, mean, axis=1)
        least = nodes.constant(np.array(LEAST_PROBABILITY))
        return nodes.add("Log", nodes.add("Max", mean, least))

    def _values(self, nodes: Nodes, sums: str, by_fold: npt.NDArray[np.int64]) -> str:
        """What the curves are about."""
        if not self.probabilities:
            return sums
        if self.apart or by_fold[2] == 1:
            return nodes.add("Sigmoid", sums)
        apart = nodes.add("Reshape", sums, nodes.constant(by_fold))
        shares = nodes.add("Softmax", apart, axis=2)
        return nodes.add("Reshape", shares, nodes.constant(_shape(-1, self.curves.columns)))


def _normalised(nodes: Nodes, each: str, width: int) -> str:
    total = nodes.add("ReduceSum", each, nodes.constant(_shape(2)), keepdims=1)
    none = nodes.add("LessOrEqual", total, nodes.constant(np.array(0.0)))
    divisor = nodes.add("Where", none, nodes.constant(np.array(1.0)), total)
    shares = nodes.add("Div", each, divisor)
    return nodes.add("Where", none, nodes.constant(np.array(1.0 / width)), shares)


def _shape(*sizes: int) -> npt.NDArray[np.int64]:
    return np.array(sizes, np.int64)
