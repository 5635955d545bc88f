"""What a fitted scikit-learn classifier says of features, in the place of a classifier file's
logits.

The file's rule and link tell which of a classifier's own numbers these are. Whether they were told
apart rightly is seen before anything is timed: an engine whose logits are not the file's is left
out.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from limen.arrays import FloatArray, WideArray
from limen.errors import InputError
from limen.format import DecisionBlock

Estimator: TypeAlias = Any
"""A fitted scikit-learn classifier (scikit-learn has no types)."""
Matrix: TypeAlias = Any
"""A sparse matrix of features, (texts, features)."""
Values: TypeAlias = Callable[[Matrix], WideArray]

_ALWAYS = 40.0
"""Stands for a label that every training text had; the sigmoid of it is 1 in float64."""
_LEAST_NO = 1e-6
_LEAST_PROBABILITY = 1e-38
_KERNEL = ("SVC", "NuSVC")


def values_of(classifier: Estimator, decision: DecisionBlock) -> Callable[[Matrix], FloatArray]:
    """Return what turns features into logits: float32 (texts, outputs).

    Args:
        classifier: fitted; the last step of a pipeline.
        decision: of the classifier file.

    Raises:
        InputError: its values for this decision are not known.
    """
    if decision.link == "log":
        own = _log_probabilities(classifier)
    elif decision.rule == "one_vs_one":
        own = _pairs(classifier, decision)
    else:
        own = _margins(classifier)
    many = decision.rule == "multilabel" and decision.link == "sigmoid"

    def values(matrix: Matrix) -> FloatArray:
        found = own(matrix)
        if many:
            # scikit-learn gives a label above 0; a score at its threshold of 0.5 would give it too.
            found = np.where(found > 0.0, found, np.minimum(found, -_LEAST_NO))
        return found.astype(np.float32).reshape(found.shape[0], -1)

    return values


def _margins(classifier: Estimator) -> Values:
    """decision_function, or for naive Bayes joint log-likelihoods."""
    parts = getattr(classifier, "estimators_", None)
    if hasattr(classifier, "decision_function") and not _any_constant(parts):
        own: Values = classifier.decision_function
        return own
    if parts is not None:
        return _beside([_margin(part) for part in parts])
    if hasattr(classifier, "predict_joint_log_proba"):
        return _likelihoods(classifier)
    raise _unknown(classifier)


def _margin(part: Estimator) -> Values:
    """One number a text, about the second class of a binary part."""
    if _is_constant(part):
        value = _ALWAYS if part.y_.ravel()[0] else -_ALWAYS
        return lambda matrix: np.full((matrix.shape[0],), value)
    if hasattr(part, "decision_function"):
        own: Values = part.decision_function
        return own
    if hasattr(part, "predict_joint_log_proba"):
        return _likelihoods(part)
    raise _unknown(part)


def _likelihoods(bayes: Estimator) -> Values:
    """Of two classes the second's less the first's, of more those below the best."""
    two = len(bayes.classes_) == 2

    def found(matrix: Matrix) -> WideArray:
        joint: WideArray = bayes.predict_joint_log_proba(matrix)
        return joint[:, 1] - joint[:, 0] if two else joint - joint.max(axis=1, keepdims=True)

    return found


def _log_probabilities(classifier: Estimator) -> Values:
    parts = getattr(classifier, "estimators_", None)
    if parts is None or len(parts) == 1:
        whole = classifier if parts is None else parts[0]
        return lambda matrix: _log(whole.predict_proba(matrix))
    return _beside([_second_log_probability(part) for part in parts])


def _second_log_probability(part: Estimator) -> Values:
    return lambda matrix: _log(part.predict_proba(matrix)[:, 1])


def _pairs(classifier: Estimator, decision: DecisionBlock) -> Values:
    """About the later class of each pair."""
    if type(classifier).__name__ not in _KERNEL:
        return _beside([_margin(part) for part in classifier.estimators_])
    # libsvm's values are about the earlier class.
    classifier.set_params(decision_function_shape="ovo")
    if decision.link == "labels":
        return lambda matrix: (classifier.decision_function(matrix) <= 0.0).astype(np.float64)
    return lambda matrix: -classifier.decision_function(matrix)


def _beside(parts: Sequence[Values]) -> Values:
    return lambda matrix: np.stack([part(matrix) for part in parts], axis=1)


def _any_constant(parts: Sequence[Estimator] | None) -> bool:
    return parts is not None and any(map(_is_constant, parts))


def _is_constant(part: Estimator) -> bool:
    return type(part).__name__ == "_ConstantPredictor"


def _log(probabilities: WideArray) -> WideArray:
    logs: WideArray = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    return logs


def _unknown(classifier: Estimator) -> InputError:
    return InputError(
        f"{type(classifier).__name__}: what it says of features is not known to this bench; "
        "expected one of the classifiers that docs/sources.md lists"
    )
