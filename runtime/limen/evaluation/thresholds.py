"""Thresholds fitted on labelled texts."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve

from limen.arrays import FloatArray

_UNSEEN = 0.5


def fit_f1(scores: FloatArray, truth: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    """Fit for each label the threshold with the best F1.

    F1 = 2 precision recall / (precision + recall) at every threshold that separates two scores
    (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_curve.html).
    Optimising each label alone optimises macro-F1 (Lipton, Elkan, Narayanaswamy: Optimal
    thresholding of classifiers to maximize F1 measure, 2014). The threshold is put halfway to the
    next lower score, so that a score that another machine rounds differently stays on its side.

    Args:
        scores: float32, (texts, labels), in [0, 1].
        truth: bool, (texts, labels).

    Returns:
        One threshold in [0, 1] for each label; 0.5 for a label without any positive text.
    """
    return tuple(_fit_label(scores[:, label], truth[:, label]) for label in range(scores.shape[1]))


def _fit_label(scores: FloatArray, truth: npt.NDArray[np.bool_]) -> float:
    if not truth.any():
        return _UNSEEN
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    precision, recall = precision[:-1], recall[:-1]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(np.argmax(f1))
    lower = scores[scores < thresholds[best]]
    below = float(lower.max()) if len(lower) else 0.0
    # Decisions compare in float32, where no number may lie between two neighbours.
    between = np.float32((float(thresholds[best]) + below) / 2)
    return float(between) if between > below else float(thresholds[best])
