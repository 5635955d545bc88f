"""Logits and truth of labelled texts, collected once and kept without the texts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Protocol

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray, IntArray
from limen.counted import counted
from limen.errors import InputError, LimenError
from limen.evaluation.labelled_source import LabelledText
from limen.evaluation.parts import KeyArray, text_key
from limen.progress import Progress, Silent

_CHUNK = 1_024
"""Texts in memory at once: enough to keep every thread of a model busy."""
_LISTED = 10


class HasLogits(Protocol):
    """What is used of `limen.Model`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in order."""
        ...

    def logits(self, texts: list[str]) -> FloatArray:
        """Return float32, (texts, outputs)."""
        ...


@dataclass(frozen=True, eq=False)
class LabelledLogits:
    """What a classifier gives for labelled texts, and what is true of them.

    Attributes:
        logits: float32, (texts, outputs).
        truth: bool, (texts, labels).
        keys: uint64, (texts,): see `text_key`.
    """

    logits: FloatArray
    truth: npt.NDArray[np.bool_]
    keys: KeyArray

    def __post_init__(self) -> None:
        """Refuse arrays of unlike length.

        Raises:
            InputError: they are.
        """
        if not len(self.logits) == len(self.truth) == len(self.keys):
            raise InputError(
                f"{len(self.logits):,} rows of logits, {len(self.truth):,} of truth and "
                f"{len(self.keys):,} keys; expected as many of each"
            )

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.keys)

    def at(self, rows: IntArray | npt.NDArray[np.bool_] | slice) -> "LabelledLogits":
        """Return some of the texts: row numbers, bool of (texts,), or a slice."""
        return LabelledLogits(self.logits[rows], self.truth[rows], self.keys[rows])


def collect(
    model: HasLogits, rows: Iterable[LabelledText], told: Progress | None = None
) -> LabelledLogits:
    """Run labelled texts through a classifier, a chunk at a time.

    Args:
        model: the classifier.
        rows: from `read_labelled` with its labels.
        told: told how many texts are done; None for nobody.

    Raises:
        InputError: no text at all, or what reading `rows` or the model raises.
        EngineError: the model failed.
    """
    told, start = (Silent() if told is None else told), monotonic()
    waiting = iter(rows)
    chunks: list[LabelledLogits] = []
    done = 0
    while chunk := list(islice(waiting, _CHUNK)):
        chunks.append(_run(model, chunk, done))
        done += len(chunk)
        told.count(f"{counted(done, 'text')}, {done / (monotonic() - start):,.0f}/s")
    if not chunks:
        raise InputError("no labelled text; expected at least one")
    return LabelledLogits(
        np.concatenate([chunk.logits for chunk in chunks]),
        np.concatenate([chunk.truth for chunk in chunks]),
        np.concatenate([chunk.keys for chunk in chunks]),
    )


def _run(model: HasLogits, rows: Sequence[LabelledText], start: int) -> LabelledLogits:
    try:
        logits = model.logits([row.text for row in rows])
    except LimenError as error:
        if start == 0:
            raise
        # The model counts from the first text that it is given.
        which = f"in the {counted(len(rows), 'text')} from text {start:,} on"
        raise type(error)(f"{which}: {error}") from error
    truth = np.zeros((len(rows), len(model.labels)), dtype=np.bool_)
    for number, row in enumerate(rows):
        truth[number, list(row.labels)] = True
    keys = np.fromiter((text_key(row.text) for row in rows), dtype=np.uint64, count=len(rows))
    return LabelledLogits(logits, truth, keys)


@dataclass(frozen=True)
class Repeats:
    """Texts that the data holds more than once.

    Attributes:
        texts_repeated: unlike texts that stand there more than once.
        contradictory: row numbers, ascending, of each text whose rows differ in their labels; in
            the order of their first rows.
    """

    texts_repeated: int
    contradictory: tuple[tuple[int, ...], ...]


def find_repeats(data: LabelledLogits) -> Repeats:
    """Find rows with the same key, and among them rows with other labels."""
    # Stable: rows of equal keys stay in the order of the data.
    order = np.argsort(data.keys, kind="stable")
    groups = list(_repeated(order, data.keys[order]))
    contradictory = [
        tuple(rows.tolist()) for rows in groups if (data.truth[rows] != data.truth[rows[0]]).any()
    ]
    return Repeats(len(groups), tuple(sorted(contradictory)))


def _repeated(order: IntArray, ordered: KeyArray) -> Iterator[IntArray]:
    """Yield the rows of every key that stands there more than once."""
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) + 1
    starts = np.append(0, ends[:-1])
    for group in np.flatnonzero(ends - starts > 1):
        yield order[starts[group] : ends[group]]


def check_truth(
    truth: npt.NDArray[np.bool_], labels: Sequence[str], exclusive: bool
) -> tuple[str, ...]:
    """Check that there is something to fit or judge by.

    Args:
        truth: bool, (texts, labels).
        labels: names, in order.
        exclusive: the classifier's rule gives one label, so every text needs exactly one.

    Returns:
        Notices for the user: labels that no text has, and labels that every text has.

    Raises:
        InputError: fewer than two texts; `exclusive` and texts without exactly one label; or no
            label that some texts have and others do not.
    """
    if len(truth) < 2:
        raise InputError(f"{counted(len(truth), 'labelled text')}; expected two or more")
    if exclusive:
        _refuse_other_counts(truth)
    positives: IntArray = truth.sum(axis=0)
    missing, everywhere = positives == 0, positives == len(truth)
    if (missing | everywhere).all():
        raise InputError(
            f"all {len(truth):,} texts have the same labels: "
            f"{_names(everywhere, labels) or 'none at all'}; expected data in which at least one "
            "label is there and not there"
        )
    notices = [
        f"labels that {who} has: {_names(found, labels)} ({int(found.sum())} of {len(labels)})"
        for found, who in ((missing, "no text"), (everywhere, "every text"))
        if found.any()
    ]
    return tuple(notices)


def _refuse_other_counts(truth: npt.NDArray[np.bool_]) -> None:
    counts = truth.sum(axis=1)
    wrong = np.flatnonzero(counts != 1)
    if not len(wrong):
        return
    more = ", ..." if len(wrong) > _LISTED else ""
    listed = ", ".join(str(row) for row in wrong[:_LISTED]) + more
    raise InputError(
        f"text {wrong[0]} has {counts[wrong[0]]} labels, a rule that gives one label needs exactly "
        f"one; {len(wrong):,} of {len(truth):,} texts (counted from 0: {listed}) have none or "
        "several: give each one label, or leave it out"
    )


def _names(found: npt.NDArray[np.bool_], labels: Sequence[str]) -> str:
    places = np.flatnonzero(found)
    more = ", ..." if len(places) > _LISTED else ""
    return ", ".join(repr(labels[place]) for place in places[:_LISTED]) + more
