"""Dividing texts so that every part has its share of every label.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas: On the stratification of multi-label data,
2011, algorithm 1): the label with the fewest texts left is divided first, while there is still
freedom, each text going to the part that lacks most of that label, then most texts. With one label
for each text this is stratification by class. Three things are added: units of several texts that
stay together, a floor for rare labels, and a repair for labels whose texts all went elsewhere
because of other labels of theirs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from limen.arrays import IntArray


@dataclass(frozen=True, eq=False)
class Units:
    """What is divided: one text, or several that stay together.

    Attributes:
        counts: int64, (units, labels): how many of a unit's texts have the label.
        sizes: int64, (units,): how many texts a unit has.
        ranks: int64, (units,): 0 to units - 1, in any order that has nothing to do with the texts:
            who comes first where nothing else decides.
    """

    counts: IntArray
    sizes: IntArray
    ranks: IntArray


def stratified(units: Units, shares: Sequence[float]) -> IntArray:
    """Divide units into parts.

    A label of one unit is in part 0; of two, in parts 0 and the last; a label of as many units as
    there are parts is in all of them. Part 0 has every label; for the others it holds unless
    it would take a label of the same texts from part 0.

    Args:
        units: what is divided.
        shares: of the parts, each above 0, with sum 1; part 0 is the one to train on.

    Returns:
        int64, (units,): number of the part.
    """
    places = _divided(units, shares)
    _repair(units, places, len(shares))
    return places


def _divided(units: Units, shares: Sequence[float]) -> IntArray:
    # Large units first: small ones even out what they leave.
    order = np.lexsort((units.ranks, -units.sizes))
    rows = [np.flatnonzero(row).tolist() for row in units.counts]
    wanted = [_wanted(column, shares) for column in units.counts.T]
    room = [share * float(units.sizes.sum()) for share in shares]
    left: IntArray = (units.counts > 0).sum(axis=0)
    holders = [order[units.counts[order, label] > 0] for label in range(units.counts.shape[1])]
    places = np.full(len(order), -1, dtype=np.int64)

    def put(unit: int, wish: Sequence[float]) -> None:
        best = max((wish[part], room[part]) for part in range(len(room)))
        tied = [part for part in range(len(room)) if (wish[part], room[part]) == best]
        part = tied[units.ranks[unit] % len(tied)]
        places[unit] = part
        room[part] -= float(units.sizes[unit])
        for label in rows[unit]:
            wanted[label][part] -= float(units.counts[unit, label])
            left[label] -= 1

    while (left > 0).any():
        label = int(np.where(left > 0, left, np.iinfo(np.int64).max).argmin())
        for unit in holders[label].tolist():
            if places[unit] < 0:
                put(unit, wanted[label])
    for unit in order.tolist():
        if places[unit] < 0:
            put(unit, room)
    return places


def _wanted(column: IntArray, shares: Sequence[float]) -> list[float]:
    """Return how many texts of a label each part should get: its share, but one at least where the
    label has enough units, and none where it has not.
    """
    texts, spare = float(column.sum()), int((column > 0).sum()) - 1
    wanted = [share * texts for share in shares]
    for part in _held_out(len(shares)):
        wanted[part] = max(wanted[part], 1.0) if spare > 0 else 0.0
        spare -= 1
    wanted[0] = texts - sum(wanted[1:])
    return wanted


def _held_out(parts: int) -> Iterator[int]:
    """Yield the parts beside the first, the last one first: judging goes before fitting."""
    yield from range(parts - 1, 0, -1)


def _repair(units: Units, places: IntArray, parts: int) -> None:
    """Bring labels into part 0, and then into the others, where they are missing."""
    has: npt.NDArray[np.bool_] = units.counts > 0
    total = has.sum(axis=0)
    # How many units of each label each part has, kept up to date.
    held = np.stack([has[places == part].sum(axis=0) for part in range(parts)])
    for target, least in ((0, 1), *((part, parts - part + 1) for part in _held_out(parts))):
        for label in np.flatnonzero((held[target] == 0) & (total >= least)).tolist():
            unit = _movable(units, has, places, held, (label, target))
            if unit is not None and held[target, label] == 0:
                held[places[unit]] -= has[unit]
                held[target] += has[unit]
                places[unit] = target


def _movable(
    units: Units,
    has: npt.NDArray[np.bool_],
    places: IntArray,
    held: IntArray,
    aim: tuple[int, int],
) -> int | None:
    """Return the unit of a label that is moved to a part with the least harm, None for none."""
    label, target = aim
    best: tuple[int, int, int] | None = None
    found = None
    for unit in np.flatnonzero(has[:, label]).tolist():
        lost = int((held[places[unit]][has[unit]] == 1).sum())
        if lost and target != 0:
            continue
        harm = (lost, int(units.sizes[unit]), int(units.ranks[unit]))
        if best is None or harm < best:
            best, found = harm, unit
    return found
