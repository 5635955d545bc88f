"""Texts from which a tiny model can learn their labels: each label has a word of its own."""

import numpy as np

FILLING = ("the", "day", "was", "very", "not", "하루")
SIGNS = ("good", "bad", "오늘", "정말", "행복", "a b", "c d", "e f")


def one_label(count, labels=3, seed=0):
    """Return texts and bool (texts, labels) with one true label each; rarer the later it stands."""
    random = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, labels + 1)
    classes = random.choice(labels, size=count, p=weights / weights.sum())
    classes[:labels] = classes[labels : 2 * labels] = np.arange(labels)
    texts = tuple(_text([place], row, random) for row, place in enumerate(classes))
    return texts, np.eye(labels, dtype=bool)[classes]


def several_labels(count, labels=3, seed=0):
    """Return texts and bool (texts, labels) with any number of true labels each."""
    random = np.random.default_rng(seed)
    truth = random.random((count, labels)) < 0.4
    truth[:labels] |= np.eye(labels, dtype=bool)
    texts = tuple(_text(np.flatnonzero(row), at, random) for at, row in enumerate(truth))
    return texts, truth


def _text(places, row, random):
    words = [SIGNS[place] for place in places for _ in range(2)]
    words += list(random.choice(FILLING, size=random.integers(2, 6)))
    random.shuffle(words)
    # A number of its own: no two texts are equal.
    return " ".join([*words, str(row)])
