"""Texts that cannot be decided among others that can; engines that fail half way."""

import limen
import numpy as np
import pytest
from limen.errors import EngineError, InputError
from limen.stream_windows import WINDOW_TEXTS

GOOD = ["happy bright", "angry mad", "", "day"]
MIXED = ["happy bright", None, "angry mad", "\ud800", ["a"], "", "day", None]


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_stand_in_the_place_of_their_predictions(path, multilabel, threads):
    model = limen.load(path, threads=threads)
    for found in (
        model.predict(MIXED, errors="collect"),
        list(model.stream(MIXED, errors="collect")),
    ):
        assert [one for one in found if isinstance(one, limen.Prediction)] == multilabel.predict(
            GOOD
        )
        wrong = {place: one for place, one in enumerate(found) if isinstance(one, InputError)}
        assert sorted(wrong) == [1, 3, 4, 7]
        assert all(str(error).startswith(f"text {place} ") for place, error in wrong.items())


def test_the_first_error_is_raised_whatever_is_longest(path):
    model = limen.load(path, threads=3)
    texts = ["a", "day", None, "day " * 50, 7]
    for _ in range(20):
        with pytest.raises(InputError, match="text 2 is of type NoneType"):
            model.predict(texts)


def test_a_stream_delivers_what_comes_before_an_error(multilabel):
    texts = [*GOOD * 300, None, *GOOD * 300]
    found = []
    with pytest.raises(InputError, match="text 1200 is of type NoneType"):
        found.extend(multilabel.stream(texts))
    assert found == multilabel.predict(GOOD * 300)


def test_a_stream_goes_on_behind_collected_errors(multilabel):
    texts = ([*GOOD, None] * WINDOW_TEXTS)[: 3 * WINDOW_TEXTS]
    found = list(multilabel.stream(texts, errors="collect"))
    for place, one in enumerate(found):
        if place % 5 == 4:
            assert str(one).startswith(f"text {place} is of type NoneType")
        else:
            assert one == multilabel(texts[place])


@pytest.mark.parametrize("threads", [1, 4])
def test_an_engine_that_fails_half_way_loses_nothing_before(path, multilabel, threads, monkeypatch):
    model = limen.load(path, threads=threads)
    texts = [f"day {number}" for number in range(3 * WINDOW_TEXTS)]
    expected = multilabel.predict(texts)
    # From here on no group is computed twice to be looked at, and every text counts once.
    assert model.predict(texts) == expected
    computed, engine = [0], model._inference.engine
    real = engine.rows

    def failing(feeds):
        computed[0] += len(feeds["input_ids"])
        if computed[0] > WINDOW_TEXTS + 100:
            raise EngineError("onnxruntime failed on a text of 5 tokens (device lost)")
        return real(feeds)

    monkeypatch.setattr(engine, "rows", failing)
    found = []
    with pytest.raises(EngineError, match="device lost"):
        found.extend(model.stream(texts))
    assert len(found) >= WINDOW_TEXTS
    assert found == expected[: len(found)]
    collected = model.predict(texts[:9], errors="collect")
    assert all(isinstance(one, EngineError) for one in collected)
    monkeypatch.undo()
    assert model.predict(texts) == expected


def test_logits_that_are_no_numbers_are_an_error_of_their_text(path, multilabel, monkeypatch):
    model = limen.load(path)
    real = model._inference.engine.rows

    def broken(feeds):
        """The third token of "angry mad" gives NaN."""
        rows = real(feeds).copy()
        rows[(feeds["input_ids"] == spoilt).any(axis=1)] = np.nan
        return rows

    spoilt = model._inference._encoded("angry", 0).feeds["input_ids"][0, 1]
    monkeypatch.setattr(model._inference.engine, "rows", broken)
    texts = ["day", "angry mad", "happy"]
    found = model.predict(texts, errors="collect")
    assert [found[0], found[2]] == multilabel.predict([texts[0], texts[2]])
    assert isinstance(found[1], EngineError)
    for ask in (lambda: model.predict(texts), lambda: list(model.stream(texts))):
        with pytest.raises(EngineError, match="text 1: the graph gave a logit that is not finite"):
            ask()
    with pytest.raises(EngineError, match="text 0: the graph gave a logit that is not finite"):
        model("angry")
    assert np.isnan(model.logits(texts)[1]).all()


def test_other_ways_to_treat_errors_are_refused_at_once(multilabel):
    for call in (multilabel.predict, multilabel.stream):
        with pytest.raises(InputError, match="errors='ignore'; expected 'raise' or 'collect'"):
            call(["day"], errors="ignore")


def test_equal_texts_are_computed_once(path, monkeypatch):
    model = limen.load(path, threads=2)
    computed, engine = [], model._inference.engine
    real = engine.rows
    monkeypatch.setattr(engine, "rows", lambda feeds: computed.append(1) or real(feeds))
    found = model.predict(["day", "happy", "day", "day", "happy"])
    assert len(computed) == 2
    assert found[0] == found[2] == found[3]
    assert found[1] == found[4]
