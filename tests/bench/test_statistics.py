"""Intervals that hold what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen_bench import statistics as bench_statistics
from limen_bench.statistics import paired_ratio, spread, tail_probability, unpaired_ratio

SIMULATIONS = 300
FIGURES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=15)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bench_statistics, "_RESAMPLES", 1_000)


def noise(kind, random, count):
    return random.normal(0, 0.03, count) if kind == "normal" else 0.02 * random.standard_t(2, count)


def simulated(compare, factor, kind, rounds):
    random = np.random.default_rng(17)
    for _ in range(SIMULATIONS):
        busy = np.exp(random.normal(0, 0.3, rounds)) if compare is paired_ratio else 1.0
        above = factor * busy * np.exp(noise(kind, random, rounds))
        yield compare(above, busy * np.exp(noise(kind, random, rounds)))


@pytest.mark.parametrize("compare", [paired_ratio, unpaired_ratio])
@pytest.mark.parametrize("kind", ["normal", "heavy"])
@pytest.mark.parametrize("rounds", [5, 7, 9])
def test_no_difference_is_found_where_there_is_none(quick, compare, kind, rounds):
    """Nominally 95 %; 89 % leaves room for the small samples and for 300 simulations."""
    found = [ratio.differs for ratio in simulated(compare, 1.0, kind, rounds)]
    assert np.mean(found) <= 0.11


@pytest.mark.parametrize("factor", [1.1, 1 / 1.1])
def test_ten_per_cent_are_found(quick, factor):
    found = [*simulated(paired_ratio, factor, "normal", 7)]
    assert np.mean([ratio.differs for ratio in found]) >= 0.85
    assert np.median([ratio.median for ratio in found]) == pytest.approx(factor, rel=0.01)


def test_a_machine_that_is_slow_for_a_round_cancels_out():
    slow = np.array([1.0, 9.0, 1.0, 3.0, 1.0])
    ratio = paired_ratio(2.0 * slow, slow)
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((2.0, 2.0, 2.0))


def test_one_round_proves_nothing():
    ratio = paired_ratio([3.0], [1.0])
    assert (ratio.low, ratio.high, ratio.differs) == (pytest.approx(3), pytest.approx(3), False)


def test_the_tail_is_that_of_the_expanded_interval():
    """Hesterberg 2015: for n = 20 the expanded percentile interval cuts off about 1.6 %."""
    assert tail_probability(20) == pytest.approx(0.0159, abs=1e-3)
    assert tail_probability(10_000) == pytest.approx(0.025, abs=1e-4)


@given(FIGURES)
def test_a_ratio_lies_inside_its_interval_and_the_other_way_round_is_its_inverse(figures):
    others = figures[::-1]
    ratio, inverse = paired_ratio(figures, others), paired_ratio(others, figures)
    assert ratio.low <= ratio.median * (1 + 1e-9)
    assert ratio.median <= ratio.high * (1 + 1e-9)
    assert ratio.median * inverse.median == pytest.approx(1.0)
    assert math.isfinite(ratio.high)


@given(FIGURES)
def test_spread_is_in_order(figures):
    found = spread(figures)
    assert min(figures) <= found.low <= found.median <= found.high <= max(figures)
    assert found.rounds == len(figures)
