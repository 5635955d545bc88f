"""Fitted scikit-learn classifiers that are linear in the features: their weights, and what they
themselves give for a matrix of features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from limen.arrays import WideArray
from limen.errors import ExportError
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    PassiveAggressiveClassifier,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.svm import SVC, LinearSVC, NuSVC

Estimator: TypeAlias = Any
"""A fitted scikit-learn classifier (scikit-learn has no types)."""
Matrix: TypeAlias = Any
"""Features of texts as scikit-learn's transformers give them: a sparse matrix."""

LINEAR = (
    LogisticRegression,
    LogisticRegressionCV,
    LinearSVC,
    SGDClassifier,
    RidgeClassifier,
    RidgeClassifierCV,
    Perceptron,
    PassiveAggressiveClassifier,
)
BAYES = (MultinomialNB, ComplementNB)
KERNEL = (SVC, NuSVC)
META = (OneVsRestClassifier, OneVsOneClassifier, CalibratedClassifierCV, MultiOutputClassifier)
_SUPPORTED = (*LINEAR, *BAYES, *KERNEL, *META)


@dataclass(frozen=True, eq=False)
class Columns:
    """Linear columns over the features.

    Attributes:
        weights: float64, (features, columns).
        intercept: float64, (columns,).
        own: what the estimator itself gives for a matrix of features: float64, (texts, columns).
        sure: whether a sigmoid (with several columns a softmax) of it is the estimator's own
            probability.
    """

    weights: WideArray
    intercept: WideArray
    own: Callable[[Matrix], WideArray]
    sure: bool


def unsupported(estimator: object, name: str) -> ExportError:
    """Return the error that names an estimator and those that can be exported."""
    supported = ", ".join(kind.__name__ for kind in _SUPPORTED)
    return ExportError(
        f"{name}: {type(estimator).__name__} is not a classifier that can be exported; supported "
        f"are {supported}"
    )


def columns_of(estimator: Estimator, name: str) -> Columns:
    """Read a classifier that is linear by itself: one column for two classes, else one for each.

    Raises:
        ExportError: another estimator, one that is not fitted, or an SVC that is not linear.
    """
    if type(estimator) in BAYES:
        return _bayes(estimator, name)
    if type(estimator) not in (*LINEAR, *KERNEL):
        raise unsupported(estimator, name)
    kind = type(estimator).__name__
    if type(estimator) in KERNEL and estimator.kernel != "linear":
        raise ExportError(
            f"{name}: {kind}(kernel={estimator.kernel!r}) is not linear in the features; expected "
            "kernel='linear', or LinearSVC"
        )
    if not hasattr(estimator, "classes_"):
        raise ExportError(f"{name}: {kind} is not fitted; fit the pipeline first")
    found = estimator.coef_
    weights = np.atleast_2d(found.toarray() if hasattr(found, "toarray") else np.asarray(found)).T
    intercept = np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64))
    own = _pairwise(estimator) if type(estimator) in KERNEL else estimator.decision_function
    width = weights.shape[1]
    return Columns(
        weights.astype(np.float64),
        np.broadcast_to(intercept, (width,)).copy(),
        lambda matrix: np.asarray(own(matrix), dtype=np.float64).reshape(-1, width),
        sure=_gives_probabilities(estimator),
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """Put the columns of several classifiers side by side."""
    return Columns(
        np.concatenate([part.weights for part in parts], axis=1),
        np.concatenate([part.intercept for part in parts]),
        lambda matrix: np.concatenate([part.own(matrix) for part in parts], axis=1),
        sure=all(part.sure for part in parts),
    )


def _gives_probabilities(estimator: Estimator) -> bool:
    if isinstance(estimator, LogisticRegression):
        return True
    return isinstance(estimator, SGDClassifier) and estimator.loss == "log_loss"


def _pairwise(svc: Estimator) -> Callable[[Matrix], WideArray]:
    """An SVC's decision values: one for two classes, else one for every pair, whatever shape its
    user asked for. A value above 0 is about the earlier class of a pair.
    """
    if len(svc.classes_) == 2:
        own: Callable[[Matrix], WideArray] = svc.decision_function
        return own
    return lambda matrix: svc._decision_function(matrix)


def _bayes(estimator: Estimator, name: str) -> Columns:
    """Joint log-likelihoods; of two classes the second's less the first's."""
    if not hasattr(estimator, "feature_log_prob_"):
        raise ExportError(f"{name}: {type(estimator).__name__} is not fitted; fit it first")
    if len(estimator.classes_) < 2:
        raise ExportError(f"{name}: {type(estimator).__name__} was fitted on one class")
    weights = estimator.feature_log_prob_.T.astype(np.float64)
    prior = np.zeros(weights.shape[1])
    if type(estimator) is MultinomialNB:
        prior = np.asarray(estimator.class_log_prior_, dtype=np.float64)

    def own(matrix: Matrix) -> WideArray:
        joint: WideArray = estimator.predict_joint_log_proba(matrix)
        return joint[:, 1:] - joint[:, :1] if len(prior) == 2 else joint

    if len(prior) == 2:
        return Columns(weights[:, 1:] - weights[:, :1], prior[1:] - prior[:1], own, sure=True)
    # What is alike for all classes leaves probabilities as they are, and rounds better small.
    return Columns(weights - weights.mean(axis=1, keepdims=True), prior, own, sure=True)
