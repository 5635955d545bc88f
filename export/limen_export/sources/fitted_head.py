"""A fitted linear classifier of scikit-learn as the head of a backbone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from limen.arrays import WideArray
from limen.counted import counted
from limen.errors import ExportError
from limen.format import Link, Rule
from torch import nn

from limen_export.sources.head import Head
from limen_export.sources.head_layers import linear
from limen_export.sources.sklearn_binary import always

_LINEAR = (
    *("LogisticRegression", "LogisticRegressionCV", "LinearSVC", "SGDClassifier", "Perceptron"),
    *("RidgeClassifier", "RidgeClassifierCV"),
)
_SOFTMAX = ("LogisticRegression", "LogisticRegressionCV")
_WHOLE = {
    "OneVsRestClassifier": "one_vs_rest",
    "OneVsOneClassifier": "one_vs_one",
    "MultiOutputClassifier": "multilabel",
}
SUPPORTED = (*_LINEAR, *_WHOLE, "a Pipeline of StandardScaler and one of these")


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A head that scikit-learn fitted.

    Attributes:
        own: calls the estimator itself on float32 (texts, width).
        layer: computes the same in float32.
        head: outputs, labels, rule and link.
    """

    own: nn.Module
    layer: nn.Linear
    head: Head


@dataclass(frozen=True, eq=False)
class _Plane:
    """weights (outputs, width), biases (outputs,), and what the outputs mean."""

    weights: WideArray
    biases: WideArray
    rule: Rule
    link: Link
    notices: tuple[str, ...] = ()


class EstimatorHead(nn.Module):
    """An estimator of scikit-learn as a module; not to be traced."""

    def __init__(self, estimator: Any) -> None:  # noqa: ANN401  (scikit-learn has no types)
        """Keep a fitted estimator."""
        super().__init__()
        self.estimator = estimator

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map float32 (texts, width) to decision values, float32 (texts, outputs)."""
        values = decision_values(self.estimator, rows.numpy())
        return torch.from_numpy(values.astype(np.float32))


def fitted_head(
    estimator: Any,  # noqa: ANN401  (scikit-learn has no types)
    labels: tuple[str, ...] | None,
    width: int,
    name: str,
) -> FittedHead:
    """Turn an estimator into a layer.

    Args:
        estimator: fitted, one of SUPPORTED.
        labels: names of the classes 0, 1, ... (of the outputs, where a text can have several); None
            where the classes are names themselves.
        width: of the rows that it gets.
        name: of the source, for messages.

    Raises:
        ExportError: another kind of estimator, one for another width, or labels that do not fit.
    """
    plane = _plane(estimator, name)
    if plane.weights.shape[1] != width:
        raise ExportError(
            f"{name}: the head takes {plane.weights.shape[1]:,} numbers a text, the embeddings "
            f"have {width:,}: they belong to different models"
        )
    names, unnamed = _labels(_classes(estimator, plane), labels, name)
    layer = linear(
        torch.from_numpy(plane.weights.astype(np.float32)),
        torch.from_numpy(plane.biases.astype(np.float32)),
    )
    head = Head(len(plane.weights), names, plane.rule, plane.link, (*plane.notices, *unnamed))
    return FittedHead(EstimatorHead(estimator), layer, head)


def decision_values(
    estimator: Any,  # noqa: ANN401  (scikit-learn has no types)
    rows: np.ndarray[Any, np.dtype[np.float32]],
) -> WideArray:
    """Return float64 (texts, outputs), by the estimator's own code."""
    if type(estimator).__name__ == "Pipeline":
        *before, last = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        for step in before:
            rows = step.transform(rows)
        return decision_values(last, rows)
    if type(estimator).__name__ in _WHOLE:
        parts = [decision_values(part, rows) for part in estimator.estimators_]
        return np.concatenate(parts, axis=1)
    if (value := always(estimator)) is not None:
        return np.full((len(rows), 1), value)
    values = np.asarray(estimator.decision_function(rows), dtype=np.float64)
    return values.reshape(len(rows), -1)


