"""SMOTE: features between those of neighbouring texts of a rare class."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling import SMOTE
from limen.errors import InputError
from scipy import sparse

from limen_export.training.examples import Places

Features: TypeAlias = Any
"""float32 or float64, (texts, features): a numpy array, or a scipy array or matrix in CSR."""
NEIGHBOURS = 5
"""Of the method's paper, and imbalanced-learn's default."""


@dataclass(frozen=True, eq=False)
class Smoted:
    """Features with those made up.

    Attributes:
        features: (rows, features), of the type of what was given: its rows, then the new ones.
        classes: int64, (rows,).
        notices: what the user should know.
    """

    features: Features
    classes: Places
    notices: tuple[str, ...]


def smote(features: Features, classes: Places, seed: int) -> Smoted:
    """Give every class as many rows as the largest has (Chawla et al.: SMOTE: synthetic minority
    over-sampling technique, 2002, as imbalanced-learn does it).

    A new row lies between a row and one of its 5 nearest neighbours of the same class; a class of
    2 to 5 rows has only 1 to 4 others to choose from. A class of one row has no neighbour and stays
    as it is. What lies between two rows of length 1 is shorter than 1.

    Args:
        features: finite; a row for each text.
        classes: int64, (texts,): places of the labels.
        seed: the same gives the same rows.

    Raises:
        InputError: unlike numbers of rows and classes, values that are not finite, or fewer than
            two classes.
    """
    _check(features, classes)
    places, counts = np.unique(classes, return_counts=True)
    largest = int(counts.max())
    made = [(features, classes)]
    for neighbours in range(1, NEIGHBOURS + 1):
        wanted = {
            int(place): largest
            for place, count in zip(places, counts, strict=True)
            if count < largest and min(count - 1, NEIGHBOURS) == neighbours
        }
        if wanted:
            drawing = SMOTE(sampling_strategy=wanted, k_neighbors=neighbours, random_state=seed)
            found, found_classes = drawing.fit_resample(features, classes)
            made.append((found[len(classes) :], found_classes[len(classes) :]))
    return Smoted(
        _stacked([part for part, _ in made]),
        np.concatenate([part for _, part in made]).astype(np.int64),
        _notices(counts, largest),
    )


def _notices(counts: npt.NDArray[np.int64], largest: int) -> tuple[str, ...]:
    alone = int((counts == 1).sum()) if largest > 1 else 0
    few = int(((counts > 1) & (counts <= NEIGHBOURS) & (counts < largest)).sum())
    notices = []
    if alone:
        notices.append(
            f"smote: {alone:,} {'class has' if alone == 1 else 'classes have'} one text and "
            f"{'stays' if alone == 1 else 'stay'} as it is: there is no neighbour of its class"
        )
    if few:
        notices.append(
            f"smote: {few:,} {'class has' if few == 1 else 'classes have'} {NEIGHBOURS} texts or "
            f"fewer, so fewer than {NEIGHBOURS} neighbours to lie between"
        )
    return tuple(notices)


def _stacked(parts: list[Features]) -> Features:
    if sparse.issparse(parts[0]):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def _check(features: Features, classes: Places) -> None:
    rows = features.shape[0]
    if features.ndim != 2 or rows != len(classes):
        raise InputError(
            f"features of shape {tuple(features.shape)} and {len(classes):,} classes; expected "
            "(texts, features) and a class for each text"
        )
    values = features.data if sparse.issparse(features) else features
    if not np.isfinite(values).all():
        raise InputError(
            "a feature is NaN or infinite; SMOTE measures distances: leave such texts out"
        )
    if len(np.unique(classes)) < 2:
        raise InputError(
            f"all {rows:,} texts have the same label; expected two labels or more to balance; "
            "choose sampler none"
        )
