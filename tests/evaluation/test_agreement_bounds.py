"""Lower bounds of agreement: never above what holds more often than promised, never certain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.evaluation.agreement_bounds import (
    CONFIDENCE,
    cells_low,
    cells_needed,
    texts_low,
    texts_needed,
)
from scipy.stats import binom

COUNTS = st.integers(1, 5_000)


@given(COUNTS, st.data())
def test_share_of_texts_is_the_exact_binomial_bound(texts, data):
    alike = data.draw(st.integers(1, texts))
    low = texts_low(alike, texts)
    # The definition: with the share at the bound, so many alike or more happen once in twenty.
    assert binom.sf(alike - 1, texts, low) == pytest.approx(1.0 - CONFIDENCE, abs=1e-9)


@given(COUNTS)
def test_no_number_of_texts_is_certain(texts):
    assert texts_low(texts, texts) < 1.0
    assert cells_low(np.zeros(texts, dtype=np.int64), 8, 3) < 1.0
    assert texts_low(0, texts) == 0.0


@given(st.data(), st.integers(1, 30), COUNTS)
def test_a_bound_is_below_the_share_and_in_range(data, most, texts):
    labels = data.draw(st.integers(most, 40))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    differing = draw.integers(0, most + 1, texts) * (draw.random(texts) < draw.random())
    low = cells_low(differing, labels, most)
    assert 0.0 <= low < 1.0
    assert low <= 1.0 - differing.mean() / labels + 1e-12


@given(st.lists(st.integers(0, 4), min_size=2, max_size=50), st.randoms())
def test_the_order_of_texts_does_not_matter_and_more_difference_lowers_it(differing, random):
    shuffled = random.sample(differing, len(differing))
    first, second = (cells_low(np.array(rows), 9, 4) for rows in (differing, shuffled))
    assert first == pytest.approx(second, abs=1e-12)
    worse = np.minimum(np.array(differing) + 1, 4)
    assert cells_low(worse, 9, 4) <= first + 1e-12


@given(st.floats(0.01, 0.9999))
def test_texts_needed_are_needed_and_enough(least):
    needed = texts_needed(least)
    assert texts_low(needed, needed) >= least - 1e-9
    assert needed == 1 or texts_low(needed - 1, needed - 1) < least + 1e-9


@given(st.floats(0.5, 0.9999), st.integers(1, 30), st.data())
def test_cells_needed_are_needed_and_enough(least, most, data):
    labels = data.draw(st.integers(most, 40))
    needed = cells_needed(least, labels, most)
    assert cells_low(np.zeros(needed, dtype=np.int64), labels, most) >= least - 1e-6
    assert needed == 1 or cells_low(np.zeros(needed - 1, dtype=np.int64), labels, most) < least


def test_the_usual_gate_is_in_reach_of_a_few_hundred_texts():
    assert texts_needed(0.99) == 299
    assert cells_needed(0.995, 28, 3) < 100
    assert cells_needed(0.995, 8, 3) < 300


def single_flips(draw, texts):
    given = 1 + draw.poisson(0.4, texts)
    return given, np.where(draw.random(texts) < 0.05, 1, 0)


def whole_sets(draw, texts):
    given = 1 + draw.poisson(1.0, texts)
    return given, np.where(draw.random(texts) < 0.03, given, 0)


def one_label(draw, texts):
    return np.full(texts, 2), np.where(draw.random(texts) < 0.01, 2, 0)


@pytest.mark.parametrize("kind", [single_flips, whole_sets, one_label])
@pytest.mark.parametrize("texts", [60, 300, 2_000])
def test_bounds_hold_as_often_as_they_say(kind, texts):
    labels, draw = 12, np.random.default_rng(7)
    _, many = kind(draw, 400_000)
    truth = 1.0 - many.mean() / labels
    held = []
    for _ in range(300):
        given, differing = kind(draw, texts)
        held.append(cells_low(differing, labels, int(given.max())) <= truth)
    # Three standard errors below 95 %: what chance does to 300 draws.
    assert np.mean(held) > CONFIDENCE - 3 * np.sqrt(0.05 * 0.95 / 300)
