"""Reading fitted scikit-learn pipelines from files."""

import warnings
from pathlib import Path
from typing import Any

from limen.errors import ExportError, reason
from limen.extras import require

PICKLES = (".joblib", ".pkl", ".pickle")
SKOPS = ".skops"
_PLAIN = frozenset(
    {
        "scipy.sparse._csr.csr_matrix",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.multiclass._ConstantPredictor",
    }
)
"""Types that fitted classifiers hold and skops leaves to its caller (seen with 0.16): classes of
scikit-learn and scipy that keep numbers and run nothing when they are made."""
RISK = "a pickle runs whatever code it holds when it is read"


def read_skops(path: Path) -> Any:  # noqa: ANN401  (scikit-learn has no types)
    """Read a skops file whose types are all on skops' own list of trusted ones, or on _PLAIN.

    Raises:
        ExportError: it holds other types, which are named, or skops cannot read it.
    """
    require("export", ("skops",))
    from skops.io import get_untrusted_types, load

    try:
        untrusted = sorted({*get_untrusted_types(file=path)} - _PLAIN)
    except Exception as error:
        raise ExportError(f"{path.name}: skops cannot read it ({reason(error)})") from error
    if untrusted:
        raise ExportError(
            f"{path.name}: it holds types that skops does not trust ({', '.join(untrusted[:5])}), "
            "which are not loaded; export from Python with limen_export.export(pipeline, ...) "
            "where the pipeline was made"
        )
    return _quietly(lambda: load(path, trusted=sorted(_PLAIN)), path.name)


def read_pickle(path: Path) -> Any:  # noqa: ANN401
    """Read a joblib file or pickle. It runs code that the file holds: the caller asked the user.

    Raises:
        ExportError: it cannot be read.
    """
    import joblib

    return _quietly(lambda: joblib.load(path), path.name)


def _quietly(read: Any, name: str) -> Any:  # noqa: ANN401
    """Read; what scikit-learn warns of (a file of another version) ends the export: weights may
    then mean something else.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return read()
        except Exception as error:
            raise ExportError(f"{name}: it cannot be loaded ({reason(error)})") from error
