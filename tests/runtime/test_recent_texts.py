"""The cache of exact texts: bounded, and never another answer."""

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import InputError
from limen.recent_texts import RecentTexts
from limen.text_logits import TextLogits


def found(number):
    return TextLogits(np.array([number], np.float32), False)


@given(st.integers(1, 6), st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_it_keeps_what_was_used_last_and_no_more(most, steps):
    recent, used = RecentTexts(most), []
    for put, number in steps:
        text = str(number)
        if put:
            recent.put(text, found(number))
        elif recent.get(text) is None:
            continue
        used = [one for one in used if one != text] + [text]
        used = used[-most:]
    for number in range(10):
        kept = recent.get(str(number))
        assert (kept is not None) == (str(number) in used)
        assert kept is None or kept.logits[0] == number


@pytest.mark.parametrize("most", [0, -1, 2.5, "many"])
def test_less_than_one_text_is_refused(path, most):
    with pytest.raises(InputError, match=r"cache=.*expected 1 or more"):
        limen.load(path, cache=most)


def test_predictions_are_those_without_it(path, multilabel):
    texts = ["happy bright", "day", "", "day " * 40, "오늘 행복해요!", "day"] * 3
    model = limen.load(path, cache=2)
    expected = multilabel.predict(texts)
    for _ in range(2):
        assert model.predict(texts) == expected
        assert [model(text) for text in texts] == expected
        assert np.array_equal(model.logits(texts), multilabel.logits(texts))


def test_a_text_that_is_kept_is_not_computed_again(path, monkeypatch):
    model = limen.load(path, cache=8)
    first = model("happy bright")
    monkeypatch.setattr(type(model._inference.engine), "logits", None)
    assert model("happy bright") == first
    assert model.at("half")("happy bright").scores == first.scores
    with pytest.raises(TypeError):
        model("day")


def test_what_is_no_text_is_refused_as_without_it(path):
    model = limen.load(path, cache=8)
    for wrong in (None, ["a"], {"a": 1}):
        with pytest.raises(InputError, match="text 0 is of type"):
            model(wrong)
