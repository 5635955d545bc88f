"""Fitted estimators from files. A pickle can run any code while it is read, so one is read only
where the user said that the file is to be trusted.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from limen.errors import ExportError, reason

PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")
ESTIMATOR_SUFFIXES = (".skops", *PICKLE_SUFFIXES)
_SHOWN = 3
_PLAIN = frozenset(
    {
        "scipy.sparse._csr.csr_matrix",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.multiclass._ConstantPredictor",
    }
)
"""Types that fitted classifiers hold and skops leaves to its caller (seen with 0.16): classes of
scikit-learn and scipy that keep numbers, and run nothing when they are made."""


@dataclass(frozen=True, eq=False)
class StoredEstimator:
    """An estimator, and what the user should be told of its file."""

    estimator: Any
    notices: tuple[str, ...]


def read_estimator(file: Path, *, trust: bool) -> StoredEstimator:
    """Read a skops file, or, where it is trusted, a pickle.

    Args:
        file: ends in `.skops`, or in one of PICKLE_SUFFIXES as joblib and pickle write them.
        trust: whether the user said that pickles may be read.

    Raises:
        ExportError: it is a pickle and not trusted, holds types that skops does not know, or cannot
            be read.
    """
    if file.suffix.lower() == ".skops":
        return StoredEstimator(*_read(file, _from_skops))
    if not trust:
        raise ExportError(
            f"{file.name} is a pickle, which can run any code while it is read; pass --trust if it "
            "is your own, or save it with skops.io.dump(estimator, '{file.stem}.skops')"
        )
    estimator, notices = _read(file, _from_pickle)
    risk = f"{file.name} is a pickle: reading it ran whatever code is in it (--trust)"
    return StoredEstimator(estimator, (risk, *notices))


def _read(file: Path, how: Callable[[Path], Any]) -> tuple[Any, tuple[str, ...]]:
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            estimator = how(file)
    except ExportError:
        raise
    except Exception as error:
        missing = isinstance(error, ImportError)
        raise ExportError(
            f"{file.name}: cannot be read ({reason(error)}); "
            + ("install what it was made with" if missing else "save it again")
        ) from error
    versions = [each for each in told if each.category.__name__ == "InconsistentVersionWarning"]
    notices = (f"{file.name} was made with another version of scikit-learn",) if versions else ()
    return estimator, notices


def _from_pickle(file: Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    return import_module("joblib").load(file)


def _from_skops(file: Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    if find_spec("skops") is None:
        raise ExportError(f"{file.name}: reading it needs skops; run: pip install skops")
    skops = import_module("skops.io")
    unknown = sorted({*skops.get_untrusted_types(file=str(file))} - _PLAIN)
    if unknown:
        raise ExportError(
            f"{file.name}: holds {', '.join(unknown[:_SHOWN])}, which skops does not know to be "
            "harmless; expected scikit-learn's own classes alone"
        )
    return skops.load(str(file), trusted=sorted(_PLAIN))
