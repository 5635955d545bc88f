"""scikit-learn's CalibratedClassifierCV: the classifiers of its folds and their curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from limen.arrays import WideArray
from limen.errors import ExportError

from limen_export.graph.curves import (
    ColumnCurves,
    Curves,
    LineCurves,
    LogOddsCurves,
    Shares,
    SigmoidCurves,
    side_by_side,
)
from limen_export.graph.endings import LogCalibrated
from limen_export.sources.sklearn_parts import BAYES, Columns, Estimator, columns_of, joined

_METHODS = ("sigmoid", "isotonic", "temperature")


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The columns of all folds, fold after fold, and the curve of each.

    Attributes:
        columns: see above.
        curves: of them.
        folds: how many.
        probabilities: what is calibrated are probabilities, not decision values.
    """

    columns: Columns
    curves: Curves
    folds: int
    probabilities: bool

    @property
    def column_curves(self) -> ColumnCurves:
        """The curves of a binary classifier, which has a column in each fold."""
        if not isinstance(self.curves, ColumnCurves):
            raise TypeError("shares of several columns are no curve; the caller is wrong")
        return self.curves

    def ending(self, *, both: bool, limits: WideArray | None = None) -> LogCalibrated:
        """Return the end of the graph.

        Args:
            both: two labels have an output each.
            limits: see LogCalibrated.
        """
        width = self.curves.columns // self.folds
        return LogCalibrated(
            self.curves,
            self.folds,
            normalised=both and width > 1 and not isinstance(self.curves, Shares),
            complement=both and width == 1,
            probabilities=self.probabilities,
            apart=not both,
            limits=limits,
        )

    @classmethod
    def beside(cls, parts: Sequence["Calibrated"], name: str) -> "Calibrated":
        """Put binary parts side by side.

        Raises:
            ExportError: they differ in the number of folds or in what is calibrated, and how.
        """
        check_alike(parts, name)
        count = parts[0].folds
        order = np.arange(len(parts) * count).reshape(len(parts), count).T.ravel()
        columns = joined([part.columns for part in parts])
        return cls(
            Columns(
                columns.weights[:, order],
                columns.intercept[order],
                lambda matrix: columns.own(matrix)[:, order],
                sure=True,
            ),
            side_by_side([part.column_curves for part in parts]).ordered(order),
            count,
            parts[0].probabilities,
        )


def check_alike(parts: Sequence[Calibrated], name: str) -> None:
    """Refuse parts that cannot stand side by side.

    Raises:
        ExportError: they differ in the number of folds or in what is calibrated, and how.
    """
    if len({(part.folds, part.probabilities, type(part.curves)) for part in parts}) != 1:
        raise ExportError(f"{name}: calibrated parts of unlike folds or methods; fit them alike")


def calibrated(estimator: Estimator, name: str) -> Calibrated:
    """Read a fitted CalibratedClassifierCV.

    Raises:
        ExportError: it is not fitted, its method is not known, a fold lacks a class, or its
            classifier is not linear.
    """
    folds = getattr(estimator, "calibrated_classifiers_", None)
    if not folds:
        raise ExportError(f"{name}: CalibratedClassifierCV is not fitted; fit the pipeline first")
    if estimator.method not in _METHODS:
        raise ExportError(
            f"{name}: CalibratedClassifierCV(method={estimator.method!r}); expected "
            f"{', '.join(_METHODS)}, or export the classifier inside it and calibrate with limen "
            "tune"
        )
    found = [_inner(fold.estimator) for fold in folds]
    for inner in found:
        if len(inner.classes_) != len(estimator.classes_):
            raise ExportError(
                f"{name}: a fold of CalibratedClassifierCV saw {len(inner.classes_)} of "
                f"{len(estimator.classes_)} classes; fit with fewer folds"
            )
        if hasattr(inner, "steps"):
            raise ExportError(
                f"{name}: CalibratedClassifierCV over a Pipeline has a vectoriser for every fold; "
                "put it inside the Pipeline, behind one vectoriser"
            )
    columns = joined([columns_of(inner, name) for inner in found])
    bayes = type(found[0]) in BAYES
    fitted = [curve for fold in folds for curve in fold.calibrators]
    curves: Curves
    if estimator.method == "temperature":
        curves = _tempered(fitted, len(columns.intercept) // len(folds), bayes=bayes)
    else:
        curves = _isotonic(fitted) if estimator.method == "isotonic" else _sigmoid(fitted)
    return Calibrated(columns, curves, len(folds), probabilities=bayes)


def _sigmoid(fitted: Sequence[Estimator]) -> SigmoidCurves:
    return SigmoidCurves(
        np.array([float(curve.a_) for curve in fitted]),
        np.array([float(curve.b_) for curve in fitted]),
    )


def _isotonic(fitted: Sequence[Estimator]) -> LineCurves:
    return LineCurves.through([(curve.X_thresholds_, curve.y_thresholds_) for curve in fitted])


def _tempered(fitted: Sequence[Estimator], width: int, *, bayes: bool) -> Curves:
    """Of one column s a softmax of (-s, s) times beta is taken: a sigmoid of 2 beta s."""
    factors = np.array([float(one.beta_) for one in fitted])
    if width > 1:
        return Shares(factors, width, logarithms=bayes)
    return LogOddsCurves(factors) if bayes else SigmoidCurves(-2.0 * factors, np.zeros(len(fitted)))


def _inner(estimator: Estimator) -> Estimator:
    """Take a classifier out of a FrozenEstimator."""
    return estimator.estimator if type(estimator).__name__ == "FrozenEstimator" else estimator
