"""Texts that are nearly equal, and which of them stand in unlike parts of the data.

Two texts are near-duplicates if they are equal after `normal_form`, or if the Jaccard similarity of
their sets of character trigrams is at least 0.8 (Broder: On the resemblance and containment of
documents, 1997). Candidates are found by MinHash signatures cut into bands (Indyk, Motwani:
Approximate nearest neighbors, 1998; as in Leskovec, Rajaraman, Ullman: Mining of massive datasets,
chapter 3), and each is then checked on the sets themselves. So no pair is reported that is none;
of pairs at the limit at most one in a thousand is missed, of closer ones fewer.

Short texts have few trigrams: of eight, two texts that differ in a suffix share seven. Below ten
different trigrams only equality counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from limen.arrays import IntArray, WideArray
from limen.errors import InputError
from limen.evaluation.parts import mixed
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from limen_export.training.shingles import (
    HASHES,
    Signatures,
    normal_form,
    shingles,
    signatures,
    similarity,
)

LEAST_SHINGLES = 10
_MISSED = 1e-3
"""Share of pairs at the limit that may be missed."""
_NEIGHBOURS = 10
"""In a bucket each text is compared with so many that follow: thousands of texts from one template
would otherwise be millions of pairs. They are joined all the same, through each other."""
_DEVIATIONS = 5.0
_CHUNK = 1 << 14
_Buckets: TypeAlias = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Which of some texts are nearly equal.

    Attributes:
        forms: int64, (texts,): texts that are equal after `normal_form` have the same number; the
            numbers follow the order of the forms, not of the texts.
        pairs: int64, (pairs, 2): numbers of forms that are similar, the smaller first, ascending.
        similarities: float64, (pairs,): of these, from the limit to 1.
    """

    forms: IntArray
    pairs: IntArray = field(repr=False)
    similarities: WideArray = field(repr=False)

    @property
    def groups(self) -> IntArray:
        """For each text the number of its group, (texts,): whoever is near to one of a group is in
        it, so two texts of a group can be unlike.
        """
        count = int(self.forms.max(initial=-1)) + 1
        links = np.ones(len(self.pairs), dtype=np.bool_)
        graph = coo_array((links, (self.pairs[:, 0], self.pairs[:, 1])), shape=(count, count))
        groups: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
        return groups[self.forms]


def find_near_duplicates(texts: Sequence[str], limit: float = 0.8) -> NearDuplicates:
    """Find texts that are nearly equal; what is found does not depend on their order.

    Args:
        texts: any texts.
        limit: least similarity, in [0.5, 1].

    Raises:
        InputError: another limit.
    """
    if not 0.5 <= limit <= 1:
        raise InputError(f"near-duplicates from a similarity of {limit}: expected 0.5 to 1")
    normal = [normal_form(text) for text in texts]
    forms = sorted(set(normal))
    number = {form: place for place, form in enumerate(forms)}
    long = [place for place, form in enumerate(forms) if len(form) >= LEAST_SHINGLES + 2]
    pairs, similarities = _similar([forms[place] for place in long], limit)
    return NearDuplicates(
        np.array([number[form] for form in normal], dtype=np.int64),
        np.array(long, dtype=np.int64)[pairs],
        similarities,
    )


def _similar(forms: Sequence[str], limit: float) -> tuple[IntArray, WideArray]:
    """Return the pairs of similar forms, (pairs, 2), and their similarities."""
    signed = signatures(forms)
    found, values = [], []
    sets: dict[int, frozenset[str]] = {}
    for one, other in _candidates(signed, limit).tolist():
        for place in (one, other):
            if place not in sets:
                sets[place] = shingles(forms[place])
        if min(len(sets[one]), len(sets[other])) < LEAST_SHINGLES:
            continue
        value = similarity(sets[one], sets[other])
        if value >= limit:
            found.append((one, other))
            values.append(value)
    return np.array(found, dtype=np.int64).reshape(-1, 2), np.array(values, dtype=np.float64)


def _candidates(signed: Signatures, limit: float) -> IntArray:
    """Return pairs, ascending, that share a band and whose signatures agree nearly enough."""
    rows = _rows_a_band(limit)
    texts = max(len(signed), 1)
    numbers = [
        np.unique(np.minimum(one, other) * texts + np.maximum(one, other))
        for first in range(0, HASHES - rows + 1, rows)
        for one, other in [_bucket_pairs(_buckets(signed[:, first : first + rows], first))]
    ]
    pairs: IntArray = np.unique(np.concatenate(numbers))
    spread = np.sqrt(limit * (1 - limit) / HASHES)
    agreeing = HASHES * (limit - _DEVIATIONS * spread)
    kept = [
        chunk[(signed[chunk // texts] == signed[chunk % texts]).sum(axis=1) >= agreeing]
        for chunk in (pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK))
    ]
    chosen = np.concatenate(kept) if kept else pairs
    return np.stack([chosen // texts, chosen % texts], axis=1)


def _rows_a_band(limit: float) -> int:
    """Return how many hashes make a band: as many as leave the share of missed pairs small. A pair
    of similarity s shares one of b bands of r hashes with probability 1 - (1 - s^r)^b.
    """
    fitting = [r for r in range(1, 33) if (1 - limit**r) ** (HASHES // r) <= _MISSED]
    return max(fitting)


def _buckets(band: Signatures, salt: int) -> _Buckets:
    """Return one number for the hashes of a band."""
    numbers = np.zeros(len(band), dtype=np.uint64)
    for column in range(band.shape[1]):
        numbers = mixed(numbers ^ band[:, column].astype(np.uint64), f"band\0{salt}\0{column}")
    return numbers


def _bucket_pairs(buckets: _Buckets) -> tuple[IntArray, IntArray]:
    """Return the pairs of texts in the same bucket, all of them in buckets that are not large."""
    order = np.argsort(buckets, kind="stable")
    ordered = buckets[order]
    ones, others = [order[:0]], [order[:0]]
    for distance in range(1, min(_NEIGHBOURS, len(order) - 1) + 1):
        same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
        if not len(same):
            break
        ones.append(order[same])
        others.append(order[same + distance])
    return np.concatenate(ones), np.concatenate(others)
