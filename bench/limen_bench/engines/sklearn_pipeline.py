"""scikit-learn: the fitted pipeline itself, from its skops file."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import sklearn
from limen.arrays import FloatArray
from limen.errors import InputError
from skops import io

from limen_bench.engines.deciding import Decider, write_decision
from limen_bench.engines.engine import Engine, OpenJob
from limen_bench.engines.sklearn_values import values_of
from limen_bench.engines.source_folder import source_folder

_HARMLESS = frozenset(
    {
        "scipy.sparse._csr.csr_matrix",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.multiclass._ConstantPredictor",
    }
)
"""Types that fitted classifiers hold and skops leaves to its caller: they keep numbers alone."""


def prepare(job: OpenJob) -> None:
    """Keep the decision; the file of the pipeline is read as it is."""
    write_decision(job)


def open_engine(job: OpenJob) -> Engine:
    """Load the pipeline.

    Raises:
        InputError: the source is no skops file, holds types that are not scikit-learn's own, or a
            classifier whose values are not known.
    """
    decider = Decider(job.folder)
    # The documentation's way to less work for each call: texts cannot give NaN.
    sklearn.set_config(assume_finite=True)
    return SklearnPipeline(_loaded(Path(source_folder(job))), decider)


class SklearnPipeline:
    """A vectoriser and a classifier; all texts of a call go through them together."""

    def __init__(self, pipeline: Any, decider: Decider) -> None:  # noqa: ANN401
        """Divide the pipeline: everything before its last step makes features."""
        self._features = pipeline[:-1]
        self._values = values_of(pipeline[-1], decider.decision)
        self._decider = decider

    def decide(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the labels of each text."""
        return self._decider.labels(self.logits(texts))

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        return self._values(self._features.transform(texts))

    def stages(self, text: str) -> dict[str, float]:
        """Decide about one text and return milliseconds by stage."""
        times = [perf_counter_ns()]
        features = self._features.transform([text])
        times.append(perf_counter_ns())
        values = self._values(features)
        times.append(perf_counter_ns())
        self._decider.labels(values)
        times.append(perf_counter_ns())
        encode, session, decide = ((end - begin) / 1e6 for begin, end in pairwise(times))
        return {"encode": encode, "session": session, "decide": decide}


def _loaded(file: Path) -> Any:  # noqa: ANN401  (a Pipeline, or whatever the file holds)
    if file.suffix.lower() != ".skops":
        raise InputError(
            f"{file.name}: a pickle runs whatever code it holds when it is read; save the pipeline "
            "with skops.io.dump(pipeline, 'pipeline.skops') and give that with --source"
        )
    unknown = sorted({*io.get_untrusted_types(file=str(file))} - _HARMLESS)
    if unknown:
        raise InputError(
            f"{file.name}: holds {', '.join(unknown[:3])}, which skops does not know to be "
            "harmless; expected a Pipeline of scikit-learn's own classes"
        )
    return io.load(str(file), trusted=sorted(_HARMLESS))
