"""What resampling does to imbalance and to the labels that occur together: the sampler of
limen_export.training.resampling beside those of Charte et al. (2015).
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from limen.evaluation.judged import Cells
from limen_export.training.examples import Examples, Places
from limen_export.training.resampling import conditional_cooccurrence, imbalance_ratios, resampled

_REAL = {
    "GoEmotions `train_20k`": ("data/goemotions/train_20k.tsv", 1, 28, True),
    "KOTE `val`": ("data/kote/val.tsv", 2, 44, False),
}
_GROWTH = 0.25
"""The largest of the shares of copies that Charte et al. try."""
_SEEDS = 10


def measure_samplers(real: Path) -> list[dict[str, Any]]:
    """Resample real label sets in three ways.

    Args:
        real: the folder with real data.

    Returns:
        A row for each data set and sampler: medians over the seeds.
    """
    rows: list[dict[str, Any]] = []
    for name, (path, column, labels, raw) in _REAL.items():
        truth = _truth(real / path, column, labels, raw)
        examples = Examples(
            name, ("",) * len(truth), truth, tuple(map(str, range(labels))), "multilabel"
        )
        rows.append({"data": name, "sampler": "none", **_measured(truth, [np.arange(len(truth))])})
        ways = {
            "cooccurrence": [resampled(examples, "cooccurrence", seed) for seed in range(_SEEDS)],
            "ML-ROS": [_ml_ros(truth, seed) for seed in range(_SEEDS)],
            "LP-ROS": [_lp_ros(truth, seed) for seed in range(_SEEDS)],
        }
        rows += [
            {"data": name, "sampler": way, **_measured(truth, drawn)} for way, drawn in ways.items()
        ]
    return rows


def _truth(file: Path, column: int, labels: int, raw: bool) -> Cells:
    quoting = csv.QUOTE_NONE if raw else csv.QUOTE_MINIMAL
    with file.open(encoding="utf-8", newline="") as lines:
        cells = [row[column] for row in csv.reader(lines, delimiter="	", quoting=quoting)]
    truth = np.zeros((len(cells), labels), dtype=np.bool_)
    for row, cell in enumerate(cells):
        truth[row, [int(place) for place in cell.split(",") if place]] = True
    return truth


def _measured(truth: Cells, drawn: list[Places]) -> dict[str, float]:
    before = conditional_cooccurrence(truth)
    apart = ~np.eye(truth.shape[1], dtype=np.bool_)
    rare = (imbalance_ratios(truth) > imbalance_ratios(truth).mean())[:, None] & apart
    told = []
    for places in drawn:
        after = truth[places]
        moved = np.abs(conditional_cooccurrence(after) - before)
        ratios = imbalance_ratios(after)
        told.append(
            (
                len(places),
                ratios.mean(),
                ratios.max(),
                moved[apart].mean(),
                moved[apart].max(),
                moved[rare].mean(),
                np.bincount(places).max(),
            )
        )
    names = (
        "texts",
        "mean ratio",
        "largest ratio",
        "mean moved",
        "most moved",
        "rare moved",
        "copies",
    )
    return dict(
        zip(
            names,
            np.median(np.array(told, dtype=np.float64), axis=0).round(5).tolist(),
            strict=True,
        )
    )


def _ml_ros(truth: Cells, seed: int) -> Places:
    """Algorithm 3 of the paper: in turn a text of each label above the mean imbalance ratio, until
    the label is no longer above it.
    """
    draw = np.random.default_rng(seed)
    ratios = imbalance_ratios(truth)
    mean, support = ratios.mean(), truth.sum(axis=0).astype(np.float64)
    bags = {label: np.flatnonzero(truth[:, label]) for label in np.flatnonzero(ratios > mean)}
    places = list(range(len(truth)))
    most = round(len(truth) * (1 + _GROWTH))
    while bags and len(places) < most:
        for label in list(bags):
            places.append(draw.choice(bags[label]))
            support += truth[places[-1]]
            if support.max() / support[label] <= mean:
                del bags[label]
    return np.array(places[:most])


def _lp_ros(truth: Cells, seed: int) -> Places:
    """Algorithm 2 of the paper, in turns: a text of each label set that is rarer than the
    mean, until it is as frequent.
    """
    draw = np.random.default_rng(seed)
    _, sets, counts = np.unique(truth, axis=0, return_inverse=True, return_counts=True)
    mean, reached = counts.mean(), counts.copy()
    bags = {one: np.flatnonzero(sets == one) for one in np.flatnonzero(counts < mean)}
    places = list(range(len(truth)))
    most = round(len(truth) * (1 + _GROWTH))
    while bags and len(places) < most:
        for one in list(bags):
            places.append(draw.choice(bags[one]))
            reached[one] += 1
            if reached[one] >= mean:
                del bags[one]
    return np.array(places[:most])
