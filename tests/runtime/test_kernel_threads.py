"""One text on several kernel threads: only where it is faster, and never with other bits."""

import os
import threading
import time

import limen
import numpy as np
import pytest
from limen import lone_texts
from limen.errors import InputError
from limen.lone_texts import KernelThreads

TEXT = "the joy of a long walk " * 4


@pytest.fixture(params=[0.0, 1e9], ids=["always faster", "never faster"])
def least_gain(request, monkeypatch):
    monkeypatch.setattr(lone_texts, "_LEAST_GAIN", request.param)
    return request.param


def test_the_scores_are_the_same_to_the_bit(path, least_gain):
    texts = [TEXT[:length] for length in range(0, len(TEXT), 7)]
    with limen.load(path) as usual, limen.load(path, kernel_threads=2) as several:
        for text in texts:
            assert dict(several(text).scores) == dict(usual(text).scores)
        np.testing.assert_array_equal(several.scores(texts), usual.scores(texts))


def test_it_says_what_it_chose_and_why(path, least_gain):
    with limen.load(path, kernel_threads=2) as model:
        chosen = model.kernel_threads
        assert chosen.threads == (2 if least_gain == 0.0 else 1)
        assert (chosen.from_tokens > 0) == (least_gain == 0.0)
        assert "times faster by tokens" in chosen.why
    with limen.load(path) as model:
        assert model.kernel_threads == KernelThreads(1, 0, "one thread a text, as usual")


@pytest.mark.parametrize("asked", [0, -1, 1.5, "two"])
def test_other_numbers_are_refused(path, asked):
    with pytest.raises(InputError, match=r"kernel_threads=.*expected 1 or more"):
        limen.load(path, kernel_threads=asked)


def test_many_callers_at_once(path, monkeypatch):
    monkeypatch.setattr(lone_texts, "_LEAST_GAIN", 0.0)
    with limen.load(path, kernel_threads=2) as model:
        expected, wrong = dict(model(TEXT).scores), []

        def ask():
            for _ in range(50):
                if dict(model(TEXT).scores) != expected:
                    wrong.append(1)

        callers = [threading.Thread(target=ask) for _ in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert not wrong


def test_idle_threads_do_not_spin(path, monkeypatch):
    monkeypatch.setattr(lone_texts, "_LEAST_GAIN", 0.0)
    with limen.load(path, kernel_threads=2) as model:
        model(TEXT)
        # A thread may take a moment to fall asleep.
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.05


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_of_a_fork_decides_and_ends(path, monkeypatch):
    monkeypatch.setattr(lone_texts, "_LEAST_GAIN", 0.0)
    with limen.load(path, kernel_threads=2) as model:
        expected = dict(model(TEXT).scores)
        child = os.fork()
        if child == 0:
            same = dict(model(TEXT).scores) == expected
            model.close()
            del model
            os._exit(0 if same else 1)
        until = time.monotonic() + 20
        done, status = os.waitpid(child, os.WNOHANG)
        while not done and time.monotonic() < until:
            time.sleep(0.02)
            done, status = os.waitpid(child, os.WNOHANG)
        if not done:
            os.kill(child, 9)
            os.waitpid(child, 0)
        assert done == child
        assert status == 0
