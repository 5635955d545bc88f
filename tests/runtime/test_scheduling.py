"""Pieces of work on threads: each once, the longest first, in order, and nothing left running."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import EngineError
from limen.scheduling import places_of_each, run_longest_first

LENGTHS = st.lists(st.integers(0, 50), max_size=60)


@given(LENGTHS, st.integers(1, 6))
def test_every_piece_is_done_once_and_comes_back_in_order(lengths, threads):
    done = []

    def work(piece):
        done.append(piece)
        return piece * 10

    found = run_longest_first(work, lengths, threads, go_on=True)
    assert found == [piece * 10 for piece in range(len(lengths))]
    assert sorted(done) == list(range(len(lengths)))


@given(LENGTHS)
def test_one_thread_takes_the_longest_first_and_equals_in_order(lengths):
    done = []
    run_longest_first(done.append, lengths, 1, go_on=True)
    assert done == sorted(range(len(lengths)), key=lambda piece: (-lengths[piece], piece))


@given(LENGTHS, st.sets(st.integers(0, 59)), st.integers(1, 4))
def test_without_going_on_all_before_the_first_failure_are_done(lengths, failing, threads):
    def work(piece):
        if piece in failing:
            raise EngineError(f"piece {piece}")
        return piece

    found = run_longest_first(work, lengths, threads, go_on=False)
    failed = [piece for piece in range(len(lengths)) if piece in failing]
    first = failed[0] if failed else len(lengths)
    assert found[:first] == list(range(first))
    if failed:
        assert str(found[first]) == f"piece {first}"


@given(LENGTHS, st.sets(st.integers(0, 59)), st.integers(1, 4))
def test_going_on_every_other_piece_is_done(lengths, failing, threads):
    def work(piece):
        if piece in failing:
            raise EngineError(f"piece {piece}")
        return piece

    for piece, found in enumerate(run_longest_first(work, lengths, threads, go_on=True)):
        assert (str(found) == f"piece {piece}") if piece in failing else found == piece


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
@pytest.mark.parametrize("threads", [1, 4])
def test_a_foreign_exception_ends_the_work_and_reaches_the_caller(kind, threads):
    done = []

    def work(piece):
        if piece == 3:
            raise kind
        done.append(piece)

    before = threading.active_count()
    with pytest.raises(kind):
        run_longest_first(work, [1] * 10_000, threads, go_on=True)
    assert threading.active_count() == before
    assert len(done) < 10_000


def test_as_many_at_once_as_there_are_threads():
    together = threading.Barrier(3, timeout=10)
    run_longest_first(lambda _: together.wait(), [1, 1, 1], 3, go_on=True)


@given(st.lists(st.one_of(st.text(max_size=2), st.integers(0, 3))))
def test_places_of_each_lead_back_to_every_key(keys):
    firsts, which = places_of_each(keys)
    assert [keys[firsts[number]] for number in which] == keys
    assert len({keys[place] for place in firsts}) == len(firsts)
    assert firsts == sorted(firsts)