def _plane(estimator: Any, name: str) -> _Plane:  # noqa: ANN401  (scikit-learn has no types)
    kind = type(estimator).__name__
    if not type(estimator).__module__.startswith("sklearn."):
        kind = f"{type(estimator).__module__}.{kind}"
    if kind == "Pipeline":
        return _of_pipeline(estimator, name)
    if kind in _WHOLE:
        return _of_parts(estimator, _WHOLE[kind], name)
    if kind not in _LINEAR:
        raise ExportError(
            f"{name}: a head of {kind} is not supported; supported are {', '.join(SUPPORTED)}"
        )
    if not hasattr(estimator, "coef_"):
        raise ExportError(f"{name}: the head ({kind}) is not fitted")
    weights = np.asarray(estimator.coef_, dtype=np.float64)
    biases = np.broadcast_to(np.asarray(estimator.intercept_, np.float64), len(weights)).copy()
    if len(weights) == 1:
        return _Plane(weights, biases, "multiclass", "sigmoid")
    # Versions before 1.8 could fit one against the rest, whose probabilities were divided by their
    # sum.
    if kind in _SOFTMAX and getattr(estimator, "multi_class", "auto") != "ovr":
        return _Plane(weights, biases, "multiclass", "softmax")
    told = "its scores are those of each class against the rest, and do not sum to 1"
    return _Plane(weights, biases, "one_vs_rest", "sigmoid", (told,))


def _of_parts(estimator: Any, rule: str, name: str) -> _Plane:  # noqa: ANN401
    varied = [_plane(part, name) for part in estimator.estimators_ if always(part) is None]
    if not varied:
        raise ExportError(f"{name}: every label was given to all training texts, or to none")
    width = varied[0].weights.shape[1]
    left = iter(varied)
    parts = [
        next(left)
        if (value := always(part)) is None
        else _Plane(np.zeros((1, width)), np.array([value]), "multiclass", "sigmoid")
        for part in estimator.estimators_
    ]
    if any(len(part.weights) != 1 for part in parts):
        raise ExportError(
            f"{name}: a part of {type(estimator).__name__} decides among more than two classes"
        )
    weights = np.concatenate([part.weights for part in parts])
    biases = np.concatenate([part.biases for part in parts])
    if getattr(estimator, "multilabel_", False):
        rule = "multilabel"
    if len(weights) == 1 and rule != "multilabel":
        return _Plane(weights, biases, "multiclass", "sigmoid")
    whole: Rule = "multilabel"
    if rule == "one_vs_rest":
        whole = "one_vs_rest"
    elif rule == "one_vs_one":
        whole = "one_vs_one"
    return _Plane(weights, biases, whole, "sigmoid")


def _of_pipeline(pipeline: Any, name: str) -> _Plane:  # noqa: ANN401  (scikit-learn has no types)
    *before, last = [step for _, step in pipeline.steps if step not in (None, "passthrough")]
    plane = _plane(last, name)
    weights, biases = plane.weights, plane.biases
    for step in reversed(before):
        if type(step).__name__ != "StandardScaler":
            raise ExportError(
                f"{name}: {type(step).__name__} before the head is not supported; supported are "
                f"{', '.join(SUPPORTED)}"
            )
        if step.scale_ is not None:
            weights = weights / step.scale_
        if step.with_mean:
            biases = biases - weights @ step.mean_
    return _Plane(weights, biases, plane.rule, plane.link, plane.notices)


def _classes(estimator: Any, plane: _Plane) -> list[object]:  # noqa: ANN401
    last = estimator.steps[-1][1] if type(estimator).__name__ == "Pipeline" else estimator
    if type(last).__name__ == "MultiOutputClassifier":
        # It has yes and no for each output, and no names for the outputs.
        return [*range(len(plane.weights))]
    return [*last.classes_]


def _labels(
    classes: list[object], labels: tuple[str, ...] | None, name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the classes, and say where they have no names."""
    numbers = [int(one) for one in classes if isinstance(one, int | np.integer)]
    if labels is None:
        unnamed = ("the classes have numbers for names; name them with --classes",)
        return tuple(str(one) for one in classes), unnamed if numbers else ()
    if len(numbers) == len(classes) and max(numbers, default=0) < len(labels):
        return tuple(labels[number] for number in numbers), ()
    if len(labels) != len(classes):
        raise ExportError(
            f"{name}: {counted(len(labels), 'label')} for a head of {len(classes)} classes; name "
            "each once"
        )
    return labels, ()
