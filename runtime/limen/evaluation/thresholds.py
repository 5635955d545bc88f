"""Thresholds fitted on labelled texts: what is best for a label, or for all of them together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray, WideArray
from limen.errors import InputError
from limen.evaluation.cuts import Cuts

Truth = npt.NDArray[np.bool_]
_MOST_GRID_STEPS = 10_000


@dataclass(frozen=True)
class Grid:
    """Thresholds at equal steps, as common tutorials search them.

    Attributes:
        start, stop: first and last threshold, in [0, 1]; the last is included when a step lands on
            it.
        step: above 0.
    """

    start: float
    stop: float
    step: float

    def __post_init__(self) -> None:
        """Refuse what is no grid."""
        inside = 0.0 <= self.start <= self.stop <= 1.0 and self.step > 0.0
        if not inside or (self.stop - self.start) / self.step > _MOST_GRID_STEPS:
            raise InputError(
                f"grid {self.start:g}:{self.stop:g}:{self.step:g}, expected start <= stop inside "
                f"[0, 1] and at most {_MOST_GRID_STEPS:,} steps, such as 0.1:0.9:0.05"
            )

    @property
    def thresholds(self) -> WideArray:
        """The thresholds, rising: float64, (steps,)."""
        steps = int(np.floor((self.stop - self.start) / self.step + 1e-9)) + 1
        return np.round(self.start + self.step * np.arange(steps), 12)

    @classmethod
    def parse(cls, text: str) -> "Grid":
        """Read `start:stop:step`.

        Raises:
            InputError: something else.
        """
        try:
            start, stop, step = (float(part) for part in text.split(":"))
        except ValueError:
            raise InputError(
                f"grid {text!r}, expected start:stop:step such as 0.1:0.9:0.05"
            ) from None
        return cls(start, stop, step)


def best_f1(cuts: Cuts) -> float:
    """Return the threshold with the best F1, the highest of equals.

    Optimising each label alone optimises macro-F1 (Lipton, Elkan, Narayanaswamy: Optimal
    thresholding of classifiers to maximize F1 measure, 2014).
    """
    return float(cuts.thresholds[1:][np.argmax(cuts.f1[1:])]) if len(cuts.hits) > 1 else 0.5


def best_f1_on_grid(scores: FloatArray, truth: Truth, grid: Grid, positives: int) -> float:
    """Return the threshold of the grid with the best F1, the lowest of equals, as a loop that keeps
    the first best does; arguments as in `cuts_of`.
    """
    steps = grid.thresholds
    hits, given = _reaching(scores[truth], steps), _reaching(scores, steps)
    return float(steps[np.argmax(2.0 * hits / np.maximum(given + positives, 1))])


def _reaching(scores: FloatArray, steps: WideArray) -> npt.NDArray[np.int64]:
    """Count the scores at or above each step: sorted, since a table of both would be large."""
    return len(scores) - np.searchsorted(np.sort(scores), steps.astype(np.float32), side="left")


def best_micro_f1(each: tuple[Cuts, ...]) -> tuple[float | None, ...]:
    """Return one threshold a label with the best F1 over all (text, label) pairs together.

    Micro-F1 is a ratio, 2 hits / (given + positives). Dinkelbach's iteration (On nonlinear
    fractional programming, 1967) finds its largest value: for a value v of the ratio each label by
    itself takes the cut with the largest 2 hits - v given, and v becomes the ratio that the cuts
    reach together, until it no longer grows. It ends after finitely many steps, at the optimum.
    """
    positives = sum(cuts.positives for cuts in each)
    # Below any ratio, so that the iteration also leaves a start without a hit.
    value = -1.0
    chosen = [len(cuts.hits) - 1 for cuts in each]
    while True:
        hits = sum(int(cuts.hits[place]) for cuts, place in zip(each, chosen, strict=True))
        given = sum(int(cuts.given[place]) for cuts, place in zip(each, chosen, strict=True))
        reached = 2.0 * hits / max(given + positives, 1)
        if reached <= value:
            break
        value = reached
        chosen = [int(np.argmax(2.0 * cuts.hits - value * cuts.given)) for cuts in each]
    return tuple(cuts.threshold(place) for cuts, place in zip(each, chosen, strict=True))


def lowest_with_precision(cuts: Cuts, level: float) -> float | None:
    """Return the lowest threshold whose precision on these texts is at least `level`; None where
    none gives a text with it.
    """
    enough = np.flatnonzero((cuts.precision >= level - 1e-12) & (cuts.given > 0))
    return float(cuts.thresholds[enough[-1]]) if len(enough) else None


def highest_with_recall(cuts: Cuts, level: float) -> float | None:
    """Return the highest threshold whose recall on these texts is at least `level`; None where
    none has it, or there is nothing to find.
    """
    enough = np.flatnonzero(cuts.recall >= level - 1e-12)
    if not len(enough) or cuts.positives == 0:
        return None
    return float(cuts.thresholds[enough[0]])


def cheapest_answers(cuts: Cuts, wrong: float, unanswered: float) -> float | None:
    """Return the threshold of a rule that gives one label with the lowest cost, the highest of
    equals (Chow: On optimum recognition error and reject tradeoff, 1970); None where never deciding
    is cheapest.

    Args:
        cuts: of all texts together, a hit being a text whose winner is right.
        wrong: cost of a wrong decision, above 0.
        unanswered: cost of an abstention, above 0.
    """
    cost = wrong * (cuts.given - cuts.hits) + unanswered * (cuts.given[-1] - cuts.given)
    return cuts.threshold(int(np.argmin(cost)))


def cheapest(cuts: Cuts, false_positive: float, false_negative: float) -> float | None:
    """Return the threshold with the lowest cost, the highest of equals: `false_positive` for each
    text given wrongly, `false_negative` for each true text not given.

    With calibrated scores it comes near false_positive / (false_positive + false_negative) (Elkan:
    The foundations of cost-sensitive learning, 2001).
    """
    wrong, missed = cuts.given - cuts.hits, cuts.positives - cuts.hits
    cost = false_positive * wrong + false_negative * missed
    return cuts.threshold(int(np.argmin(cost)))
