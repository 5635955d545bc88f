"""Near-duplicates that stand in unlike parts of the data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
from limen.arrays import IntArray, WideArray

from limen_export.training.examples import Examples
from limen_export.training.near_duplicates import NearDuplicates, find_near_duplicates


@dataclass(frozen=True, eq=False)
class Crossing:
    """Texts of one part of the data that have a near-duplicate in another.

    Attributes:
        first: name of the part in which near-duplicates were looked for, such as `train`.
        second: name of the part whose texts have them, such as `test`.
        texts: how many texts the second part has.
        pairs: int64, (pairs, 2): place of a text in the first part, and in the second; of each text
            of the second part the most similar one, the first of several. Ascending by the second.
        similarities: float64, (pairs,), from the limit to 1.
        equal: how many of the pairs are equal after `normal_form`.
        unlike_labels: how many of the pairs differ in their labels.
    """

    first: str
    second: str
    texts: int
    pairs: IntArray = field(repr=False)
    similarities: WideArray = field(repr=False)
    equal: int
    unlike_labels: int

    def __str__(self) -> str:
        """Say it in one sentence."""
        share = len(self.pairs) / max(self.texts, 1)
        return (
            f"{len(self.pairs):,} of {self.texts:,} texts of {self.second} ({share:.1%}) have a "
            f"near-duplicate in {self.first}; {self.equal:,} of them are equal but for case, "
            f"punctuation and spaces, {self.unlike_labels:,} have unlike labels"
        )


def crossings(parts: Mapping[str, Examples], limit: float = 0.8) -> tuple[Crossing, ...]:
    """Find near-duplicates across parts of the data.

    Args:
        parts: by name, in the order in which they are compared; the same labels in each.
        limit: least similarity, in [0.5, 1].

    Returns:
        One for each pair of parts.
    """
    texts = [text for part in parts.values() for text in part.texts]
    found = find_near_duplicates(texts, limit)
    ends = np.cumsum([0, *(len(part) for part in parts.values())])
    near = _neighbours(found)
    forms = {
        name: found.forms[start:end]
        for name, (start, end) in zip(parts, pairwise(ends), strict=True)
    }
    made = []
    for first, second in combinations(parts, 2):
        nearest = list(_nearest(forms[first], forms[second], near))
        pairs = np.array([pair for pair, _ in nearest], dtype=np.int64).reshape(-1, 2)
        truths = parts[first].truth[pairs[:, 0]], parts[second].truth[pairs[:, 1]]
        unlike = int((truths[0] != truths[1]).any(axis=1).sum())
        values = np.array([value for _, value in nearest], dtype=np.float64)
        equal = int((forms[first][pairs[:, 0]] == forms[second][pairs[:, 1]]).sum())
        made.append(Crossing(first, second, len(parts[second]), pairs, values, equal, unlike))
    return tuple(made)


def _neighbours(found: NearDuplicates) -> dict[int, list[tuple[float, int]]]:
    near: dict[int, list[tuple[float, int]]] = {}
    for (one, other), value in zip(found.pairs.tolist(), found.similarities.tolist(), strict=True):
        near.setdefault(one, []).append((value, other))
        near.setdefault(other, []).append((value, one))
    return near


def _nearest(
    first: IntArray, second: IntArray, near: Mapping[int, Sequence[tuple[float, int]]]
) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield places in the first and second part, and how similar they are."""
    places: dict[int, int] = {}
    for place, form in enumerate(first.tolist()):
        places.setdefault(form, place)
    for place, form in enumerate(second.tolist()):
        alike = [(1.0, form), *near.get(form, ())]
        there = [(-value, places[other]) for value, other in alike if other in places]
        if there:
            value, nearest = min(there)
            yield (nearest, place), -value
