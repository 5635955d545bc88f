"""The threshold with the best F1 for each label, steadied against the accident of the sample.

The exact search is over every cut (limen.evaluation.cuts), and what it finds follows single texts
where a label has few. Four things steady it:

- Bagging: the search is repeated on RESAMPLES draws of the texts with replacement, and the
  thresholds' log-odds are averaged (Breiman: Bagging predictors, 1996).
- A draw without a true text of the label says nothing; there the expected threshold stands in: half
  of the best F1 that the label's own scores let expect if they are right probabilities. For such
  scores no threshold is better (Lipton, Elkan, Narayanaswamy: Optimal thresholding of classifiers
  to maximize F1 measure, 2014). A label without any true text gets it altogether.
- Labels with n < FEW true texts are drawn further to their expected threshold: log-odds become
  (n bagged + k expected) / (n + k). The weight k is one of WEIGHTS: the one whose thresholds,
  fitted on four fifths of the texts, have the best mean F1 of these labels on the other fifth, all
  five fifths together (choice of a shrinkage by cross-validation: Hastie, Tibshirani, Friedman: The
  elements of statistical learning, 2009, section 7.10).
- Where the rule gives any number of labels, those with n < FEW true texts also have a floor: the
  lowest threshold that gives the label to no more than MOST_GIVEN (n + 1) of the texts fitted on.
  It is needed where scores do not tell a label's true texts from others: the best F1 is then that
  of giving it to nearly every text, so the search finds a threshold that does, and half the F1
  that such scores let expect is one too. Giving a label to more has an F1 of less than
  2 / (1 + MOST_GIVEN), however well it is found. The floor holds in the cross-validation too, by
  the true texts of the four fifths, so that the weight is chosen for the thresholds in use.

What this is worth is in docs/deciding.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray, WideArray
from limen.evaluation.cuts import Cuts, cuts_of
from limen.evaluation.thresholds import Truth

FEW = 50
"""Below so many true texts a label is drawn to its expected threshold."""
WEIGHTS = (0.0, 10.0, 30.0, 100.0)
MOST_GIVEN = 3
"""So many texts for each true one, and for one true text more, may have a rare label given. On
held-out texts 2, 3 and 5 differ by at most 0.006 of macro-F1; 1 loses more (docs/deciding.md)."""
RESAMPLES = 50
_SEED = 20_261_124
_LOWEST, _HIGHEST = 1e-30, 1.0 - 2.0**-24
"""Thresholds are kept between these: far below any score that says something, and the float32 just
below 1."""
_MOST_DRAWN = 4_000_000
"""Draws in memory at once; with their sums about 200 MB."""


@dataclass(frozen=True)
class Steadied:
    """Thresholds, and which were touched by more than bagging.

    Attributes:
        thresholds: one in (0, 1) for each label.
        rare: places of the labels with fewer than FEW true texts.
        weight: k, the weight of the expected threshold in true texts; None where no label is rare.
    """

    thresholds: tuple[float, ...]
    rare: tuple[int, ...]
    weight: float | None


@dataclass(frozen=True)
class FitTexts:
    """Texts to fit on.

    Attributes:
        scores: float32, (texts, labels), in [0, 1].
        truth: bool, (texts, labels).
        folds: whole numbers, (texts,): the fifth that each text belongs to.
        top: int64, (texts,): the label that wins, with a rule that gives one label; None else.
    """

    scores: FloatArray
    truth: Truth
    folds: npt.NDArray[np.integer]
    top: npt.NDArray[np.int64] | None = None

    def at(self, rows: npt.NDArray[np.bool_]) -> "FitTexts":
        """Return some of the texts."""
        top = None if self.top is None else self.top[rows]
        return FitTexts(self.scores[rows], self.truth[rows], self.folds[rows], top)

    def of(self, label: int) -> tuple[FloatArray, Truth, int]:
        """Return scores and truth of a label over the texts that it can be given to, and how many
        of those that it cannot be given to are true.
        """
        if self.top is None:
            return self.scores[:, label], self.truth[:, label], 0
        won = self.top == label
        lost = int(self.truth[~won, label].sum())
        return self.scores[won, label], self.truth[won, label], lost

    def cuts(self, label: int) -> Cuts:
        """Return the cuts of a label."""
        scores, truth, lost = self.of(label)
        return cuts_of(scores, truth, int(truth.sum()) + lost)

    def all_pairs(self) -> Cuts:
        """Return the cuts over all (text, label) pairs that can be given, together."""
        if self.top is None:
            return cuts_of(self.scores.ravel(), self.truth.ravel())
        rows = np.arange(len(self.top))
        return cuts_of(self.scores[rows, self.top], self.truth[rows, self.top], len(rows))

    def given(self, labels: npt.NDArray[np.int64], thresholds: WideArray) -> Truth:
        """Return which texts these labels are given to: bool, (texts, len(labels))."""
        reached: Truth = self.scores[:, labels] >= thresholds.astype(np.float32)
        return reached if self.top is None else reached & (self.top[:, None] == labels)


def fit_f1(texts: FitTexts) -> Steadied:
    """Fit each label's threshold by the rule above."""
    labels = np.arange(texts.truth.shape[1])
    support = texts.truth.sum(axis=0)
    bagged, expected = _both(texts, labels)
    rare = np.flatnonzero(support < FEW)
    weight = _best_weight(texts, rare) if len(rare) else None
    if weight is not None:
        drawn = draw(bagged[rare], expected[rare], support[rare], weight)
        bagged[rare] = np.maximum(drawn, _floors(texts, rare))
    # A score of 0 reaches no threshold above 0, and a threshold of 1 is reached by a score of 1.
    return Steadied(
        tuple(np.clip(bagged, _LOWEST, _HIGHEST).tolist()),
        tuple(rare.tolist()),
        weight,
    )


