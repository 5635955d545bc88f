"""Texts longer than the model takes, read in windows: their tokens, and their scores."""

import itertools

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.decision import aggregate
from limen.errors import InputError
from limen.format import Windows, parse, read, stamp
from limen.token_encoder import TokenEncoder

ROWS = st.lists(
    st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3), min_size=1, max_size=5
)
SIDES = {"right": "tiny_multilabel", "left": "tiny_multiclass"}
WORDS = "happy bright day angry mad sad wow sudden the is".split()


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values, np.float64)))


def softmax(values):
    shares = np.exp(values - values.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def pooled(values, how):
    return values.max(axis=0) if how == "max" else values.mean(axis=0)


def logits(rows):
    return np.array(rows, np.float32)


@pytest.mark.parametrize("how", ["max", "mean"])
@given(ROWS)
def test_independent_labels_get_the_largest_or_the_mean_score(how, rows):
    for rule in ("multilabel", "one_vs_rest"):
        found = aggregate(logits(rows), how, rule=rule, link="sigmoid", labels=3)
        assert found.dtype == np.float32
        np.testing.assert_allclose(
            sigmoid(found), pooled(sigmoid(logits(rows)), how), rtol=1e-5, atol=1e-12
        )
        logs = np.log(sigmoid(logits(rows))).astype(np.float32)
        found = aggregate(logs, how, rule=rule, link="log", labels=3)
        np.testing.assert_allclose(np.exp(found), pooled(np.exp(logs), how), rtol=1e-5, atol=1e-12)


@given(ROWS)
def test_the_mean_of_a_softmax_is_the_mean_of_the_shares(rows):
    found = aggregate(logits(rows), "mean", rule="multiclass", link="softmax", labels=3)
    expected = softmax(logits(rows).astype(np.float64)).mean(axis=0)
    np.testing.assert_allclose(softmax(found.astype(np.float64)), expected, rtol=1e-5, atol=1e-12)


@given(ROWS)
def test_the_largest_shares_are_divided_by_their_sum(rows):
    shares = softmax(logits(rows).astype(np.float64)).max(axis=0)
    for link, given_rows in (
        ("softmax", logits(rows)),
        ("log", np.log(softmax(logits(rows).astype(np.float64))).astype(np.float32)),
    ):
        found = aggregate(given_rows, "max", rule="multiclass", link=link, labels=3)
        np.testing.assert_allclose(
            softmax(found.astype(np.float64)), shares / shares.sum(), rtol=1e-4, atol=1e-12
        )


@pytest.mark.parametrize("how", ["max", "mean"])
@given(ROWS)
def test_an_output_about_two_labels_treats_them_alike(how, rows):
    """Swapping the labels turns the sign of the logits, and must turn that of the aggregate."""
    for rule, labels in (("one_vs_one", 3), ("multiclass", 2)):
        values = logits(rows) if labels == 3 else logits(rows)[:, :1]
        there = aggregate(values, how, rule=rule, link="sigmoid", labels=labels)
        back = aggregate(-values, how, rule=rule, link="sigmoid", labels=labels)
        if len(rows) > 1:
            np.testing.assert_allclose(there, -back, rtol=1e-5, atol=1e-5)


def test_votes():
    votes = logits([[0, 1, 1], [0, 0, 1]])
    for how, rest, pairs in (("max", [0, 1, 1], [0, 0.5, 1]), ("mean", [0, 0.5, 1], [0, 0.5, 1])):
        assert aggregate(votes, how, rule="one_vs_rest", link="labels", labels=3).tolist() == rest
        assert aggregate(votes, how, rule="one_vs_one", link="labels", labels=3).tolist() == pairs


@pytest.mark.parametrize("how", ["max", "mean"])
@pytest.mark.parametrize("link", ["softmax", "sigmoid", "log", "labels"])
def test_one_window_is_itself_to_the_bit(how, link):
    row = np.array([[1.1, -2.3, 0.4]], np.float32)
    rule = "multiclass" if link == "softmax" else "multilabel"
    assert np.array_equal(aggregate(row, how, rule=rule, link=link, labels=3), row[0])


@pytest.mark.parametrize("how", ["max", "mean"])
def test_extreme_logits_stay_finite(how):
    rows = logits([[1e4, -1e4, 0], [1e4, -1e4, 1e-30]])
    for rule, link in (("multilabel", "sigmoid"), ("multiclass", "softmax")):
        assert np.isfinite(aggregate(rows, how, rule=rule, link=link, labels=3)).all()
    logs = logits([[-1e4, 0, -1], [0, 0, -2]])
    for rule in ("multilabel", "one_vs_one"):
        assert np.isfinite(aggregate(logs, how, rule=rule, link="log", labels=3)).all()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("stride", [0, 1, 7, 13])
@given(st.lists(st.sampled_from(WORDS), max_size=80))
def test_windows_cover_the_text_and_share_so_many_tokens(golden_folder, side, stride, words):
    block = read(golden_folder / f"{SIDES[side]}.onnx").metadata.encoder
    whole = TokenEncoder(replaced(block, max_tokens=4_096))
    text = " ".join(words)
    all_tokens = whole.encode(text).feeds["input_ids"][0].tolist()
    begin, body, end = all_tokens[0], all_tokens[1:-1], all_tokens[-1]
    found = TokenEncoder(replaced(block, windows=Windows(stride))).encode(text)
    parts = [feeds["input_ids"][0].tolist() for feeds in (found.feeds, *found.more)]
    assert found.truncated is False
    assert all(part[0] == begin and part[-1] == end for part in parts)
    assert all(len(part) <= block.max_tokens for part in parts)
    assert all(len(part) == block.max_tokens for part in parts[:-1])
    bodies = [part[1:-1] for part in parts]
    if block.truncation_side == "left":
        bodies, body = [part[::-1] for part in bodies], body[::-1]
    joined = bodies[0] + [token for part in bodies[1:] for token in part[stride:]]
    assert joined == body
    for first, second in itertools.pairwise(bodies):
        assert first[len(first) - stride :] == second[:stride]


def replaced(block, **changes):
    from dataclasses import replace

    return replace(block, **changes)


@pytest.fixture(params=["max", "mean"])
def in_windows(request, path):
    return request.param, limen.load(path, windows=Windows(2, request.param))


def test_short_texts_are_decided_as_ever(in_windows, multilabel):
    texts = ["happy bright", "", "day " * 14, "angry mad"]
    assert in_windows[1].predict(texts) == multilabel.predict(texts)
    assert np.array_equal(in_windows[1].logits(texts), multilabel.logits(texts))


def test_what_stands_at_the_end_counts_and_nothing_is_truncated(in_windows, multilabel):
    how, model = in_windows
    long = "day " * 40
    assert multilabel(long + "happy bright").scores == multilabel(long).scores
    assert model(long + "happy bright").scores != model(long).scores
    assert model(long + "happy bright").truncated is False
    if how == "max":
        rows = model.scores([long, long + "happy bright"])
        assert rows[1, 0] > rows[0, 0]


def test_order_threads_and_company_play_no_part(path):
    texts = [f"{word} " * length for word in WORDS for length in (1, 13, 20, 90)]
    one = limen.load(path, threads=1, windows=Windows(3, "mean"))
    four = limen.load(path, threads=4, windows=Windows(3, "mean"))
    alone = np.array([one.logits([text])[0] for text in texts])
    assert np.array_equal(one.logits(texts), alone)
    assert np.array_equal(four.logits(texts[::-1])[::-1], alone)
    assert np.array_equal(four.logits([texts[5]] * 50), alone[[5] * 50])


def test_a_file_says_how_it_reads(path):
    file = read(path)
    for windows in (Windows(0, "mean"), Windows(5, "max")):
        encoder = replaced(file.metadata.encoder, windows=windows)
        again = parse(stamp(file.data, replaced(file.metadata, encoder=encoder)), "again")
        assert again.metadata.encoder.windows == windows


@pytest.mark.parametrize("stride", [14, 15, 1_000])
def test_a_stride_as_long_as_a_window_is_refused(path, stride):
    with pytest.raises(InputError, match=rf"stride of {stride:,} tokens, but a window holds 14"):
        limen.load(path, windows=Windows(stride))


@pytest.mark.parametrize(("stride", "how"), [(-1, "max"), (1.5, "max"), (1, "median"), (1, None)])
def test_other_windows_are_refused(stride, how):
    with pytest.raises(InputError, match="windows: "):
        Windows(stride, how)
