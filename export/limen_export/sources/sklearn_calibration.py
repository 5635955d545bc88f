"""scikit-learn's CalibratedClassifierCV: the classifiers of its folds and their curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from limen.arrays import WideArray
from limen.errors import ExportError

from limen_export.graph.endings import LogCalibrated
from limen_export.sources.sklearn_parts import BAYES, Columns, Estimator, columns_of, joined


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The columns of all folds, fold after fold, and the sigmoid of each.

    Attributes:
        columns: see above.
        slopes, offsets: of 1 / (1 + exp(slope s + offset)): (columns,).
        folds: how many.
        probabilities: what is calibrated are probabilities, not decision values.
    """

    columns: Columns
    slopes: WideArray
    offsets: WideArray
    folds: int
    probabilities: bool

    def ending(self, *, both: bool) -> LogCalibrated:
        """Return the end of the graph; with `both`, two labels have an output each."""
        width = len(self.slopes) // self.folds
        return LogCalibrated(
            self.slopes,
            self.offsets,
            self.folds,
            normalised=both and width > 1,
            complement=both and width == 1,
            probabilities=self.probabilities,
            apart=not both,
        )

    @classmethod
    def beside(cls, parts: Sequence["Calibrated"], name: str) -> "Calibrated":
        """Put binary parts side by side.

        Raises:
            ExportError: they differ in the number of folds or in what is calibrated.
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
            np.concatenate([part.slopes for part in parts])[order],
            np.concatenate([part.offsets for part in parts])[order],
            count,
            parts[0].probabilities,
        )


def check_alike(parts: Sequence[Calibrated], name: str) -> None:
    """Refuse parts that cannot stand side by side.

    Raises:
        ExportError: they differ in the number of folds or in what is calibrated.
    """
    if len({(part.folds, part.probabilities) for part in parts}) != 1:
        raise ExportError(f"{name}: calibrated parts of unlike folds; fit them alike")


def calibrated(estimator: Estimator, name: str) -> Calibrated:
    """Read a fitted CalibratedClassifierCV.

    Raises:
        ExportError: it is not fitted, its method is not `sigmoid`, a fold lacks a class, or its
            classifier is not linear.
    """
    folds = getattr(estimator, "calibrated_classifiers_", None)
    if not folds:
        raise ExportError(f"{name}: CalibratedClassifierCV is not fitted; fit the pipeline first")
    if estimator.method != "sigmoid":
        raise ExportError(
            f"{name}: CalibratedClassifierCV(method={estimator.method!r}); expected 'sigmoid', or "
            "export the classifier inside it and calibrate with limen tune"
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
    curves = [curve for fold in folds for curve in fold.calibrators]
    return Calibrated(
        joined([columns_of(inner, name) for inner in found]),
        np.array([float(curve.a_) for curve in curves]),
        np.array([float(curve.b_) for curve in curves]),
        len(folds),
        probabilities=type(found[0]) in BAYES,
    )


def _inner(estimator: Estimator) -> Estimator:
    """Take a classifier out of a FrozenEstimator."""
    return estimator.estimator if type(estimator).__name__ == "FrozenEstimator" else estimator
