"""What a fitted scikit-learn classifier decides: labels, rule, link, and the end of its graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from limen.arrays import WideArray
from limen.errors import ExportError
from limen.format import Link, Rule
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, _ConstantPredictor
from sklearn.multioutput import MultiOutputClassifier

from limen_export.graph.curves import SigmoidCurves
from limen_export.graph.endings import (
    JUST_BELOW_ZERO,
    LEAST_PROBABILITY,
    AsTheyAre,
    BelowTheBest,
    LogCalibrated,
    NoAtZero,
    Votes,
)
from limen_export.graph.gather_sum import Ending
from limen_export.sources.sklearn_binary import binary_column, binary_columns, varied
from limen_export.sources.sklearn_calibration import Calibrated, calibrated
from limen_export.sources.sklearn_parts import (
    BAYES,
    KERNEL,
    LINEAR,
    Columns,
    Estimator,
    Matrix,
    columns_of,
    joined,
    unsupported,
)


@dataclass(frozen=True, eq=False)
class SklearnHead:
    """A classifier over features.

    Attributes:
        classes: the estimator's own, one for each label.
        rule, link: how its outputs become labels.
        columns: what is linear in it.
        ending: what follows the sums.
        logits: what the estimator itself gives in the place of the graph: features to float64
            (texts, outputs).
        notices: what the user should be told.
    """

    classes: tuple[object, ...]
    rule: Rule
    link: Link
    columns: Columns
    ending: Ending
    logits: Callable[[Matrix], WideArray]
    notices: tuple[str, ...] = ()


def read_head(estimator: Estimator, name: str) -> SklearnHead:
    """Read a fitted classifier.

    Raises:
        ExportError: one that cannot be exported, or that is not fitted; the message names it.
    """
    kind = type(estimator)
    if kind is CalibratedClassifierCV:
        return _calibrated(estimator, name)
    if kind is OneVsRestClassifier:
        return _one_vs_rest(estimator, name)
    if kind is OneVsOneClassifier:
        return _one_vs_one(estimator, name)
    if kind is MultiOutputClassifier:
        return _multi_output(estimator, name)
    if kind in (*LINEAR, *BAYES, *KERNEL):
        return _linear(estimator, name)
    raise unsupported(estimator, name)


def _linear(estimator: Estimator, name: str) -> SklearnHead:
    columns = columns_of(estimator, name)
    width, kind = len(columns.intercept), type(estimator)
    binarizer = getattr(estimator, "_label_binarizer", None)
    if binarizer is not None and binarizer.y_type_.startswith("multilabel"):
        return _many(range(width), columns, _margins(estimator))
    classes = tuple(estimator.classes_)
    notices = () if columns.sure else _margins(estimator)
    if len(classes) == 2:
        ending = AsTheyAre(1)
        return SklearnHead(classes, "multiclass", "sigmoid", columns, ending, columns.own, notices)
    if kind in BAYES:
        return SklearnHead(
            classes,
            "multiclass",
            "softmax",
            columns,
            BelowTheBest(width),
            lambda matrix: columns.own(matrix) - columns.own(matrix).max(axis=1, keepdims=True),
        )
    if kind in KERNEL:
        return _own_pairs(estimator, classes, columns)
    if isinstance(estimator, LogisticRegression):
        return SklearnHead(classes, "multiclass", "softmax", columns, AsTheyAre(width), columns.own)
    rest = AsTheyAre(width)
    return SklearnHead(classes, "one_vs_rest", "sigmoid", columns, rest, columns.own, notices)


def _own_pairs(svc: Estimator, classes: tuple[object, ...], columns: Columns) -> SklearnHead:
    """SVC's own one-vs-one. A value above 0 is a vote for the earlier class of a pair; ties go to
    the earlier class, or with `break_ties` to the one with the larger sum of values.
    """
    turned = Columns(
        -columns.weights, -columns.intercept, lambda matrix: -columns.own(matrix), sure=False
    )
    width = len(columns.intercept)
    if svc.break_ties:
        ending = AsTheyAre(width)
        notices = _margins(svc)
        return SklearnHead(classes, "one_vs_one", "sigmoid", turned, ending, turned.own, notices)
    notice = (
        f"{type(svc).__name__}(break_ties=False) counts votes of pairs alone, so scores are shares "
        "of votes; set break_ties=True before exporting for scores from decision values"
    )
    return SklearnHead(
        classes,
        "one_vs_one",
        "labels",
        turned,
        Votes(np.full(width, JUST_BELOW_ZERO)),
        lambda matrix: (turned.own(matrix) >= 0.0).astype(np.float64),
        (notice,),
    )


def _calibrated(estimator: Estimator, name: str) -> SklearnHead:
    found = calibrated(estimator, name)
    return SklearnHead(
        tuple(estimator.classes_),
        "multiclass",
        "log",
        found.columns,
        found.ending(both=True),
        lambda matrix: _log(estimator.predict_proba(matrix)),
    )


def _one_vs_rest(estimator: Estimator, name: str) -> SklearnHead:
    _require_fitted(estimator, "estimators_", name)
    parts, classes = estimator.estimators_, tuple(estimator.classes_)
    if estimator.multilabel_:
        return _of_parts(parts, "multilabel", classes, name)
    if len(parts) == 1:
        if type(parts[0]) is CalibratedClassifierCV:
            head = _calibrated(parts[0], name)
            return SklearnHead(
                classes, head.rule, head.link, head.columns, head.ending, head.logits
            )
        columns = binary_column(parts[0], name)
        notices = () if columns.sure else _margins(parts[0])
        ending = AsTheyAre(1)
        return SklearnHead(classes, "multiclass", "sigmoid", columns, ending, columns.own, notices)
    return _of_parts(parts, "one_vs_rest", classes, name)


def _one_vs_one(estimator: Estimator, name: str) -> SklearnHead:
    _require_fitted(estimator, "estimators_", name)
    return _of_parts(estimator.estimators_, "one_vs_one", tuple(estimator.classes_), name)


def _multi_output(estimator: Estimator, name: str) -> SklearnHead:
    _require_fitted(estimator, "estimators_", name)
    for place, part in enumerate(estimator.estimators_):
        found = [*part.classes_]
        if len(found) != 2 or [bool(one) for one in found] != [False, True]:
            shown = ", ".join(map(str, found[:5]))
            raise ExportError(
                f"{name}: output {place} of MultiOutputClassifier has the classes {shown}; "
                "expected 0 and 1 for every output, each about one label"
            )
    parts = estimator.estimators_
    return _of_parts(parts, "multilabel", tuple(range(len(parts))), name)


def _of_parts(
    parts: Sequence[Estimator], rule: Rule, classes: tuple[object, ...], name: str
) -> SklearnHead:
    """Binary parts side by side, each about its second class."""
    kinds = {type(part) for part in parts} - {_ConstantPredictor}
    if kinds == {CalibratedClassifierCV}:
        return _of_calibrated(parts, rule, classes, name)
    columns = joined(binary_columns(parts, name))
    if rule == "one_vs_one" and kinds <= {*BAYES}:
        # scikit-learn takes the probability for a pair's confidence, not the log-odds.
        return _bayes_pairs(columns, classes)
    notices = () if columns.sure else _margins(varied(parts)[0])
    if rule == "multilabel":
        return _many(classes, columns, notices)
    ending = AsTheyAre(len(parts))
    return SklearnHead(classes, rule, "sigmoid", columns, ending, columns.own, notices)


def _bayes_pairs(columns: Columns, classes: tuple[object, ...]) -> SklearnHead:
    width = len(columns.intercept)
    ending = LogCalibrated(SigmoidCurves(np.full(width, -1.0), np.zeros(width)), folds=1)
    return SklearnHead(
        classes,
        "one_vs_one",
        "log",
        columns,
        ending,
        lambda matrix: -np.logaddexp(0.0, -columns.own(matrix)),
    )


def _of_calibrated(
    parts: Sequence[Estimator], rule: Rule, classes: tuple[object, ...], name: str
) -> SklearnHead:
    if any(type(part) is _ConstantPredictor for part in parts):
        raise ExportError(
            f"{name}: a label that every training text has, or none, beside calibrated parts; "
            "leave it out"
        )
    found = Calibrated.beside([calibrated(part, name) for part in parts], name)
    limits = np.full(len(parts), 0.5) if rule == "multilabel" else None
    return SklearnHead(
        classes,
        rule,
        "log",
        found.columns,
        found.ending(both=False, limits=limits),
        lambda matrix: np.column_stack([_log(part.predict_proba(matrix))[:, 1] for part in parts]),
    )


def _many(classes: Sequence[object], columns: Columns, notices: tuple[str, ...]) -> SklearnHead:
    """Labels that are each given where the decision value is above 0."""
    ending = NoAtZero(np.zeros(len(columns.intercept)))
    return SklearnHead(
        tuple(classes), "multilabel", "sigmoid", columns, ending, columns.own, notices
    )


def _require_fitted(estimator: Estimator, attribute: str, name: str) -> None:
    if not hasattr(estimator, attribute):
        raise ExportError(
            f"{name}: {type(estimator).__name__} is not fitted; fit the pipeline first"
        )


def _log(probabilities: WideArray) -> WideArray:
    logs: WideArray = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    return logs


def _margins(estimator: Estimator) -> tuple[str, ...]:
    return (
        f"scores are the logistic function of {type(estimator).__name__}'s decision values, which "
        "are no probabilities; calibrate with labelled texts (--data, or limen tune)",
    )
