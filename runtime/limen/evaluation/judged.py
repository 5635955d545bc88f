"""What is judged: decisions at one operating point beside the truth."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray
from limen.errors import InputError
from limen.format.operating_point import Thresholds

Cells: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Judged:
    """Decisions at one operating point beside the truth.

    Attributes:
        labels: names, in the order of the columns.
        truth: bool, (texts, labels).
        chosen: bool, (texts, labels): the labels given.
        exclusive: exactly one label is true of a text; a decision is one label, or none where the
            classifier abstains.
        scores: float32, (texts, labels), in [0, 1]; None where there are decisions only.
        sets: with `exclusive`: a decision may be several labels, as at `coverage@0.9`.
        point: name of the operating point.
        thresholds: of the operating point (limen.format.OperatingPoint). They are shown; nothing is
            computed from them.

    Raises:
        InputError: no text, no label, arrays of another shape or type, a score that is NaN or
            outside [0, 1], or rows that `exclusive` does not allow.
    """

    labels: tuple[str, ...]
    truth: Cells
    chosen: Cells
    exclusive: bool
    scores: FloatArray | None = None
    sets: bool = False
    point: str = "decisions"
    thresholds: Thresholds = None

    def __post_init__(self) -> None:
        """Refuse what cannot be judged."""
        texts, labels = len(self.truth), len(self.labels)
        if texts == 0 or labels == 0:
            raise InputError(f"{texts:,} texts and {labels:,} labels, expected one or more of each")
        self._check_array("truth", self.truth, np.dtype(np.bool_))
        self._check_array("chosen", self.chosen, np.dtype(np.bool_))
        if self.scores is not None:
            self._check_array("scores", self.scores, np.dtype(np.float32))
            _check_scores(self.scores)
        if self.thresholds is not None and len(self.thresholds) != labels:
            raise InputError(f"{len(self.thresholds):,} thresholds for {labels:,} labels")
        if self.exclusive:
            _check_rows("true", self.truth, 1, 1)
            _check_rows("given", self.chosen, 0, labels if self.sets else 1)

    def _check_array(
        self, name: str, cells: Cells | FloatArray, kind: np.dtype[np.generic]
    ) -> None:
        expected = (len(self.truth), len(self.labels))
        if cells.shape != expected or cells.dtype != kind:
            raise InputError(
                f"{name}: {cells.dtype} of shape {cells.shape}, expected {kind} of shape "
                f"{expected}: (texts, labels)"
            )


def _check_scores(scores: FloatArray) -> None:
    # NaN is neither.
    wrong = ~((scores >= 0.0) & (scores <= 1.0))
    if wrong.any():
        text, label = (int(place) for place in np.argwhere(wrong)[0])
        raise InputError(
            f"{int(wrong.sum()):,} scores are NaN or outside [0, 1]; the first is "
            f"{scores[text, label]}, of text {text} and label {label}"
        )


def _check_rows(name: str, cells: Cells, least: int, most: int) -> None:
    counts = cells.sum(axis=1)
    wrong = np.flatnonzero((counts < least) | (counts > most))
    if len(wrong):
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise InputError(
            f"{len(wrong):,} texts do not have {expected} {name} labels; the first is text "
            f"{wrong[0]} with {counts[wrong[0]]}. Judge them with exclusive=False, or sets=True "
            f"where several may be given"
        )
