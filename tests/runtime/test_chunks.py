"""Pieces of work in two steps: each once, errors in the caller's order, long pieces apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.chunks import MOST_IN_A_CHUNK, chunks_of_like_length, run_in_chunks
from limen.errors import EngineError

LENGTHS = st.lists(st.integers(0, 2_000), max_size=200)
THREADS = st.integers(1, 6)


@given(LENGTHS, THREADS)
def test_chunks_hold_every_place_once_and_suffice_for_all_threads(lengths, threads):
    chunks = chunks_of_like_length(lengths, threads)
    order = [place for chunk in chunks for place in chunk]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[place] for place in order] == sorted(lengths, reverse=True)
    assert all(1 <= len(chunk) <= MOST_IN_A_CHUNK for chunk in chunks)
    assert len(chunks) >= min(len(lengths), threads)
    work = [sum(lengths[place] for place in chunk) for chunk in chunks if len(chunk) > 1]
    assert max(work, default=0) <= sum(lengths) / threads / 4


def test_many_short_pieces_share_chunks():
    assert len(chunks_of_like_length([5] * 800, 2)) == 100


@given(LENGTHS, THREADS, st.sets(st.integers(0, 199), max_size=4), st.booleans())
def test_pieces_before_the_first_that_fails_are_done(lengths, threads, failing, go_on):
    prepared = []

    def prepare(place):
        prepared.append(place)
        return place * 10

    def finish(place, given):
        return EngineError(f"{place}") if place in failing else (place, given)

    found = run_in_chunks(prepare, finish, lengths, threads, go_on=go_on)
    first = min([place for place in failing if place < len(lengths)], default=len(lengths))
    assert found[:first] == [(place, place * 10) for place in range(first)]
    errors = [one for one in found if isinstance(one, EngineError)]
    if first < len(lengths):
        assert str(errors[0]) == str(first)
    if go_on:
        assert sorted(prepared) == list(range(len(lengths)))
        assert None not in found
        assert len(errors) == len([place for place in failing if place < len(lengths)])


def test_what_follows_a_failure_is_left_out():
    done = []

    def finish(place, _):
        done.append(place)
        return EngineError("no") if place == 0 else place

    run_in_chunks(lambda place: place, finish, list(range(100, 0, -1)), 1, go_on=False)
    assert done == [0]


def test_a_foreign_error_ends_the_call_and_the_chunk():
    done = []

    def finish(place, _):
        done.append(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_chunks(lambda place: place, finish, [1] * 100, 1, go_on=True)
    assert len(done) == 1
