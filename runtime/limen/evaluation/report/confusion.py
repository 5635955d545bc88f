"""Which labels are given where which are true."""

from dataclasses import dataclass

import numpy as np

from limen.arrays import IntArray
from limen.evaluation.judged import Cells, Judged


@dataclass(frozen=True, eq=False)
class Confusion:
    """Counts of texts by a true label and a label given.

    Attributes:
        places: the labels shown, in the order of rows and columns.
        together: int64, (shown, shown): texts of which the row's label is true and that were given
            the column's.
        others: int64, (shown,): texts given a label that is not shown; None where all are.
        none: int64, (shown,): texts given no label.
        support: int64, (shown,).
    """

    places: tuple[int, ...]
    together: IntArray
    others: IntArray | None
    none: IntArray
    support: IntArray


@dataclass(frozen=True)
class Mistake:
    """A label given in another's place.

    Attributes:
        missed: place of the label that is true and was not given.
        given: place of the label that was given and is not true.
        texts: how often.
    """

    missed: int
    given: int
    texts: int


def confusion(judged: Judged, places: list[int]) -> Confusion:
    """Count, for the labels at these places."""
    truth, chosen = judged.truth[:, places], judged.chosen[:, places]
    others = None
    if len(places) < len(judged.labels):
        hidden = np.ones(len(judged.labels), dtype=np.bool_)
        hidden[places] = False
        others = (truth & judged.chosen[:, hidden].any(axis=1, keepdims=True)).sum(axis=0)
    return Confusion(
        places=tuple(places),
        together=_together(truth, chosen),
        others=others,
        none=(truth & ~judged.chosen.any(axis=1, keepdims=True)).sum(axis=0),
        support=truth.sum(axis=0),
    )


def mistakes(judged: Judged, most: int) -> tuple[Mistake, ...]:
    """Return the commonest mistakes, the most frequent first."""
    swapped = _together(judged.truth & ~judged.chosen, judged.chosen & ~judged.truth)
    order = np.argsort(-swapped, axis=None, kind="stable")[:most]
    found = []
    for place in order:
        missed, given = (int(one) for one in np.unravel_index(place, swapped.shape))
        if swapped[missed, given] > 0:
            found.append(Mistake(missed, given, int(swapped[missed, given])))
    return tuple(found)


def _together(rows: Cells, columns: Cells) -> IntArray:
    """Count texts with both."""
    # Float32 counts exactly up to 16.7 million texts, and multiplies far faster than whole numbers.
    product = rows.T.astype(np.float32) @ columns.astype(np.float32)
    return product.astype(np.int64)
