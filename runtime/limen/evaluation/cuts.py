"""Every way in which a threshold can part the texts of one label."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray, WideArray

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cuts:
    """Thresholds between neighbouring distinct scores, with what each gives; the highest first.

    The first cut gives no text, each next one more than the one before, the last one all.

    Attributes:
        thresholds: float64, (cuts,), in [0, 1], each a float32 number; the first one is infinite
            where a score is 1, since no threshold in [0, 1] is above it.
        hits: int64, (cuts,): true texts at or above the threshold.
        given: int64, (cuts,): all texts at or above it.
        positives: true texts, those that cannot be given at all included.
    """

    thresholds: WideArray
    hits: Counts
    given: Counts
    positives: int

    @property
    def f1(self) -> WideArray:
        """F1 of each cut: 2 hits / (given + positives), 0 where both are 0."""
        return 2.0 * self.hits / np.maximum(self.given + self.positives, 1)

    @property
    def precision(self) -> WideArray:
        """Precision of each cut; 1 where nothing is given."""
        return np.where(self.given > 0, self.hits / np.maximum(self.given, 1), 1.0)

    @property
    def recall(self) -> WideArray:
        """Recall of each cut; 1 where there is nothing to find."""
        if self.positives == 0:
            return np.ones(len(self.hits))
        return self.hits / self.positives

    def threshold(self, place: int) -> float | None:
        """Return the threshold of a cut; None for the one that no score reaches."""
        value = float(self.thresholds[place])
        return value if np.isfinite(value) else None


def cuts_of(scores: FloatArray, truth: npt.NDArray[np.bool_], positives: int | None = None) -> Cuts:
    """Find the cuts of one label.

    A threshold is put halfway between two neighbouring scores, so that a score which another
    machine rounds differently stays on its side; where no float32 number lies between, at the
    upper one. The lowest is half the lowest score, the highest halfway to 1.

    Args:
        scores: float32, (texts,), in [0, 1].
        truth: bool, (texts,).
        positives: true texts in all, when `scores` are a part of the texts; None counts `truth`.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else order
    values = ranked[last].astype(np.float64)
    hits = np.cumsum(truth[order], dtype=np.int64)[last]
    lower = np.append(values[1:], 0.0)[: len(values)]
    middle = ((values + lower) / 2).astype(np.float32).astype(np.float64)
    thresholds = np.where(middle > lower, middle, values)
    highest = values[0] if len(values) else 0.0
    none = np.float64(np.float32((highest + 1.0) / 2)) if highest < 1.0 else np.inf
    return Cuts(
        thresholds=np.concatenate([[none], thresholds]),
        hits=np.concatenate([[0], hits]),
        given=np.concatenate([[0], last + 1]),
        positives=int(truth.sum()) if positives is None else positives,
    )
