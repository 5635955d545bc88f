"""What a classifier says about one text."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray
from limen.format.json_block import Json


class Scores(Mapping[str, float]):
    """Scores by label name, in label order: a view on one row of an array."""

    __slots__ = ("_labels", "_row")

    def __init__(self, labels: tuple[str, ...], row: FloatArray) -> None:
        """Wrap a row: float32, (labels,), in [0, 1]."""
        self._labels = labels
        self._row = row

    def __getitem__(self, label: str) -> float:
        """Return the score of a label; KeyError for a name the classifier does not have."""
        try:
            return float(self._row[self._labels.index(label)])
        except ValueError:
            raise KeyError(label) from None

    def __iter__(self) -> Iterator[str]:
        """Walk the label names in order."""
        return iter(self._labels)

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self._labels)

    def __repr__(self) -> str:
        """Show names with scores to three digits."""
        return "{" + ", ".join(f"{name!r}: {score:.3f}" for name, score in self.items()) + "}"


@dataclass(frozen=True)
class Prediction:
    """The decision about one text.

    Attributes:
        labels: the labels decided on, in label order; empty where no label reached its threshold.
        scores: every label's score in [0, 1].
        top: the label with the largest score, decided on or not.
        abstained: a multi-class classifier gave no label because the best score is below the
            operating point's threshold. A multi-label text without labels is a decision, not an
            abstention.
        truncated: the text was longer than the model can take; the decision rests on a part of it.
    """

    labels: tuple[str, ...]
    scores: Scores
    top: str
    abstained: bool
    truncated: bool

    def to_dict(self) -> dict[str, Json]:
        """Return plain values, ready for JSON."""
        scores: dict[str, Json] = {name: round(score, 6) for name, score in self.scores.items()}
        return {
            "abstained": self.abstained,
            "labels": list(self.labels),
            "scores": scores,
            "top": self.top,
            "truncated": self.truncated,
        }

    def __str__(self) -> str:
        """Show the labels decided on with their scores; in brackets the best one where there is
        none.
        """
        shown = "  ".join(f"{label} {self.scores[label]:.2f}" for label in self.labels)
        shown = shown or f"(none; best {self.top} {self.scores[self.top]:.2f})"
        return shown + ("  [truncated]" if self.truncated else "")


def prediction(
    labels: tuple[str, ...],
    row: FloatArray,
    chosen: npt.NDArray[np.bool_],
    *,
    exclusive: bool,
    truncated: bool,
) -> Prediction:
    """Make the Prediction of one text.

    Args:
        labels: all label names.
        row: float32, (labels,), the scores.
        chosen: bool, (labels,), the labels decided on.
        exclusive: the rule gives exactly one label, so none means that it abstained.
        truncated: the text lost a part.
    """
    names = tuple(labels[index] for index in np.flatnonzero(chosen))
    return Prediction(
        labels=names,
        scores=Scores(labels, row),
        top=labels[int(row.argmax())],
        abstained=exclusive and not names,
        truncated=truncated,
    )
