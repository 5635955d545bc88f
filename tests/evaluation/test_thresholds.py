"""Fitted thresholds are the best there are: everything is compared with brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.cuts import cuts_of
from limen.evaluation.thresholds import (
    Grid,
    best_f1,
    best_f1_on_grid,
    best_micro_f1,
    cheapest,
    highest_with_recall,
    lowest_with_precision,
)

FREE = settings(deadline=None)
SCORE = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1, width=32))
ROWS = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=25)
LEVEL = st.sampled_from([0.001, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 0.9, 0.999])
LOST = st.integers(0, 4)
"""True texts that cannot be given to the label, since another one won them."""


def arrays(rows):
    scores = np.array([score for score, _ in rows], dtype=np.float32)
    return scores, np.array([true for _, true in rows], dtype=bool)


def cuts_with(rows, lost):
    scores, truth = arrays(rows)
    return cuts_of(scores, truth, int(truth.sum()) + lost)


def outcome(rows, threshold, lost=0):
    """Hits, wrong and missed at a threshold; None gives nothing."""
    scores, truth = arrays(rows)
    reached = np.zeros(len(rows), bool) if threshold is None else scores >= np.float32(threshold)
    hits = int((reached & truth).sum())
    return hits, int(reached.sum()) - hits, int(truth.sum()) + lost - hits


def f1(hits, wrong, missed):
    return 2 * hits / max(2 * hits + wrong + missed, 1)


def all_outcomes(rows, lost=0):
    """Every way to part the texts: (highest threshold that does it, outcome), the highest first."""
    scores, _ = arrays(rows)
    ways = [None, *sorted(set(scores.tolist()), reverse=True)]
    return [(way, outcome(rows, way, lost)) for way in ways]


@FREE
@given(ROWS, LOST)
@example([(0.0, True), (0.5, False)], 0)
@example([(1.0, False), (1.0, True)], 2)
def test_best_f1_is_that_of_brute_force(rows, lost):
    threshold = best_f1(cuts_with(rows, lost))
    assert 0.0 <= threshold <= 1.0
    best = max(f1(*found) for _, found in all_outcomes(rows, lost))
    assert f1(*outcome(rows, threshold, lost)) == pytest.approx(best)


def test_of_equal_thresholds_the_highest_is_taken():
    rows = [(0.9, True), (0.8, False), (0.7, True), (0.1, False), (0.05, False)]
    assert f1(*outcome(rows, 0.85)) < f1(*outcome(rows, 0.4))
    # One of two found, or both found with two wrong: 2 / 3 either way.
    rows = [(0.9, True), (0.8, False), (0.7, False), (0.6, True)]
    assert f1(*outcome(rows, 0.85)) == f1(*outcome(rows, 0.3))
    assert best_f1(cuts_with(rows, 0)) == pytest.approx(0.85)


def test_without_texts_there_is_half():
    assert best_f1(cuts_of(np.zeros(0, np.float32), np.zeros(0, bool), 2)) == 0.5


MATRIX = st.integers(1, 3).flatmap(
    lambda labels: st.lists(
        st.lists(st.tuples(SCORE, st.booleans()), min_size=labels, max_size=labels),
        min_size=1,
        max_size=6,
    )
)


@settings(deadline=None, max_examples=200)
@given(MATRIX)
@example([[(0.5, False), (0.5, False)]])
@example([[(1.0, False), (0.2, True)], [(0.0, True), (0.3, False)]])
def test_best_micro_f1_is_that_of_all_combinations(matrix):
    columns = [[row[label] for row in matrix] for label in range(len(matrix[0]))]
    found = best_micro_f1(tuple(cuts_with(column, 0) for column in columns))
    pairs = zip(columns, found, strict=True)
    reached = np.sum([outcome(column, threshold) for column, threshold in pairs], axis=0)
    ways = product(*([way for _, way in all_outcomes(column)] for column in columns))
    best = max(f1(*np.sum(way, axis=0)) for way in ways)
    assert f1(*reached) == pytest.approx(best)
    assert all(one is None or 0.0 <= one <= 1.0 for one in found)


def test_micro_f1_never_gives_a_label_that_no_text_has():
    """It could only be wrong: the best there is gives nothing, alone or beside other labels."""
    never, some = [(0.9, False), (0.4, False)], [(0.8, True), (0.3, False)]
    for columns in ([never], [never, never], [never, some]):
        found = best_micro_f1(tuple(cuts_with(column, 0) for column in columns))
        assert outcome(never, found[0]) == (0, 0, 0)


@FREE
@given(ROWS, LOST, st.sampled_from(["0.1:0.9:0.05", "0:1:0.25", "0.5:0.5:1", "0.05:0.951:0.1"]))
def test_grid_is_the_loop_of_tutorials(rows, lost, written):
    scores, truth = arrays(rows)
    start, stop, step = (float(part) for part in written.split(":"))
    best, kept = -1.0, None
    for threshold in np.arange(start, stop + 1e-9, step):
        found = f1(*outcome(rows, round(threshold, 12), lost))
        if found > best:
            best, kept = found, threshold
    positives = int(truth.sum()) + lost
    assert best_f1_on_grid(scores, truth, Grid.parse(written), positives) == pytest.approx(kept)


@pytest.mark.parametrize(
    ("written", "thresholds"),
    [
        ("0:1:0.25", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("0.1:0.35:0.1", [0.1, 0.2, 0.3]),
        ("0.4:0.4:0.1", [0.4]),
        (" 0.4 : 0.5 : 0.1 ", [0.4, 0.5]),
        ("0.1:0.9:5", [0.1]),
    ],
)
def test_grid_is_read(written, thresholds):
    assert Grid.parse(written).thresholds.tolist() == thresholds


@pytest.mark.parametrize(
    "written",
    [
        *("", "0.1", "0.1:0.9", "0.1:0.9:0.05:1", "a:b:c", "0.1,0.9,0.05", "0.1:0.9:"),
        *("0.9:0.1:0.05", "-0.1:0.9:0.1", "0.1:1.1:0.1", "0.1:0.9:0", "0.1:0.9:-0.1"),
        *("nan:0.9:0.1", "0.1:nan:0.1", "0.1:0.9:nan", "0:inf:0.1", "0:1:1e-9"),
    ],
)
def test_what_is_no_grid_is_refused(written):
    with pytest.raises(InputError, match=r"such as 0\.1:0\.9:0\.05"):
        Grid.parse(written)


@FREE
@given(ROWS, LOST, LEVEL)
def test_lowest_threshold_with_a_precision(rows, lost, level):
    ways = [
        (hits, wrong, missed)
        for _, (hits, wrong, missed) in all_outcomes(rows, lost)
        if hits + wrong and hits >= level * (hits + wrong) - 1e-9
    ]
    threshold = lowest_with_precision(cuts_with(rows, lost), level)
    if ways:
        assert outcome(rows, threshold, lost) == ways[-1]
    else:
        assert threshold is None


@FREE
@given(ROWS, LOST, LEVEL)
def test_highest_threshold_with_a_recall(rows, lost, level):
    ways = [
        (hits, wrong, missed)
        for _, (hits, wrong, missed) in all_outcomes(rows, lost)
        if hits + missed and hits >= level * (hits + missed) - 1e-9
    ]
    threshold = highest_with_recall(cuts_with(rows, lost), level)
    if ways:
        assert outcome(rows, threshold, lost) == ways[0]
    else:
        assert threshold is None


COST = st.sampled_from([0.25, 1.0, 2.0, 5.0, 100.0])


@FREE
@given(ROWS, LOST, COST, COST)
def test_cheapest_threshold_costs_least(rows, lost, false_positive, false_negative):
    def cost(found):
        return false_positive * found[1] + false_negative * found[2]

    ways = [found for _, found in all_outcomes(rows, lost)]
    threshold = cheapest(cuts_with(rows, lost), false_positive, false_negative)
    found = outcome(rows, threshold, lost)
    assert cost(found) == pytest.approx(min(cost(way) for way in ways))
    assert found == next(way for way in ways if cost(way) == pytest.approx(cost(found)))


@FREE
@given(ROWS, st.randoms(use_true_random=False))
def test_copies_of_the_texts_change_nothing(rows, random):
    """Each text twice, in any order: every share stays, so what is best stays."""
    assume(any(true for _, true in rows))
    twice = rows * 2
    random.shuffle(twice)
    for search in (best_f1, lambda cuts: lowest_with_precision(cuts, 0.75)):
        assert search(cuts_with(rows, 0)) == search(cuts_with(twice, 0))


def test_with_right_probabilities_the_cheapest_is_the_share_of_the_costs():
    """Elkan 2001: fp / (fp + fn)."""
    draw = np.random.default_rng(8)
    scores = draw.random(200_000).astype(np.float32)
    cuts = cuts_of(scores, draw.random(200_000) < scores)
    for costs in ((1, 1), (1, 4), (3, 1)):
        assert cheapest(cuts, *costs) == pytest.approx(costs[0] / sum(costs), abs=0.03)
