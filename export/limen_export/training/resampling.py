"""Training texts repeated or left out, so that rare labels count more.

Nothing is invented: what comes out are places of the texts that are there (limen_export.training
.smoting makes up features, not texts).

Labels that occur together: repeating the texts of a rare label repeats the other labels of these
texts too. Repeat-factor sampling (Gupta, Dollar, Girshick: LVIS: a dataset for large vocabulary
instance segmentation, CVPR 2019) gives a label with share f of the texts the factor

    max(1, sqrt(t / f))

and a text the largest factor of its labels. Texts of a label that is rarer than those it occurs
with are thus all repeated alike, and the shares of the other labels among them stay as they are.
t is here the mean share of all labels. On real data P(b | a) then moves less than with ML-ROS
(Charte et al.: Addressing imbalance in multilabel classification: measures and random resampling
algorithms, Neurocomputing 163, 2015) at about the same imbalance, for more copies, and much less
than with LP-ROS (the same paper): docs/training.md has the figures. What cannot stay is the share
of a rare label among the texts of a frequent one: where P(a) grows and P(b | a) does not change,
P(a | b) grows.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling import RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from limen.arrays import WideArray
from limen.errors import InputError
from limen.evaluation.judged import Cells

from limen_export.training.examples import Examples, Places
from limen_export.training.settings import SAMPLERS, Sampler

MOST_REPEATS = 10.0
"""The largest factor: reached by a label with a hundredth of the mean share, whose few texts would
be learned by heart."""


def resampled(examples: Examples, sampler: Sampler, seed: int) -> Places:
    """Return the places of the texts to train on; a place stands as often as its text is to be
    seen.

    - `none`: each text once.
    - `over`, `under`: every class gets as many texts as the largest, or the smallest, has; drawn
      with replacement, or without, by imbalanced-learn's `RandomOverSampler` and
      `RandomUnderSampler` (https://imbalanced-learn.org/stable/references/over_sampling.html).
      Multi-class only.
    - `cooccurrence`: each text at least once, those of rare labels more often (see above).
      Multi-label only.

    Args:
        examples: the training texts.
        sampler: which; `smote` works on features, see `smote` of limen_export.training.smoting.
        seed: the same gives the same places.

    Returns:
        int64, (texts to train on,), ascending.

    Raises:
        InputError: a sampler that does not fit the task, or a single class.
    """
    if sampler == "none":
        return np.arange(len(examples))
    if sampler == "cooccurrence":
        _check_task(examples, sampler, "multilabel", "over or under")
        return _drawn(repeats(examples.truth), examples.truth, seed)
    if sampler in ("over", "under"):
        _check_task(examples, sampler, "multiclass", "cooccurrence")
        return _balanced(examples, sampler, seed)
    raise InputError(
        "smote makes up features, not texts: it fits recipes with a linear head on features; "
        "choose none, over, under or cooccurrence"
        if sampler == "smote"
        else f"sampler {sampler!r}, expected one of {', '.join(SAMPLERS)}"
    )


def imbalance_ratios(truth: Cells) -> WideArray:
    """Return IRLbl (Charte et al. 2015): the count of the most frequent label over each label's.

    Args:
        truth: bool, (texts, labels).

    Returns:
        float64, (labels,), 1 or more; NaN for a label without a text.
    """
    support = truth.sum(axis=0).astype(np.float64)
    ratios: WideArray = support.max(initial=0.0) / np.where(support > 0, support, np.nan)
    return ratios


def conditional_cooccurrence(truth: Cells) -> WideArray:
    """Return P(b | a): of the texts with label a, the share that also has label b.

    Args:
        truth: bool, (texts, labels).

    Returns:
        float64, (a, b), in [0, 1]; rows of labels without a text are NaN.
    """
    counts = truth.astype(np.float64)
    together = counts.T @ counts
    support = np.diagonal(together)[:, None]
    shares: WideArray = together / np.where(support > 0, support, np.nan)
    return shares


def repeats(truth: Cells) -> WideArray:
    """Return how often each text is to be seen: repeat factors, as said above.

    Args:
        truth: bool, (texts, labels).

    Returns:
        float64, (texts,), in [1, MOST_REPEATS]; 1 for a text without labels.
    """
    support = truth.sum(axis=0)
    seen = support > 0
    if not seen.any():
        return np.ones(len(truth))
    # The number of texts is in both shares.
    factors = np.sqrt(support[seen].mean() / support[seen]).clip(1.0, MOST_REPEATS)
    times: WideArray = np.where(truth[:, seen], factors, 1.0).max(axis=1)
    return times


def _drawn(times: WideArray, truth: Cells, seed: int) -> Places:
    """Round to whole repeats by systematic sampling (Madow: On the theory of systematic sampling,
    1949): each text is seen `times` often, rounded down or up. Texts stand in the order of their
    label sets, so that the texts of a set together miss their due by less than one.
    """
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(truth))
    order = shuffled[np.lexsort(truth[shuffled].T)]
    marks = np.floor(np.concatenate([[0.0], times[order].cumsum()]) + random.random())
    counts = np.zeros(len(truth), dtype=np.int64)
    counts[order] = np.diff(marks).astype(np.int64)
    # A sum of many numbers is rounded: a text of weight 1 could fall between two marks.
    return np.repeat(np.arange(len(truth)), np.maximum(counts, 1))


def _balanced(examples: Examples, sampler: Literal["over", "under"], seed: int) -> Places:
    classes = examples.classes
    if len(np.unique(classes)) < 2:
        raise InputError(
            f"{examples.name}: all {len(examples):,} texts have the same label; expected two "
            "labels or more to balance; choose sampler none"
        )
    kind = RandomOverSampler if sampler == "over" else RandomUnderSampler
    drawing = kind(random_state=seed)
    drawing.fit_resample(np.arange(len(classes))[:, None], classes)
    places: npt.NDArray[np.int64] = np.sort(drawing.sample_indices_).astype(np.int64)
    return places


def _check_task(examples: Examples, sampler: Sampler, task: str, instead: str) -> None:
    if examples.task != task:
        raise InputError(
            f"{examples.name}: sampler {sampler} needs task {task}, found {examples.task}; choose "
            f"{instead}, or none"
        )
