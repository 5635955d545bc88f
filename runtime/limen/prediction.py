"""What a classifier says about one text."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise, repeat
from typing import TypedDict, TypeVar

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray
from limen.decision import REASONS, Decided, margins_of
from limen.errors import InputError
from limen.format.json_block import Json

_Made = TypeVar("_Made")

_LISTED = 8

_SAID = {
    "threshold": "its score is below the threshold",
    "margin": "too little above the next label",
    "no_yes": "no part said yes",
    "empty_set": "no label is in the set",
}


class LabelScore(TypedDict):
    """A label with its score, as a transformers pipeline gives it."""

    label: str
    score: float


class Scores(Mapping[str, float]):
    """Scores by label name, in label order: a view on one row of an array."""

    __slots__ = ("_labels", "_row")

    def __init__(self, labels: tuple[str, ...], row: FloatArray) -> None:
        """Wrap a row: float32, (labels,), in [0, 1]."""
        self._labels = labels
        self._row = row

    @property
    def row(self) -> FloatArray:
        """All scores in label order: float32, (labels,)."""
        return self._row

    def __getitem__(self, label: str) -> float:
        """Return the score of a label; KeyError for a name the classifier does not have."""
        try:
            return float(self._row[self._labels.index(label)])
        except ValueError:
            error = KeyError(label)
            known = ", ".join(map(repr, self._labels[:_LISTED]))
            error.add_note(f"labels: {known}{', ...' if len(self._labels) > _LISTED else ''}")
            raise error from None

    def __iter__(self) -> Iterator[str]:
        """Walk the label names in order."""
        return iter(self._labels)

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self._labels)

    def __repr__(self) -> str:
        """Show names with scores to three digits."""
        return "{" + ", ".join(f"{name!r}: {score:.3f}" for name, score in self.items()) + "}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The decision about one text.

    Attributes:
        labels: the labels decided on, in label order; possibly empty.
        scores: every label's score in [0, 1].
        top: the label that the rule prefers, decided on or not: the one with the largest score,
            and with `one_vs_one` the one with most votes, or the winner of the surest pair.
        abstained: a classifier that gives one label gave none. A multi-label text without labels is
            a decision, not an abstention.
        reason: why it abstained: `threshold` (the score of `top` is below its threshold), `margin`
            (too little above the next), `no_yes` (no part said yes), `empty_set` (no label is in
            the conformal set); None where it did not.
        truncated: the text was longer than the model can take; the decision rests on a part of it.
    """

    labels: tuple[str, ...]
    scores: Scores
    top: str
    abstained: bool
    reason: str | None
    truncated: bool

    @property
    def margin(self) -> float:
        """The score of `top` less the best other score; with one label its score."""
        place = [*self.scores].index(self.top)
        return float(margins_of(self.scores.row[np.newaxis], np.array([place]))[0])

    def to_dict(self) -> dict[str, Json]:
        """Return plain values, ready for JSON; numbers to six digits."""
        scores: dict[str, Json] = {name: round(score, 6) for name, score in self.scores.items()}
        return {
            "abstained": self.abstained,
            "labels": list(self.labels),
            "margin": round(self.margin, 6),
            "reason": self.reason,
            "scores": scores,
            "top": self.top,
            "truncated": self.truncated,
        }

    def to_json(self) -> str:
        """Return one line of JSON, names as they are."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_pipeline(self, top_k: int | None = None) -> list[LabelScore]:
        """Return what a transformers text-classification pipeline returns for a text: labels with
        their scores, best first
        (https://huggingface.co/docs/transformers/main_classes/pipelines#transformers.TextClassificationPipeline).

        Args:
            top_k: how many, at least 1; None for all.

        Raises:
            InputError: `top_k` is below 1.
        """
        if top_k is not None and top_k < 1:
            raise InputError(f"top_k={top_k}: at least 1 expected, or None for all")
        ordered = sorted(self.scores.items(), key=lambda item: -item[1])
        return [{"label": label, "score": score} for label, score in ordered[:top_k]]

    def __str__(self) -> str:
        """Show the labels decided on with their scores; in brackets the best one where there is
        none.
        """
        shown = "  ".join(f"{label} {_two_digits(self.scores[label])}" for label in self.labels)
        if not shown:
            why = f": {_SAID[self.reason]}" if self.reason else ""
            shown = f"(none; best {self.top} {_two_digits(self.scores[self.top])}{why})"
        return shown + ("  [truncated]" if self.truncated else "")


def predictions(
    labels: tuple[str, ...], scores: FloatArray, decided: Decided, truncated: Sequence[bool]
) -> list[Prediction]:
    """Make the Predictions of texts.

    Args:
        labels: all label names.
        scores: float32, (texts, labels).
        decided: the decisions about the same texts.
        truncated: which texts lost a part.
    """
    if len(truncated) != len(scores):
        raise ValueError(f"{len(truncated)} truncated for {len(scores)} texts; the caller is wrong")
    if len(scores) == 1:
        one = _chosen(labels, decided.chosen)[0]
        top, reason = decided.top.item(0), decided.reasons.item(0)
        shown = Scores(labels, scores[0])
        return [Prediction(one, shown, labels[top], reason != 0, REASONS[reason], truncated[0])]
    count = len(scores)
    reasons = decided.reasons.tolist()
    return _filled(
        Prediction,
        count,
        labels=_chosen(labels, decided.chosen),
        scores=_filled(Scores, count, _labels=repeat(labels, count), _row=scores),
        top=map(labels.__getitem__, decided.top.tolist()),
        abstained=map(bool, reasons),
        reason=map(REASONS.__getitem__, reasons),
        truncated=truncated,
    )


def _filled(kind: type[_Made], count: int, **fields: Iterable[object]) -> list[_Made]:
    """Make objects, field by field, without their own constructor: 0.5 us less of the 5 that a text
    takes with a light classifier.

    Args:
        kind: a class with slots.
        count: how many.
        fields: for each slot as many values.
    """
    made = [*map(object.__new__, repeat(kind, count))]
    for name, values in fields.items():
        deque(map(kind.__dict__[name].__set__, made, values), maxlen=0)
    return made


def _two_digits(score: float) -> str:
    """Round a score; one above 0 is not shown as 0.00, since it can be above its threshold."""
    shown = f"{score:.2f}"
    return "<0.01" if shown == "0.00" and score > 0 else shown


def _chosen(labels: tuple[str, ...], chosen: npt.NDArray[np.bool_]) -> list[tuple[str, ...]]:
    """Names of the labels that each text is given."""
    if len(chosen) == 1:
        # The arithmetic for many costs one text four times as much.
        return [tuple(compress(labels, chosen[0].tolist()))]
    rows, places = np.nonzero(chosen)
    if np.array_equal(rows, np.arange(len(chosen))):
        # One label for each text: texts of one label share the tuple.
        alone = [(label,) for label in labels]
        return [*map(alone.__getitem__, places.tolist())]
    ends = np.searchsorted(rows, np.arange(len(chosen) + 1)).tolist()
    names = [labels[place] for place in places.tolist()]
    return [tuple(names[first:end]) for first, end in pairwise(ends)]
