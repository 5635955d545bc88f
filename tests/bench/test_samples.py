"""Samples: the same mixture of lengths whatever their number, and no text twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen_bench.tasks.counts import enough
from limen_bench.tasks.task import Sample

LENGTHS = st.lists(st.integers(1, 512), min_size=1, max_size=200)


def sample(lengths):
    return Sample(tuple(f"text {place}" for place in range(len(lengths))), tuple(lengths))


@given(LENGTHS, st.integers(1, 250))
def test_a_sample_takes_distinct_texts_with_their_own_lengths(tokens, count):
    whole = sample(tokens)
    taken = whole.spread(count)
    assert len(taken.texts) == min(count, len(tokens))
    assert len(set(taken.texts)) == len(taken.texts)
    assert all(
        tokens[int(text.split()[1])] == length
        for text, length in zip(taken.texts, taken.lengths, strict=True)
    )
    assert whole.spread(count) == taken


@pytest.mark.parametrize("count", [20, 50, 333, 1_000])
def test_a_smaller_sample_is_as_long_on_average(count):
    tokens = np.random.default_rng(3).geometric(0.05, 1_000)
    whole = sample([int(length) for length in tokens])
    assert np.mean(whole.spread(count).lengths) == pytest.approx(tokens.mean(), rel=0.05)


def test_by_length_is_longest_first():
    assert sample([3, 9, 1, 9]).by_length().texts == ("text 1", "text 3", "text 0", "text 2")


@given(LENGTHS, st.integers(1, 500))
def test_repeated_texts_are_told_apart(tokens, count):
    found = enough(sample(tokens), count)
    assert len(found.texts) == len(found.lengths) == count
    assert len(set(found.texts)) == count
