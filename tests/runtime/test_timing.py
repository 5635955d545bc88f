"""The timer: percentiles of known numbers, and warm-up calls that are not counted."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.timing import summarise_ms, time_calls

TIMES = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


def test_percentiles_of_known_numbers():
    """0, 1, ..., 100: the p-th percentile is p."""
    found = summarise_ms([float(value) for value in reversed(range(101))])
    assert asdict(found) == {
        "p50": 50.0,
        "p90": 90.0,
        "p99": 99.0,
        "max": 100.0,
        "spread": 50.0,
        "calls": 101,
    }


def test_percentiles_between_two_numbers_are_interpolated():
    found = summarise_ms([10.0, 20.0])
    assert (found.p50, found.p90, found.max) == (15.0, 19.0, 20.0)
    assert found.p99 == pytest.approx(19.9)
    assert found.spread == pytest.approx(5.0)


def test_one_call_is_its_own_percentiles():
    found = summarise_ms([3.5])
    assert (found.p50, found.p90, found.p99, found.max) == (3.5, 3.5, 3.5, 3.5)
    assert (found.spread, found.calls) == (0.0, 1)


@given(TIMES)
def test_percentiles_are_in_order_and_in_range(times):
    found = summarise_ms(times)
    slack = 1e-6
    assert min(times) - slack <= found.p50 <= found.p90 + slack
    assert found.p90 <= found.p99 + slack
    assert found.p99 <= found.max + slack
    assert found.max == max(times)
    assert found.spread >= 0
    assert found.calls == len(times)


@given(TIMES, st.randoms())
def test_the_order_of_calls_does_not_count(times, random):
    shuffled = list(times)
    random.shuffle(shuffled)
    assert summarise_ms(shuffled) == summarise_ms(times)


@pytest.mark.parametrize("warm_up", [0, 1, 3, 7])
def test_warm_up_calls_are_made_first_and_not_counted(warm_up):
    items, called = ["a", "b", "c"], []
    found = time_calls(called.append, items, warm_up)
    assert called == [items[index % 3] for index in range(warm_up)] + items
    assert found.calls == 3


def test_what_is_timed_is_in_milliseconds(monkeypatch):
    """A clock that a call advances by two, four and six thousandths of a second."""
    from limen import timing

    now = [0]
    monkeypatch.setattr(timing, "perf_counter_ns", lambda: now[0])

    def call(milliseconds):
        now[0] += milliseconds * 1_000_000

    found = time_calls(call, [2, 4, 6], warm_up=2)
    assert (found.p50, found.max, found.spread, found.calls) == (4.0, 6.0, 2.0, 3)


def test_an_error_of_the_call_comes_through():
    with pytest.raises(ZeroDivisionError):
        time_calls(lambda item: 1 / item, [1, 0], warm_up=0)
