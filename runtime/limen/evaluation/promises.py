"""Operating points that promise something about new texts of the same kind."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from limen.arrays import FloatArray
from limen.evaluation.cuts import Cuts
from limen.evaluation.thresholds import Truth

_MOST_CANDIDATES = 20


def lower_bound(hits: int, given: int, confidence: float) -> float:
    """Return the one-sided lower confidence bound of a share (Clopper, Pearson: The use of
    confidence or fiducial limits illustrated in the case of the binomial, 1934).

    Args:
        hits: successes.
        given: trials.
        confidence: in (0, 1).
    """
    if hits == 0:
        return 0.0
    return float(beta.ppf(1.0 - confidence, hits, given - hits + 1))


def candidates(select: Cuts, level: float, confidence: float) -> tuple[float, ...]:
    """Choose which thresholds to certify, and in which order, on texts that do not certify.

    At most 20 thresholds, at equal steps of recall. The first is the one whose precision is
    surest to be above the level; from there they fall, each finding more than the one before.

    Args:
        select: cuts of the texts set aside for choosing.
        level: the precision asked for, in (0, 1).
        confidence: in (0, 1).

    Returns:
        Thresholds in [0, 1], falling; none where no text was given truly.
    """
    most = int(select.hits[-1])
    if most == 0:
        return ()
    wanted = np.unique(np.ceil(np.linspace(0.0, 1.0, _MOST_CANDIDATES + 1)[1:] * most))
    places = np.unique(np.searchsorted(select.hits, wanted, side="left"))
    bounds = [
        lower_bound(int(select.hits[place]), int(select.given[place]), confidence)
        for place in places
    ]
    surest = int(np.argmax(np.array(bounds) - level))
    return tuple(float(select.thresholds[place]) for place in places[surest:])


def certified(
    scores: FloatArray,
    right: Truth,
    thresholds: tuple[float, ...],
    level: float,
    confidence: float,
) -> float | None:
    """Return the lowest threshold whose precision on new texts is at least `level`, with
    `confidence`.

    Fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan, Lei: Learn then test, 2021, section
    2.3.2; for one share: Clopper and Pearson): thresholds are tested one after the other, in an
    order that other texts chose, each with the whole error 1 - confidence, until one fails; those
    before it hold together. That is the correction for the search.

    Args:
        scores: float32, (texts,), of the certifying texts.
        right: bool, (texts,): a decision for the text would be right.
        thresholds: falling.
        level: in (0, 1).
        confidence: in (0, 1).

    Returns:
        A threshold; None where not even the first holds: too few texts, or too many wrong ones.
    """
    lowest = None
    for threshold in thresholds:
        given = scores >= np.float32(threshold)
        if lower_bound(int((given & right).sum()), int(given.sum()), confidence) < level:
            break
        lowest = threshold
    return lowest


@dataclass(frozen=True)
class Coverage:
    """A threshold for conformal sets, or how many texts it would take.

    Attributes:
        threshold: for every label alike; None where the texts are too few.
        texts: texts that certified it.
        needed: the fewest texts that could.
    """

    threshold: float | None
    texts: int
    needed: int


def conformal(scores: FloatArray, truth: Truth, level: float) -> Coverage:
    """Find the threshold for `coverage@level`.

    Conformal risk control (Angelopoulos, Bates, Fisch, Lei, Schuster: Conformal risk control,
    2022): of all thresholds the highest with n / (n + 1) R + 1 / (n + 1) <= 1 - level, R being the
    mean share of a text's true labels below the threshold, 0 for a text without any. Then the
    expected share missed on a new text is at most 1 - level. With one true label a text this is
    split conformal prediction with the score as conformity (Sadinle, Lei, Wasserman: Least
    ambiguous set-valued classifiers, 2019): the true label is in the set with probability at least
    `level`.

    Args:
        scores: float32, (texts, labels), in [0, 1], of texts that nothing was fitted on.
        truth: bool, (texts, labels).
        level: in (0, 1).
    """
    texts, allowed = len(scores), 1.0 - level
    needed = int(np.ceil(1.0 / allowed - 1.0 - 1e-9))
    budget = allowed * (texts + 1) - 1.0 + 1e-9
    if budget < 0:
        return Coverage(None, texts, needed)
    rows, labels = np.nonzero(truth)
    found = scores[rows, labels].astype(np.float64)
    weights = 1.0 / truth.sum(axis=1)[rows]
    order = np.argsort(found, kind="stable")
    found, missed = found[order], np.cumsum(weights[order])
    kept = np.flatnonzero(missed > budget)
    if not len(kept):
        # Even missing every true label costs less than is allowed.
        return Coverage(1.0, texts, needed)
    upper = found[kept[0]]
    below = found[found < upper]
    lower = float(below[-1]) if len(below) else 0.0
    middle = float(np.float32((upper + lower) / 2))
    return Coverage(middle if middle > lower else float(upper), texts, needed)
