"""Work beside the caller's: its result or its error, and no thread left behind."""

import threading

import pytest
from limen.meanwhile import Meanwhile


def test_the_caller_goes_on_and_then_has_the_result():
    begun = threading.Event()

    def work():
        assert begun.wait(30)
        return threading.current_thread() is not threading.main_thread()

    with Meanwhile(work) as meanwhile:
        begun.set()
    assert meanwhile.result() is True


def test_an_error_is_raised_where_the_result_is_asked_for():
    def work():
        raise ValueError("of the work")

    with Meanwhile(work) as meanwhile:
        pass
    with pytest.raises(ValueError, match="of the work"):
        meanwhile.result()


def test_no_thread_outlives_a_caller_that_fails():
    may_end = threading.Event()
    ended = []

    def work():
        assert may_end.wait(30)
        ended.append(True)

    def fail():
        with Meanwhile(work):
            may_end.set()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ended == [True]
