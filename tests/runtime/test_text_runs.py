"""Texts one behind another in one run: all of them, in their places, with the bits of each
alone.
"""

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.encoder import Encoded
from limen.errors import EngineError
from limen.run_sizes import MOST_CHARACTERS, MOST_TEXTS, run_slices
from limen.same_bits import LOOKED_AT
from limen.text_runs import TextRuns

END = 1_000


class Ended:
    """An engine whose logits are sums of ids between ends; `leak` of them come from the text
    before.
    """

    outputs = 2

    def __init__(self, leak=0.0):
        self.leak, self.runs = leak, []

    def rows(self, feeds, texts=None):
        ids = feeds["input_ids"][0]
        pieces = np.split(ids, np.flatnonzero(ids == END) + 1)[:-1]
        self.runs.append(len(pieces))
        assert texts in (None, len(pieces))
        sums = np.array([piece.sum() for piece in pieces], np.float64)
        own = sums + self.leak * np.concatenate([[0.0], sums[:-1]])
        return np.stack([own, -own], axis=1).astype(np.float32)

    def logits(self, feeds):
        return self.rows(feeds)[0]


def encoded(tokens, seed=0):
    ids = np.random.default_rng(seed).integers(0, END, (1, tokens))
    ids[0, -1] = END
    return Encoded({"input_ids": ids}, False)


def expected(one):
    total = np.float32(one.feeds["input_ids"].sum())
    return [total, -total]


@given(st.lists(st.integers(0, 12_000), max_size=400))
def test_every_text_is_in_one_run(lengths):
    pieces = [*run_slices(lengths)]
    assert [place for piece in pieces for place in range(*piece.indices(len(lengths)))] == [
        *range(len(lengths))
    ]
    for piece in pieces:
        own = lengths[piece]
        assert 1 <= len(own) <= MOST_TEXTS
        assert len(own) == 1 or sum(own) <= MOST_CHARACTERS


def run_all(engine, rounds=3):
    runs = TextRuns(engine)
    texts = [encoded(2 + place % 9, place) for place in range(60)]
    for _ in range(rounds):
        rows = runs.logits([one.feeds for one in texts])
        assert [row.tolist() for row in rows] == [expected(one) for one in texts]
    return engine.runs


def test_runs_that_keep_the_bits_are_used_after_a_look():
    assert run_all(Ended()) == [60, *[1] * 60, 60, 60]


def test_runs_that_change_a_bit_are_given_up():
    assert run_all(Ended(leak=1e-3)) == [60, *[1] * 60, *[1] * 120]


class Counting:
    """An engine that counts runs of several texts."""

    outputs, together = 2, 0

    def rows(self, feeds, texts=None):
        self.together += texts is not None
        return np.zeros((texts or 1, 2), np.float32)

    def logits(self, feeds):
        return self.rows(feeds)[0]


@pytest.mark.parametrize(
    ("texts", "together"),
    [
        (([1, END], [2, 3, END]), 1),
        (([END], [END]), 1),
        (([1, END, 2, END], [3, 4]), 0),
        (([3, 4], [1, END, 2, END]), 0),
        (([1, END, END], [3, END]), 0),
        (([1, END], [3, 4]), 0),
    ],
)
def test_texts_that_the_graph_could_not_tell_apart_run_alone(texts, together):
    """One text spells the end and another lacks it: as many rows as texts, and shifted."""
    engine = Counting()
    found = TextRuns(engine).logits([{"input_ids": np.array([ids])} for ids in texts])
    assert len(found) == 2
    assert engine.together == together


def test_texts_that_are_alike_show_nothing():
    engine = Ended(leak=1.0)
    runs, nothing = TextRuns(engine), {"input_ids": np.array([[0, END]])}
    engine.leak = 0.0
    runs.logits([nothing] * LOOKED_AT)
    engine.leak = 1.0
    unlike = [encoded(5, seed) for seed in range(LOOKED_AT)]
    assert [row.tolist() for row in runs.logits([one.feeds for one in unlike])] == [
        expected(one) for one in unlike
    ]


def texts(count=300):
    draw = np.random.default_rng(5)
    words = "happy bright day angry mad sad wow sudden the is".split()
    return [" ".join(draw.choice(words, size)) for size in draw.integers(0, 30, count)]


@pytest.mark.parametrize("threads", [1, 4])
def test_a_file_that_says_joined_and_is_not(forge, tmp_path, path, threads):
    """Its graph takes the texts of a run for one: each is then computed by itself."""
    file = tmp_path / "joined.onnx"
    file.write_bytes(forge.with_block("limen.execution", shape="joined"))
    model = limen.load(file, threads=threads)
    assert isinstance(model._inference._groups, TextRuns)
    assert np.array_equal(model.logits(texts()), limen.load(path).logits(texts()))


def test_a_run_that_fails_is_computed_text_by_text(forge, tmp_path, path, monkeypatch):
    file = tmp_path / "joined.onnx"
    file.write_bytes(forge.with_block("limen.execution", shape="joined"))
    model, real = limen.load(file), limen.load(path)
    engine, tried = model._inference.engine, []
    rows = engine.rows

    def failing(feeds, texts=None):
        if texts is not None:
            tried.append(texts)
            raise EngineError("onnxruntime failed on a run")
        return rows(feeds)

    monkeypatch.setattr(engine, "rows", failing)
    mixed = [*texts(40), None, *texts(40), "\ud800"]
    found = model.predict(mixed, errors="collect")
    assert tried
    assert [str(one) for one in found] == [
        str(one) for one in real.predict(mixed, errors="collect")
    ]
