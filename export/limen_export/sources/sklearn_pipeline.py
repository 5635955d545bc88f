"""scikit-learn: a Pipeline of a text vectoriser and a linear classifier, from a skops file, from a
pickle that the user trusts, or as an object in Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from limen.arrays import FloatArray
from limen.counted import counted
from limen.errors import ExportError, InputError
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline

from limen_export.given_labels import read_label_names
from limen_export.graph.gather_sum import gather_sum
from limen_export.reference import Reference
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.sklearn_heads import SklearnHead, read_head
from limen_export.sources.sklearn_vectorisers import encoder_block
from limen_export.sources.trusted_files import (
    ESTIMATOR_SUFFIXES,
    PICKLE_SUFFIXES,
    read_estimator,
)
from limen_export.versions import installed_versions

LIBRARIES = ("limen", "numpy", "onnx", "onnxruntime", "scikit-learn", "scipy", "skops")
_SEARCHES = (GridSearchCV, RandomizedSearchCV)

TRAINED, TRAINED_LABELS = "classifier.skops", "labels.json"
"""In a folder that `limen train` wrote; names where classes are numbers."""

_Estimator: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class OpenedPipeline:
    """A fitted Pipeline, taken apart.

    Attributes:
        name: of its file, or of its class.
        transformers: the steps before the classifier.
        classifier: the last step.
        notices: what the user should be told of its file.
    """

    name: str
    transformers: tuple[_Estimator, ...]
    classifier: _Estimator
    notices: tuple[str, ...]

    def features(self, texts: Sequence[str]) -> _Estimator:
        """Return scikit-learn's sparse matrix of features, (texts, features)."""
        matrix: _Estimator = list(texts)
        for step in self.transformers:
            matrix = step.transform(matrix)
        return matrix


def recognise(source: object) -> str | None:
    """Take fitted estimators and files of scikit-learn, by their suffix."""
    if isinstance(source, BaseEstimator):
        return f"scikit-learn {type(source).__name__}"
    if not isinstance(source, str):
        return None
    path = _stored_in(Path(source))
    if not path.is_file():
        return None
    if path.suffix.lower() not in ESTIMATOR_SUFFIXES:
        return None
    kind = "a pickle" if path.suffix.lower() in PICKLE_SUFFIXES else "skops"
    return f"scikit-learn model {path.name} ({kind})"


def read(source: object, wishes: SourceWishes) -> Reference:
    """Load a pipeline and make its graph.

    Raises:
        ExportError: a file that cannot be loaded, or a step that cannot be exported, by name.
        InputError: no such file, or a wish that does not apply.
    """
    opened = open_pipeline(source, wishes)
    name = opened.name
    block = encoder_block(opened.transformers, name)
    head = read_head(opened.classifier, name)
    check_width(block.features, len(head.columns.weights), name)
    if wishes.rule not in (None, head.rule):
        raise InputError(
            f"{name}: --rule {wishes.rule}, but {type(opened.classifier).__name__} decides by "
            f"{head.rule}; leave it out"
        )
    return Reference(
        name=name,
        licence=None,
        labels=_labels(head.classes, wishes.labels or _labels_beside(source), name),
        rule=head.rule,
        link=head.link,
        encoder=block,
        logits=SklearnLogits(opened, head),
        graph=gather_sum(
            head.columns.weights.astype(np.float32), head.columns.intercept, head.ending
        ),
        versions=installed_versions(LIBRARIES),
        notices=(*opened.notices, *head.notices),
    )


def open_pipeline(source: object, wishes: SourceWishes) -> OpenedPipeline:
    """Load a fitted Pipeline; errors as in `read`."""
    _refuse_wishes(wishes)
    if isinstance(source, str):
        estimator, name, notices = _loaded(_stored_in(Path(source)), trusted=wishes.trust)
    else:
        estimator, name, notices = source, type(source).__name__, ()
    if isinstance(estimator, _SEARCHES):
        if not hasattr(estimator, "best_estimator_"):
            raise ExportError(f"{name}: {type(estimator).__name__} is not fitted; fit it first")
        estimator = estimator.best_estimator_
    if type(estimator) is not Pipeline:
        raise ExportError(
            f"{name}: a {type(estimator).__name__}, expected a fitted Pipeline of a text "
            "vectoriser and a classifier"
        )
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    if not steps:
        raise ExportError(f"{name}: a Pipeline without steps")
    return OpenedPipeline(name, tuple(steps[:-1]), steps[-1], notices)


def _stored_in(path: Path) -> Path:
    """A folder stands for the file that `limen train` wrote there."""
    return path / TRAINED if (path / TRAINED).is_file() else path


def _labels_beside(source: object) -> tuple[str, ...] | None:
    if not isinstance(source, str):
        return None
    path = _stored_in(Path(source))
    names = path.with_name(TRAINED_LABELS)
    return read_label_names(names) if path.name == TRAINED and names.is_file() else None


class SklearnLogits:
    """What scikit-learn itself gives for texts."""

    def __init__(self, opened: OpenedPipeline, head: SklearnHead) -> None:
        """Keep the fitted steps."""
        self._opened = opened
        self._head = head

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        found = self._head.logits(self.features(texts)).astype(np.float32)
        return found.reshape(len(texts), -1)

    def features(self, texts: Sequence[str]) -> _Estimator:
        """Return scikit-learn's sparse matrix of features, (texts, features)."""
        return self._opened.features(texts)


def _loaded(path: Path, *, trusted: bool) -> tuple[_Estimator, str, tuple[str, ...]]:
    # Of a training the folder is the name. Undecodable bytes cannot be stored in the file.
    named = path.resolve().parent if path.name == TRAINED else path
    name = named.name.encode("utf-8", "replace").decode("utf-8")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a scikit-learn model (.skops)")
    if path.suffix.lower() not in ESTIMATOR_SUFFIXES:
        raise InputError(f"{name}: expected a file ending in {', '.join(ESTIMATOR_SUFFIXES)}")
    stored = read_estimator(path, trust=trusted)
    return stored.estimator, name, stored.notices


def _refuse_wishes(wishes: SourceWishes) -> None:
    if wishes.max_tokens is not None or wishes.windows is not None:
        raise InputError(
            "scikit-learn's vectorisers read texts whole; leave --max-tokens and --windows out"
        )


def check_width(features: int, taken: int, name: str) -> None:
    """Compare what a vectoriser gives with what its classifier takes; ExportError where they
    differ.
    """
    if taken != features:
        raise ExportError(
            f"{name}: the vectoriser gives {features:,} features, the classifier takes {taken:,}; "
            "they were not fitted together"
        )


def _labels(classes: Sequence[object], given: tuple[str, ...] | None, name: str) -> tuple[str, ...]:
    if given is None:
        return tuple(str(one) for one in classes)
    if len(given) != len(classes):
        raise InputError(
            f"{name}: {counted(len(given), 'label')} given, the classifier has {len(classes):,} "
            f"({', '.join(map(str, classes[:5]))}{', ...' if len(classes) > 5 else ''})"
        )
    return given
