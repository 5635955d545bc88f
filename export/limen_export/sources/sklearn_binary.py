"""Binary classifiers that scikit-learn's meta-estimators put side by side."""

from collections.abc import Sequence

import numpy as np
from limen.errors import ExportError
from sklearn.multiclass import _ConstantPredictor

from limen_export.sources.sklearn_parts import Columns, Estimator, columns_of

_ALWAYS = 40.0
"""Decision value of a label that every training text had: its sigmoid is 1 in float64."""


def varied(parts: Sequence[Estimator]) -> list[Estimator]:
    """Leave out parts about a label that every training text had, or none."""
    return [part for part in parts if type(part) is not _ConstantPredictor]


def binary_columns(parts: Sequence[Estimator], name: str) -> list[Columns]:
    """Read binary parts, those that always answer alike among them; ExportError where all do."""
    others = varied(parts)
    if not others:
        raise ExportError(f"{name}: every label was given to all training texts, or to none")
    features = len(binary_column(others[0], name).weights)
    return [
        _constant(part, features) if type(part) is _ConstantPredictor else binary_column(part, name)
        for part in parts
    ]


def always(part: Estimator) -> float | None:
    """Return the decision value of a part about a label that every training text had, or none; None
    for a part that had both to learn from.
    """
    if type(part) is not _ConstantPredictor:
        return None
    return _ALWAYS if part.y_.ravel()[0] else -_ALWAYS


def _constant(part: Estimator, features: int) -> Columns:
    value = always(part) or 0.0
    return Columns(
        np.zeros((features, 1)),
        np.array([value]),
        lambda matrix: np.full((matrix.shape[0], 1), value),
        sure=True,
    )


def binary_column(part: Estimator, name: str) -> Columns:
    """Read a binary part: one column about its second class; errors as in `columns_of`."""
    if len(getattr(part, "classes_", (0, 1))) != 2:
        raise ExportError(
            f"{name}: a part of {type(part).__name__} with {len(part.classes_)} classes; expected "
            "two"
        )
    return columns_of(part, name)
