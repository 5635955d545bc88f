"""What was seen of runs: a difference is final, whoever saw it."""

import threading

import numpy as np
from limen.same_bits import LOOKED_AT, SameBits


def rows(seed, count=LOOKED_AT):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def test_a_difference_is_final():
    seen, alike = SameBits(), rows(0)
    seen.note(1, alike, alike + 1)
    seen.note(1, alike, alike)
    assert seen.known(1) is False
    assert seen.known(2) is None


def test_kinds_are_apart():
    seen, alike = SameBits(), rows(0)
    seen.note(1, alike, alike)
    seen.give_up(2)
    assert (seen.known(1), seen.known(2)) == (True, False)


def test_minus_zero_is_another_number():
    seen, zeros = SameBits(), np.zeros((LOOKED_AT, 3), np.float32)
    seen.note(1, zeros, -zeros)
    assert seen.known(1) is False


def test_one_thread_that_saw_a_difference_outweighs_many():
    for _ in range(50):
        seen = SameBits()
        start = threading.Barrier(4)

        def look(place, seen=seen, start=start):
            start.wait()
            alike = rows(place)
            seen.note(1, alike, alike if place else alike + 1)

        threads = [threading.Thread(target=look, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen.known(1) is False
