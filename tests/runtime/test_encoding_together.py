"""Texts for a GPU are encoded together, ahead of those that run: what comes out is what each text
alone gives.
"""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import EngineError, InputError
from limen.format import Windows, read
from limen.padded_inference import ahead
from limen.token_encoder import TokenEncoder

TEXTS = ["happy bright", "", "the day is a day and the day " * 9, "오늘 행복해요!", "angry"]


@pytest.fixture(scope="module")
def block(golden_folder):
    return read(golden_folder / "tiny_multilabel.onnx").metadata.token_encoder


def alike(one, other):
    assert one.truncated == other.truncated
    assert len(one.more) == len(other.more)
    for found, expected in zip((one.feeds, *one.more), (other.feeds, *other.more), strict=True):
        assert found.keys() == expected.keys()
        for name, array in found.items():
            assert array.dtype == expected[name].dtype
            assert np.array_equal(array, expected[name])


@pytest.mark.parametrize("windows", [None, Windows(stride=4, aggregate="max")])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(TEXTS)))
def test_together_as_alone(block, windows, texts):
    from dataclasses import replace

    encoder = TokenEncoder(replace(block, windows=windows))
    together = encoder.encode_together(texts)
    assert len(together) == len(texts)
    for text, found in zip(texts, together, strict=True):
        alike(found, encoder.encode(text))


@pytest.mark.parametrize("wrong", [None, 7, b"happy"])
def test_what_is_no_text_is_named(block, wrong):
    with pytest.raises(InputError, match="text 1 is of type"):
        TokenEncoder(block).encode_together(["happy", wrong])


def test_a_lone_surrogate_is_an_error(block):
    with pytest.raises(EngineError, match="2 texts could not be encoded"):
        TokenEncoder(block).encode_together(["happy", "\ud800"])


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=6))
def test_pieces_come_in_order(pieces):
    assert list(ahead(sum, pieces)) == [sum(piece) for piece in pieces]


def test_the_next_piece_is_made_while_the_caller_is_busy():
    made = [threading.Event() for _ in range(3)]

    def make(piece):
        made[piece[0]].set()
        return piece[0]

    pieces = ahead(make, [[0], [1], [2]])
    assert next(pieces) == 0
    assert made[1].wait(30)
    assert not made[2].is_set()
    assert [*pieces] == [1, 2]


def test_an_error_comes_in_its_place():
    def make(piece):
        if piece == [1]:
            raise ValueError("one")
        return piece

    pieces = ahead(make, [[0], [1], [2]])
    assert next(pieces) == [0]
    with pytest.raises(ValueError, match="one"):
        next(pieces)


def test_no_thread_outlives_an_iterator_that_is_left():
    before = threading.active_count()
    pieces = ahead(lambda piece: piece, [[0], [1], [2]])
    next(pieces)
    pieces.close()
    assert threading.active_count() == before
