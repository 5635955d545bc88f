"""How good decisions are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score


@dataclass(frozen=True)
class MultilabelQuality:
    """Quality of multi-label decisions.

    Attributes:
        macro_f1: mean of the labels' F1; a label that is neither true nor decided anywhere counts
            0.
        micro_f1: F1 over all (text, label) pairs.
        subset_accuracy: share of texts whose set of labels is exactly right.
        label_f1: F1 of each label, in label order.
    """

    macro_f1: float
    micro_f1: float
    subset_accuracy: float
    label_f1: tuple[float, ...]


def judge_multilabel(
    truth: npt.NDArray[np.bool_], decided: npt.NDArray[np.bool_]
) -> MultilabelQuality:
    """Judge decisions; both arrays are bool, (texts, labels), at least one text."""
    # Label by label: scikit-learn takes a single column for a two-class problem.
    by_label = tuple(
        float(f1_score(truth[:, label], decided[:, label], zero_division=0.0))
        for label in range(truth.shape[1])
    )
    return MultilabelQuality(
        macro_f1=float(np.mean(by_label)),
        micro_f1=float(f1_score(truth.ravel(), decided.ravel(), zero_division=0.0)),
        subset_accuracy=float((truth == decided).all(axis=1).mean()),
        label_f1=by_label,
    )


@dataclass(frozen=True)
class MulticlassQuality:
    """Quality of decisions for exactly one class.

    Attributes:
        accuracy: share of texts whose class is right; a text without a decision is wrong.
        macro_f1: mean of the classes' F1; a class that is neither true nor decided anywhere counts
            0.
        class_f1: F1 of each class, in label order.
    """

    accuracy: float
    macro_f1: float
    class_f1: tuple[float, ...]


def judge_multiclass(
    truth: npt.NDArray[np.bool_], decided: npt.NDArray[np.bool_]
) -> MulticlassQuality:
    """Judge decisions; both arrays are bool, (texts, classes), one True in each row of `truth` and
    at most one in each row of `decided`, at least one text.
    """
    by_class = tuple(
        float(f1_score(truth[:, label], decided[:, label], zero_division=0.0))
        for label in range(truth.shape[1])
    )
    return MulticlassQuality(
        accuracy=float((truth & decided).any(axis=1).mean()),
        macro_f1=float(np.mean(by_class)),
        class_f1=by_class,
    )
