"""Models after a fork: the same answers, and no lock that a thread of the parent held."""

import os
import threading
import time

import pytest
from limen.forking import ForkGate

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

TEXTS = [f"happy day {number} 오늘" for number in range(50)]

# Python 3.12 warns that a process with threads forks, which is what is tested here.
FORKS = """
import asyncio, os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import limen
texts = [f"happy day {number} 오늘" for number in range(50)]
model = limen.load(sys.argv[1], threads=3)
expected = model.predict(texts)
asyncio.run(model.predict_async("day"))
stop = threading.Event()
def busy():
    while not stop.is_set():
        assert model.predict(texts) == expected
threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads: thread.start()
failed = 0
for turn in range(25):
    child = os.fork()
    if child == 0:
        good = model.predict(texts) == expected
        good = good and [model(text) for text in texts] == expected
        good = good and asyncio.run(model.predict_async(texts[0])) == expected[0]
        os._exit(0 if good else 1)
    failed += os.waitpid(child, 0)[1] != 0
stop.set()
for thread in threads: thread.join()
print(failed)
"""


def test_children_of_a_busy_process_decide_alike(fresh, path):
    done = fresh("-c", FORKS, path)
    assert done.stderr == b""
    assert done.stdout.split() == [b"0"]


def test_a_model_closes_in_a_child_without_harm_to_the_parent(fresh, path):
    script = (
        "import asyncio, os, sys, limen\n"
        "model = limen.load(sys.argv[1]); expected = model('day')\n"
        "asyncio.run(model.predict_async('day'))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    model.close(); os._exit(0)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "print(status, model('day') == expected,\n"
        "      asyncio.run(model.predict_async('day')) == expected)\n"
    )
    assert fresh("-c", script, path).stdout.split() == [b"0", b"True", b"True"]


def test_the_gate_waits_for_those_inside_and_keeps_others_out():
    gate, events = ForkGate(), []
    inside, leave = threading.Event(), threading.Event()

    def visitor():
        with gate:
            inside.set()
            leave.wait(10)
            events.append("left")

    def late():
        with gate:
            events.append("late")

    first = threading.Thread(target=visitor)
    first.start()
    inside.wait(10)

    def fork():
        gate.close()
        events.append("closed")
        second.start()
        time.sleep(0.05)
        events.append("opens")
        gate.open()

    second, forking = threading.Thread(target=late), threading.Thread(target=fork)
    forking.start()
    time.sleep(0.05)
    leave.set()
    for thread in (first, forking, second):
        thread.join(10)
    assert events == ["left", "closed", "opens", "late"]


def test_a_spawned_program_waits_for_nobody(multilabel, fresh):
    """subprocess runs no handlers of forks."""
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            multilabel.predict(TEXTS)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        assert fresh("-c", "print(1)").stdout.split() == [b"1"]
    finally:
        stop.set()
        thread.join()
