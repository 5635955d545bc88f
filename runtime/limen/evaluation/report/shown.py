"""What a page shows: one or more operating points of a classifier, on the same texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from limen.errors import InputError
from limen.evaluation.judged import Judged
from limen.evaluation.quality import Quality


@dataclass(frozen=True, eq=False)
class Shown:
    """One operating point.

    Attributes:
        judged: its decisions, and the scores they come from.
        quality: what `judge` or `judge_with_intervals` says of them.
    """

    judged: Judged
    quality: Quality


def check_shown(points: Sequence[Shown]) -> None:
    """Refuse points that do not belong on one page.

    Raises:
        InputError: none, two of the same name, other texts, labels or scores than the first one's,
            or figures of other decisions.
    """
    if not points:
        raise InputError("no operating point to show; expected one or more")
    names = [point.judged.point for point in points]
    if len(set(names)) != len(names):
        raise InputError(f"{len(names)} operating points, two of the same name; expected others")
    first = points[0].judged
    for place, point in enumerate(points):
        own = point.judged
        if (point.quality.point, point.quality.texts) != (own.point, len(own.truth)):
            raise InputError(f"operating point {place}: its figures are those of other decisions")
        if not _same_texts(first, own):
            raise InputError(
                f"operating point {place}: other texts, labels or scores than operating point 0: "
                f"{own.truth.shape} and {first.truth.shape} texts and labels; expected the same"
            )


def _same_texts(first: Judged, own: Judged) -> bool:
    if first is own:
        return True
    if (first.labels, first.exclusive) != (own.labels, own.exclusive):
        return False
    if first.scores is None or own.scores is None:
        return first.scores is own.scores and np.array_equal(first.truth, own.truth)
    return np.array_equal(first.truth, own.truth) and np.array_equal(first.scores, own.scores)