def expected_threshold(scores: FloatArray, lost: float = 0.0) -> float:
    """Return half the best F1 to be expected if scores are probabilities: F1 of giving the k texts
    with the highest scores is 2 sum / (k + sum of all), `lost` being true texts beyond these.

    Args:
        scores: float32, (texts,), in [0, 1].
        lost: true texts that cannot be given.
    """
    if not len(scores):
        return 0.5
    ranked = np.sort(scores)[::-1].astype(np.float64)
    sums = np.cumsum(ranked)
    f1 = 2.0 * sums / np.maximum(np.arange(1, len(sums) + 1) + sums[-1] + lost, 1e-12)
    return float(f1.max() / 2.0)


def draw(
    bagged: WideArray, expected: WideArray, support: npt.NDArray[np.int64], weight: float
) -> WideArray:
    """Draw thresholds to the expected ones, (labels,) each; the results are in (0, 1)."""
    total = np.maximum(support + weight, 1e-9)
    mean = (support * _odds(bagged) + weight * _odds(expected)) / total
    # Without a true text and without a weight the sum says nothing.
    return np.where(support + weight > 0, _share(mean), expected)


def lowest_allowed(scores: FloatArray, true: int) -> float:
    """Return the floor of a rare label: halfway, in log-odds, between the scores of the last text
    that it may be given to and of the next one, or just above these where they are equal; 0 where
    it may be given to every text.

    Args:
        scores: float32, (texts,), in [0, 1].
        true: how many of these texts are true.

    Returns:
        A float32 number in [0, 1). Scores of 1 reach every threshold, so they reach this one too,
        however many they are.
    """
    most = MOST_GIVEN * (true + 1)
    if most >= len(scores):
        return 0.0
    last, beyond = np.sort(scores)[::-1][most - 1 : most + 1]
    if last == beyond:
        floor = np.nextafter(beyond, np.float32(1))
    else:
        middle = np.float32(_share(_odds(np.array([last, beyond], dtype=np.float64)).mean()))
        # Between neighbours there is no float32 number, and tiny scores are alike in log-odds.
        floor = middle if beyond < middle <= last else last
    return float(min(floor, np.float32(_HIGHEST)))


def _floors(texts: FitTexts, rare: npt.NDArray[np.int64]) -> WideArray:
    if texts.top is not None:
        # A label is given to no more texts than it wins.
        return np.zeros(len(rare))
    support = texts.truth[:, rare].sum(axis=0)
    pairs = zip(rare.tolist(), support.tolist(), strict=True)
    return np.array([lowest_allowed(texts.scores[:, label], true) for label, true in pairs])


def _both(texts: FitTexts, labels: npt.NDArray[np.int64]) -> tuple[WideArray, WideArray]:
    bagged, expected = np.empty(len(labels)), np.empty(len(labels))
    for place, label in enumerate(labels):
        scores, truth, lost = texts.of(int(label))
        expected[place] = expected_threshold(scores, lost)
        bagged[place] = _bagged(scores, truth, lost, expected[place])
    return bagged, expected


def _bagged(scores: FloatArray, truth: Truth, lost: int, expected: float) -> float:
    """Average the best thresholds of resampled texts: the sample is sorted once, a resample is how
    often each text was drawn. Texts with equal scores are sorted too, so that their order in the
    data does not matter.
    """
    cuts = cuts_of(scores, truth, int(truth.sum()) + lost)
    texts = len(scores)
    if texts == 0 or not truth.any():
        return expected
    order = np.lexsort((truth, -scores))
    ranked, ends = truth[order], cuts.given[1:] - 1
    draws = np.random.default_rng(_SEED)
    found = np.empty(RESAMPLES)
    step = max(1, _MOST_DRAWN // texts)
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        times = np.stack(
            [np.bincount(draws.integers(0, texts, texts), minlength=texts) for _ in range(count)]
        )
        given = np.cumsum(times, axis=1)[:, ends]
        hits = np.cumsum(times * ranked, axis=1)[:, ends]
        f1 = 2.0 * hits / np.maximum(given + hits[:, -1:] + lost, 1)
        best = cuts.thresholds[1:][f1.argmax(axis=1)]
        found[start : start + count] = np.where(hits[:, -1] > 0, best, expected)
    return float(_share(_odds(found).mean()))


def _best_weight(texts: FitTexts, rare: npt.NDArray[np.int64]) -> float:
    hits, given = np.zeros((2, len(WEIGHTS), len(rare)))
    for fold in np.unique(texts.folds):
        inside, outside = texts.at(texts.folds != fold), texts.at(texts.folds == fold)
        bagged, expected = _both(inside, rare)
        support, floors = inside.truth[:, rare].sum(axis=0), _floors(inside, rare)
        for index, weight in enumerate(WEIGHTS):
            drawn = draw(bagged, expected, support, weight)
            chosen = outside.given(rare, np.maximum(drawn, floors))
            hits[index] += (chosen & outside.truth[:, rare]).sum(axis=0)
            given[index] += chosen.sum(axis=0)
    f1 = 2.0 * hits / np.maximum(given + texts.truth[:, rare].sum(axis=0), 1)
    return WEIGHTS[int(np.argmax(f1.mean(axis=1)))]


def _odds(shares: WideArray) -> WideArray:
    inside = np.clip(shares, _LOWEST, _HIGHEST)
    odds: WideArray = np.log(inside / (1.0 - inside))
    return odds


def _share(odds: WideArray) -> WideArray:
    shares: WideArray = 1.0 / (1.0 + np.exp(-odds))
    return shares
