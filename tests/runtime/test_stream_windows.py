"""A stream cut into windows: nothing lost, nothing taken ahead, little in memory."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.stream_windows import WINDOW_CHARACTERS, WINDOW_TEXTS, windows


@given(st.integers(0, 3 * WINDOW_TEXTS + 1))
def test_every_text_is_in_one_window_in_order(count):
    cut = list(windows(str(number) for number in range(count)))
    assert list(chain.from_iterable(cut)) == [str(number) for number in range(count)]
    assert all(0 < len(window) <= WINDOW_TEXTS for window in cut)


def test_long_texts_fill_a_window_sooner():
    cut = list(windows(["x" * (WINDOW_CHARACTERS // 2)] * 7))
    assert [len(window) for window in cut] == [2, 2, 2, 1]


def test_what_is_no_text_is_passed_on():
    assert list(windows([None, 7, "a"])) == [[None, 7, "a"]]


@pytest.mark.parametrize("count", [0, 1, WINDOW_TEXTS - 1, WINDOW_TEXTS, WINDOW_TEXTS + 5])
def test_what_came_before_a_failing_source_comes_first(count):
    def source():
        yield from map(str, range(count))
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(chain.from_iterable(windows(source())))
    assert found == [str(number) for number in range(count)]


def test_a_window_is_taken_only_when_asked_for():
    taken = []
    source = (taken.append(number) or str(number) for number in range(10 * WINDOW_TEXTS))
    cut = windows(source)
    next(cut)
    assert len(taken) == WINDOW_TEXTS
