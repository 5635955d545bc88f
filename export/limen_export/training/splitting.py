"""Labelled texts divided into those to train on, to fit thresholds on, and to judge by."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from limen.arrays import IntArray
from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.parts import KeyArray, mixed

from limen_export.training.crossings import crossings
from limen_export.training.examples import Examples
from limen_export.training.near_duplicates import find_near_duplicates
from limen_export.training.stratifying import Units, stratified
from limen_export.training.support import listed

_NOWHERE: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class SplitSettings:
    """How texts are divided.

    Attributes:
        dev: share of the texts on which thresholds and calibration are fitted; 0 for none.
        test: share of the texts that are judged by, once; 0 for none.
        seed: another one gives another split.
        near_duplicates_together: texts that are nearly equal stay in the same part. Equal texts
            always do.
    """

    dev: float = 0.1
    test: float = 0.1
    seed: int = 13
    near_duplicates_together: bool = True

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing.

        Raises:
            InputError: a share below 0, or nothing left to train on.
        """
        for name, share in (("dev", self.dev), ("test", self.test)):
            if not (isfinite(share) and 0 <= share < 1):
                raise InputError(f"share {share} for {name}; expected 0 or more and less than 1")
        if self.dev + self.test >= 1:
            raise InputError(
                f"shares {self.dev} for dev and {self.test} for test leave nothing to train on; "
                "expected a sum below 1"
            )


@dataclass(frozen=True, eq=False)
class Split:
    """Three parts without a text in common.

    Attributes:
        train: to train on.
        dev: to stop training by, and to fit calibration and thresholds on.
        test: to judge by, once.
        notices: what the user should know, a sentence each.
    """

    train: Examples
    dev: Examples
    test: Examples
    notices: tuple[str, ...] = ()


def split(
    examples: Examples,
    settings: SplitSettings | None = None,
    dev: Examples | None = None,
    test: Examples | None = None,
) -> Split:
    """Divide labelled texts, each label in the same shares as all texts.

    Into which part a text falls depends on the texts and labels and on the seed, not on their
    order. Within a part texts are in the order of `examples`. Every label has a text in `train`;
    one with two unlike texts also in `test`, one with three in all, unless that would take another
    label of these texts out of `train`.

    Args:
        examples: what is divided.
        settings: shares and seed.
        dev: given ones are used as they are, less texts that are in `test` too; their share is
            not split off.
        test: given ones are used as they are. Texts that are in `dev` or here are left out of
            those to train on.

    Raises:
        InputError: given parts with other labels or another task, or too few texts.
    """
    settings = settings or SplitSettings()
    notices: list[str] = []
    given = {name: part for name, part in (("test", test), ("dev", dev)) if part is not None}
    _refuse_unlike(examples, given)
    if dev is not None and test is not None:
        given["dev"] = _without(dev, test, ("dev", "test"), notices)
    rest = examples
    for name, part in given.items():
        rest = _without(rest, part, ("train", name), notices)
    shares = {"dev": settings.dev, "test": settings.test}
    wanted = {name: share for name, share in shares.items() if share and name not in given}
    parts = _parts(rest, wanted, settings, notices) | given
    parts = {name: parts.get(name, rest.at(_NOWHERE, name)) for name in ("train", "dev", "test")}
    notices += _missing(parts)
    notices += [str(found) for found in crossings(parts) if len(found.pairs)]
    return Split(parts["train"], parts["dev"], parts["test"], tuple(notices))


def _refuse_unlike(examples: Examples, given: Mapping[str, Examples]) -> None:
    for name, part in given.items():
        if (part.labels, part.task) != (examples.labels, examples.task):
            raise InputError(
                f"{part.name}: {part.task} with {len(part.labels)} labels as {name}, where "
                f"{examples.name} is {examples.task} with {len(examples.labels)}; expected the "
                "same labels in the same order; read it with those (read_held_out)"
            )
        if not len(part):
            raise InputError(f"{part.name}: no text as {name}; expected one or more")


def _without(
    part: Examples, other: Examples, names: tuple[str, str], notices: list[str]
) -> Examples:
    """Leave out what is in the other part too."""
    kept = np.flatnonzero(~np.isin(part.keys, other.keys))
    if len(kept) == len(part):
        return part
    if not len(kept):
        raise InputError(
            f"{part.name}: all {len(part):,} texts to be {names[0]} are in {other.name} too, which "
            f"is {names[1]}; give other texts, or leave {names[1]} to be split off"
        )
    notices.append(
        f"left out of {names[0]}: {len(part) - len(kept):,} of {len(part):,} texts that are in "
        f"{names[1]} too"
    )
    return part.at(kept)


def _parts(
    examples: Examples, shares: Mapping[str, float], settings: SplitSettings, notices: list[str]
) -> dict[str, Examples]:
    """Split these parts off."""
    if not shares:
        return {"train": examples}
    groups = _groups(examples, settings, notices)
    places = stratified(
        _units(examples, groups, settings.seed), [1 - sum(shares.values()), *shares.values()]
    )[groups]
    made = {
        name: examples.at(np.flatnonzero(places == number), f"{examples.name} ({name})")
        for number, name in enumerate(("train", *shares))
    }
    for name, part in made.items():
        if not len(part):
            raise InputError(
                f"{examples.name}: {len(examples):,} texts ({groups.max() + 1:,} of them unlike) "
                f"leave none for {name}; give more texts, a larger share, or let near-duplicates "
                "fall apart"
            )
    return made


def _groups(examples: Examples, settings: SplitSettings, notices: list[str]) -> IntArray:
    """Return for each text the number of what it stays together with, (texts,)."""
    equal: IntArray = np.unique(examples.keys, return_inverse=True)[1].astype(np.int64)
    if not settings.near_duplicates_together:
        return equal
    groups = find_near_duplicates(examples.texts).groups
    sizes = np.bincount(groups)
    largest = int(sizes.max())
    if len(sizes) < equal.max() + 1:
        notices.append(
            f"near-duplicates: {int(sizes[sizes > 1].sum()):,} of {len(examples):,} texts stay "
            f"together in {counted(int((sizes > 1).sum()), 'group')}, the largest of {largest:,}"
        )
    return groups


def _units(examples: Examples, groups: IntArray, seed: int) -> Units:
    count = int(groups.max()) + 1
    # By name, so that the order of the labels does not matter either.
    columns = sorted(range(len(examples.labels)), key=examples.labels.__getitem__)
    counts = np.zeros((count, len(columns)), dtype=np.int64)
    np.add.at(counts, groups, examples.truth[:, columns].astype(np.int64))
    # A group is known by the least of its keys, whatever its number.
    keys: KeyArray = np.full(count, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(keys, groups, mixed(examples.keys, f"split\0{seed}"))
    ranks = np.empty(count, dtype=np.int64)
    ranks[np.argsort(keys, kind="stable")] = np.arange(count)
    return Units(counts, np.bincount(groups, minlength=count), ranks)


def _missing(parts: Mapping[str, Examples]) -> list[str]:
    """Say which labels cannot be fitted or judged."""
    found = []
    for name, part in parts.items():
        absent = [part.labels[place] for place in np.flatnonzero(part.support == 0)]
        if absent and len(part):
            found.append(
                f"{counted(len(absent), 'label')} without a text in {name}: {listed(absent)}"
            )
    return found
