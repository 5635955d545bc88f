"""A pipeline of scikit-learn as a part that says yes or no: one decision value, and its sign."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from limen.arrays import WideArray
from limen.errors import ExportError
from limen.format import TfidfBlock
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multiclass import OneVsRestClassifier

from limen_export.graph.endings import JUST_BELOW_ZERO, LEAST_PROBABILITY
from limen_export.sources.composing import Part
from limen_export.sources.sklearn_binary import binary_column
from limen_export.sources.sklearn_calibration import Calibrated, calibrated
from limen_export.sources.sklearn_parts import BAYES, Columns, Estimator, Matrix
from limen_export.sources.sklearn_pipeline import OpenedPipeline, check_width
from limen_export.sources.sklearn_vectorisers import encoder_block


@dataclass(frozen=True, eq=False)
class YesOrNo:
    """A part.

    Attributes:
        opened: its pipeline.
        block: its vectoriser.
        classifier: that decides; inside a OneVsRestClassifier of two classes, the one there.
        columns: what is linear in it, one column a fold, as the classifier has it.
        calibrated: the same with the curves of its folds; None for a classifier that has none.
        second: whether the output is about its second class, otherwise about its first.
    """

    opened: OpenedPipeline
    block: TfidfBlock
    classifier: Estimator
    columns: Columns
    calibrated: Calibrated | None
    second: bool

    @property
    def is_bayes(self) -> bool:
        """Whether scikit-learn takes its probability for its confidence."""
        return type(self.classifier) in BAYES

    @property
    def sign(self) -> float:
        """What its decision value counts for the output."""
        return 1.0 if self.second else -1.0

    @property
    def limit(self) -> float:
        """What the output's value is above where scikit-learn decides so: at 0 it takes the first
        class.
        """
        return 0.0 if self.second else JUST_BELOW_ZERO

    def value(self, matrix: Matrix) -> WideArray:
        """Return what the classifier itself gives for the output: float64, (texts,); its decision
        value, calibrated ones the logarithm of their probability.
        """
        if self.calibrated is None:
            return self.sign * self.columns.own(matrix)[:, 0]
        shares = self.classifier.predict_proba(matrix)[:, int(self.second)]
        logs: WideArray = np.log(np.maximum(shares, LEAST_PROBABILITY))
        return logs

    def vote(self, matrix: Matrix) -> WideArray:
        """Return 1 where the classifier itself predicts the output's class: float64, (texts,)."""
        given = self.classifier.predict(matrix) == self.classifier.classes_[int(self.second)]
        return np.asarray(given, dtype=np.float64)


def yes_or_no(opened: OpenedPipeline, part: Part, labels: Sequence[str]) -> YesOrNo:
    """Read a part.

    Args:
        opened: its pipeline.
        part: what the caller says of it.
        labels: of the composition, in order.

    Raises:
        ExportError: it has no two classes, its classifier or its vectoriser cannot be exported, or
            they do not fit each other.
    """
    name = opened.name
    block = encoder_block(opened.transformers, name)
    names = tuple(map(str, getattr(opened.classifier, "classes_", ("0", "1"))))
    if len(names) != 2:
        raise ExportError(
            f"{name}: {len(names)} classes ({', '.join(names[:5])}); expected a classifier that "
            "says yes or no, of two"
        )
    classifier = _inner(opened.classifier)
    curves = None
    if type(classifier) is CalibratedClassifierCV:
        curves = calibrated(classifier, name)
    columns = binary_column(classifier, name) if curves is None else curves.columns
    check_width(block.features, len(columns.weights), name)
    turned = part.is_turned(labels)
    second = (part.place_of_yes(names) == 1) != turned
    return YesOrNo(opened, block, classifier, columns, curves, second)


def _inner(classifier: Estimator) -> Estimator:
    """Take the only part of a OneVsRestClassifier that was fitted on two classes."""
    parts: list[Estimator] = getattr(classifier, "estimators_", [])
    alone = type(classifier) is OneVsRestClassifier and len(parts) == 1
    return parts[0] if alone and not classifier.multilabel_ else classifier
