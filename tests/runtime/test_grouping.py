"""Texts of equal length in one run: only where no bit changes, and that is looked at."""

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.encoder import Encoded
from limen.errors import EngineError, InputError
from limen.grouping import MOST_TOKENS, Groups
from limen.inference import Inference
from limen.same_bits import LOOKED_AT, MOST_LOOKS

WORDS = "happy bright day angry mad sad wow sudden the is".split()


class Adding:
    """An engine whose logits are sums of ids; `leak` of them come from a text's neighbours."""

    outputs = 2

    def __init__(self, leak=0.0, only_at=None):
        self.leak, self.only_at, self.runs = leak, only_at, []

    def rows(self, feeds):
        ids = feeds["input_ids"]
        self.runs.append(ids.shape)
        leak = self.leak if self.only_at in (None, ids.shape[1]) else 0.0
        own = ids.sum(axis=1) + leak * (ids.sum() - ids.sum(axis=1))
        return np.stack([own, -own], axis=1).astype(np.float32)

    def logits(self, feeds):
        return self.rows(feeds)[0]


def encoded(tokens, seed=0):
    ids = np.random.default_rng(seed).integers(0, 1_000, (1, tokens))
    return Encoded({"input_ids": ids}, False)


@given(st.lists(st.integers(1, 600), max_size=200))
def test_every_text_is_in_one_group_of_its_length(lengths):
    groups = Groups(Adding()).arranged(dict(enumerate(map(encoded, lengths))))
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    for group in groups:
        assert len({lengths[place] for place in group}) == 1
        assert len(group) == 1 or len(group) * lengths[group[0]] <= MOST_TOKENS


def test_texts_of_several_windows_run_alone():
    more = Encoded({"input_ids": np.ones((1, 4), np.int64)}, False, ({"input_ids": np.ones(3)},))
    groups = Groups(Adding()).arranged(dict.fromkeys(range(40), more))
    assert groups == [[place] for place in range(40)]


def run_all(engine, lengths):
    """The same texts four times: first groups of a length are looked at, the others trusted."""
    groups, texts = Groups(engine), dict(enumerate(map(encoded, lengths, range(len(lengths)))))
    for _ in range(4):
        for piece in groups.arranged(texts):
            feeds = [texts[place].feeds for place in piece]
            rows = groups.logits(feeds) if len(feeds) > 1 else [engine.logits(feeds[0])]
            for place, row in zip(piece, rows, strict=True):
                expected = np.float32(texts[place].feeds["input_ids"].sum())
                assert row.tolist() == [expected, -expected]


def test_groups_that_keep_the_bits_are_used():
    engine = Adding()
    run_all(engine, [8] * 32)
    assert engine.runs.count((16, 8)) == 8
    assert engine.runs.count((1, 8)) == 16


def test_groups_that_change_a_bit_are_given_up_for_that_length():
    engine = Adding(leak=1e-3, only_at=8)
    run_all(engine, [8] * 32 + [16] * 32)
    assert engine.runs.count((16, 8)) == 1
    assert engine.runs.count((8, 16)) == 16


def test_texts_that_are_alike_to_the_model_show_nothing():
    engine = Adding(leak=1e-3)
    groups = Groups(engine)
    nothing = [{"input_ids": np.zeros((1, 8), np.int64)}] * 16
    for _ in range(5):
        assert not np.any(groups.logits(nothing))
    unlike = [encoded(8, seed).feeds for seed in range(16)]
    expected = [float(feeds["input_ids"].sum()) for feeds in unlike]
    assert [float(row[0]) for row in groups.logits(unlike)] == expected


def test_groups_of_two_are_trusted_after_several():
    engine = Adding()
    groups = Groups(engine)
    for seed in range(0, 40, 2):
        groups.logits([encoded(64, seed).feeds, encoded(64, seed + 1).feeds])
    assert engine.runs.count((1, 64)) == LOOKED_AT


@pytest.fixture(params=["tiny_multilabel", "tiny_multiclass", "tiny_one_vs_one"])
def files(request, golden_folder):
    return golden_folder / f"{request.param}.onnx"


def texts(count=700):
    draw = np.random.default_rng(3)
    return [" ".join(draw.choice(WORDS, size)) for size in draw.integers(0, 30, count)]


@pytest.mark.parametrize("threads", [1, 4])
def test_real_sessions_give_the_bits_of_each_text_alone(files, threads):
    model = limen.load(files, threads=threads)
    expected = np.array([model.logits([text])[0] for text in texts()])
    for _ in range(2):
        assert np.array_equal(model.logits(texts()), expected)
        assert np.array_equal(model.logits(texts()[::-1])[::-1], expected)


def test_texts_are_grouped_at_all(path, monkeypatch):
    model, shapes = limen.load(path), []
    engine = model._inference.engine
    real = engine.rows
    monkeypatch.setattr(
        engine, "rows", lambda feeds: shapes.append(feeds["input_ids"].shape) or real(feeds)
    )
    model.predict(texts())
    assert any(rows > 1 for rows, _ in shapes)


def test_errors_among_groups_stand_in_their_places(path):
    model = limen.load(path, threads=2)
    mixed = [*texts(60), None, *texts(60), "\ud800", *texts(30)]
    found = model.predict(mixed, errors="collect")
    for place, (text, one) in enumerate(zip(mixed, found, strict=True)):
        if text is None or text == "\ud800":
            assert isinstance(one, InputError)
            assert str(one).startswith(f"text {place} ")
        else:
            assert one == model(text)
    with pytest.raises(InputError, match="text 60 is of type NoneType"):
        model.predict(mixed)


def test_a_group_that_fails_is_computed_text_by_text(path, monkeypatch):
    model = limen.load(path, threads=2)
    expected = model.predict(texts())
    engine = model._inference.engine
    real = engine.rows

    def failing(feeds):
        if len(feeds["input_ids"]) > 1:
            raise EngineError("onnxruntime failed on a group")
        return real(feeds)

    monkeypatch.setattr(engine, "rows", failing)
    assert model.predict(texts()) == expected


def test_int8_with_scales_of_each_run_is_never_grouped(forge, tmp_path):
    for precision, grouped in (("int8", False), ("int8-mixed", False), ("int8-static", True)):
        file = tmp_path / f"{precision}.onnx"
        file.write_bytes(forge.with_block("limen.execution", precision=precision))
        inference = limen.load(file)._inference
        assert isinstance(inference, Inference)
        assert (inference._groups is not None) is grouped


def test_texts_that_are_alike_are_not_looked_at_for_ever():
    engine = Adding()
    groups, feeds = Groups(engine), [encoded(64).feeds] * 2
    for _ in range(3 * MOST_LOOKS):
        groups.logits(feeds)
    assert engine.runs.count((2, 64)) == MOST_LOOKS
    assert groups.size(64) == 1
