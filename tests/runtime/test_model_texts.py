"""Texts that are none, odd ones and long ones: named by index, never quoted, never cut unseen."""

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import InputError

PRIVATE = "the key is under the mat"


@pytest.mark.parametrize("given", [PRIVATE, PRIVATE.encode(), ""])
@pytest.mark.parametrize("method", ["predict", "scores", "logits", "stream"])
def test_one_text_instead_of_several_is_refused(multilabel, method, given):
    with pytest.raises(InputError, match=rf"one {type(given).__name__} where several .* pass a li"):
        list(getattr(multilabel, method)(given))


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [(None, "NoneType"), (b"day", "bytes"), (7, "int"), (["a"], "list"), (float("nan"), "float")],
)
def test_what_is_no_text_is_named_by_its_index(multilabel, wrong, kind):
    with pytest.raises(InputError, match=f"text 2 is of type {kind}; expected str"):
        multilabel.predict(["day", "day", wrong, "day"])
    with pytest.raises(InputError, match=f"text 0 is of type {kind}; expected str"):
        multilabel(wrong)


@pytest.mark.parametrize("wrong", [None, "\udc80"], ids=["None", "surrogate"])
@pytest.mark.parametrize("index", [0, 1_000, 1_023, 1_024, 2_060])
def test_stream_counts_from_its_own_beginning(multilabel, index, wrong):
    texts = ["day"] * index + [wrong, "day"]
    with pytest.raises(InputError, match=rf"^text {index} "):
        list(multilabel.stream(texts))


@pytest.mark.parametrize("surrogate", [0xD800, 0xDC80, 0xDFFF])
def test_a_lone_surrogate_is_named_by_place_and_never_quoted(multilabel, surrogate):
    text = PRIVATE + chr(surrogate)
    with pytest.raises(InputError) as caught:
        multilabel.predict(["day", text])
    message = str(caught.value)
    assert message.startswith(f"text 1 ({len(text)} characters) holds a lone surrogate at 24")
    assert 'text.encode("utf-8", "replace")' in message
    assert "mat" not in message
    message.encode("utf-8")


def test_the_advice_about_surrogates_works(multilabel):
    cleaned = (PRIVATE + "\ud800").encode("utf-8", "replace").decode("utf-8")
    assert multilabel(cleaned).labels == multilabel(PRIVATE + "?").labels


def test_no_error_quotes_a_text(multilabel):
    for texts in ([PRIVATE, 1], [PRIVATE + "\ud800"], PRIVATE):
        with pytest.raises(InputError) as caught:
            multilabel.predict(texts)
        assert "mat" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " ", "\n\t\r ", "\u3000", "\u200b"])
def test_texts_without_words_are_decided(multilabel, text):
    found = multilabel(text)
    assert found.truncated is False
    assert all(0 <= score <= 1 for score in found.scores.values())


def test_white_space_around_words_does_not_count(multilabel):
    assert multilabel("  happy \n\n bright\t") == multilabel("happy bright")


def test_nul_does_not_end_a_text(multilabel):
    assert multilabel("day \0 angry mad").scores != multilabel("day ").scores
    assert multilabel("\0") != multilabel("")


def test_composed_and_decomposed_hangul_are_one(multilabel):
    assert multilabel("행복") == multilabel("\u1112\u1162\u11bc\u1107\u1169\u11a8")


def test_a_million_characters_are_truncated_and_say_so(multilabel):
    text = "happy bright " * 80_000
    assert len(text) > 1_000_000
    found = multilabel(text)
    assert found.truncated is True
    assert dict(found.scores) == dict(multilabel("happy bright " * 7).scores)


def test_truncation_begins_at_the_seventeenth_token(multilabel):
    assert multilabel("day " * 14).truncated is False
    assert multilabel("day " * 15).truncated is True
    assert multilabel("day " * 14).scores == multilabel("day " * 15).scores


def test_truncation_loses_the_side_that_the_file_says(multilabel, multiclass):
    """The multi-label file keeps the beginning, the multi-class one the end."""
    long = "day " * 14
    assert multilabel(long + "angry").scores == multilabel(long).scores
    assert multiclass("angry " + long).scores == multiclass(long).scores
    assert multilabel("angry " + long).scores != multilabel(long).scores
    assert multiclass(long + "angry").scores != multiclass(long).scores


def test_truncation_is_reported_for_its_own_text_only(multilabel):
    texts = ["day", "day " * 40, "", "day " * 41]
    assert [one.truncated for one in multilabel.predict(texts)] == [False, True, False, True]


def test_spelled_special_tokens_are_what_the_file_says(multilabel, binary):
    """The multi-label file takes [SEP] for the token, the binary one for three plain pieces."""
    assert multilabel("day[SEP]day") == multilabel("day [SEP] day")
    assert multilabel("[SEP]") != multilabel("[UNK]")
    assert binary("[SEP]").scores == binary("[PAD]").scores


def test_a_subclass_of_str_is_a_text(multilabel):
    assert multilabel(np.str_("happy bright")) == multilabel("happy bright")


@given(st.lists(st.text(max_size=60), max_size=4))
def test_every_text_of_valid_unicode_is_decided_like_itself(multilabel, texts):
    found = multilabel.predict(texts)
    assert [dict(one.scores) for one in found] == [dict(multilabel(t).scores) for t in texts]


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=30))
def test_every_other_str_is_an_input_error(multilabel, text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        with pytest.raises(InputError, match=r"^text 0 \("):
            multilabel(text)
    else:
        assert isinstance(multilabel(text), limen.Prediction)
