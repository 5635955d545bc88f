"""Work beside the caller's: its result or its error, and no thread left behind."""

import gc
import threading
import time
import weakref

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
        time.sleep(0.2)
        ended.append(True)

    def fail():
        with Meanwhile(work):
            may_end.set()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert ended == [True]


def test_an_interrupt_waits_for_the_work(monkeypatch):
    ended = []

    def work():
        time.sleep(0.2)
        ended.append(True)

    meanwhile = Meanwhile(work)
    join, interrupts = meanwhile._thread.join, [KeyboardInterrupt]

    def interrupted():
        if interrupts:
            raise interrupts.pop()
        join()

    monkeypatch.setattr(meanwhile._thread, "join", interrupted)
    meanwhile.start()
    with pytest.raises(KeyboardInterrupt):
        meanwhile.wait()
    assert ended == [True]


def test_without_a_thread_to_be_had_the_caller_does_the_work(monkeypatch):
    def refused(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with Meanwhile(threading.current_thread) as meanwhile:
        pass
    assert meanwhile.result() is threading.current_thread()


def test_what_failed_is_not_kept():
    class Given:
        pass

    given = Given()
    left = weakref.ref(given)

    def work(_):
        raise ValueError("of the work")

    gc.disable()
    try:
        with Meanwhile(lambda given=given: work(given)) as meanwhile:
            del given
        with pytest.raises(ValueError, match="of the work") as caught:
            meanwhile.result()
        del caught, meanwhile
        assert left() is None
    finally:
        gc.enable()
