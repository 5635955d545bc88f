"""Linear classifiers on features or embeddings, by scikit-learn's own estimators."""

from dataclasses import dataclass
from typing import Any, TypeAlias
from warnings import catch_warnings, filterwarnings, simplefilter

import numpy as np
from limen.errors import InputError
from limen.evaluation.judged import Cells
from limen.format import Rule
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier

from limen_export.training.examples import Examples
from limen_export.training.resampling import resampled
from limen_export.training.settings import Sampler
from limen_export.training.smoting import smote

_Estimator: TypeAlias = Any
_Features: TypeAlias = Any
"""Dense or sparse, (texts, features)."""

_MOST_STEPS = 1_000


@dataclass(frozen=True, eq=False)
class SampledRows:
    """Rows to fit on.

    Attributes:
        features: dense or sparse, (rows, features).
        truth: bool, (rows, labels).
        notices: what the user should know.
    """

    features: _Features
    truth: Cells
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class LinearSettings:
    """How a linear classifier is fitted.

    Attributes:
        rule: of the classifier: `multilabel` and `one_vs_rest` fit one for each label, `one_vs_one`
            one for each pair, `multiclass` one over all.
        strength: scikit-learn's `C`.
        weighted: rarer classes weigh more in the loss (`class_weight="balanced"`).
        sampler: rows repeated, left out or made up before fitting.
        seed: of sampler and solver.
    """

    rule: Rule
    strength: float
    weighted: bool = False
    sampler: Sampler = "none"
    seed: int = 13


def fit_linear(rows: SampledRows, labels: tuple[str, ...], settings: LinearSettings) -> _Estimator:
    """Fit a classifier on rows of features.

    Args:
        rows: from `sampled_rows`.
        labels: names, in the order of the columns of truth.
        settings: how.

    Returns:
        A fitted estimator of scikit-learn; its classes are label names, or with `multilabel`
        numbers of the columns of truth.
    """
    if settings.rule == "multilabel":
        wanted: Any = rows.truth.astype(np.int8)
    else:
        wanted = np.array(labels, dtype=object)[rows.truth.argmax(axis=1)]
    with catch_warnings():
        # A fit that stops after so many steps is as good as it gets; figures on dev judge it.
        simplefilter("ignore", ConvergenceWarning)
        # A label of all texts, or of none: the notices on reading the texts have said so.
        filterwarnings("ignore", message="Label .* is present in all training examples")
        return estimator_of(settings).fit(rows.features, wanted)


def estimator_of(settings: LinearSettings) -> _Estimator:
    """Return the unfitted estimator."""
    one = LogisticRegression(
        C=settings.strength,
        class_weight="balanced" if settings.weighted else None,
        max_iter=_MOST_STEPS,
        random_state=settings.seed,
        # liblinear decides between two classes only, 2 to 5 times faster than lbfgs does.
        solver="lbfgs" if settings.rule == "multiclass" else "liblinear",
    )
    if settings.rule == "multiclass":
        return one
    return OneVsOneClassifier(one) if settings.rule == "one_vs_one" else OneVsRestClassifier(one)


def sampled_rows(features: _Features, train: Examples, settings: LinearSettings) -> SampledRows:
    """Repeat rows, leave them out or make them up, as the sampler says.

    Args:
        features: dense or sparse, (texts, features).
        train: what is true of the rows.
        settings: sampler and seed.

    Raises:
        InputError: a sampler that does not fit the data.
    """
    if settings.sampler == "none":
        return SampledRows(features, train.truth)
    if settings.sampler == "smote":
        if train.task != "multiclass":
            raise InputError(
                "sampler smote makes rows up between rows of one class, and here a text can have "
                "several labels; take cooccurrence"
            )
        made = smote(features, train.classes, settings.seed)
        truth = np.eye(len(train.labels), dtype=np.bool_)[made.classes]
        return SampledRows(made.features, truth, made.notices)
    places = resampled(train, settings.sampler, settings.seed)
    return SampledRows(features[places], train.truth[places])
