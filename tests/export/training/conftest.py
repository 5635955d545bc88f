"""Labelled texts for tests of training: true labels of real data, and texts made up."""

import csv

import numpy as np
import pytest

REAL = {
    "goemotions": ("data/goemotions/train_20k.tsv", 0, 1, 28, csv.QUOTE_NONE),
    "kote": ("data/kote/val.tsv", 1, 2, 44, csv.QUOTE_MINIMAL),
}


@pytest.fixture(scope="session", params=REAL)
def real_emotions(request, shared):
    """Multi-label emotions, English and Korean."""
    path, text, places, labels, quoting = REAL[request.param]
    with (shared / path).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=quoting))
    truth = np.zeros((len(rows), labels), dtype=np.bool_)
    for row, cells in enumerate(rows):
        if cells[places]:
            truth[row, [int(place) for place in cells[places].split(",")]] = True
    return examples_of(truth, "multilabel", texts=tuple(cells[text] for cells in rows))


@pytest.fixture(scope="session")
def make_examples():
    """Return (truth or places of classes) -> Examples."""

    def made(given):
        given = np.asarray(given)
        if given.ndim == 2:
            return examples_of(given.astype(np.bool_), "multilabel")
        return examples_of(np.eye(given.max() + 1, dtype=np.bool_)[given], "multiclass")

    return made


def examples_of(truth, task, texts=None):
    from limen_export.training.examples import Examples

    texts = texts or tuple(f"text {place}" for place in range(len(truth)))
    return Examples("made", texts, truth, tuple(f"l{n}" for n in range(truth.shape[1])), task)
