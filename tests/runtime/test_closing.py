"""A model that is closed gives its memory back and answers nothing any more."""

import asyncio
import gc
import weakref

import limen
import pytest
from limen.errors import EngineError


def asked(model):
    return [
        lambda: model("day"),
        lambda: model.predict(["day"]),
        lambda: model.predict(["day", "night"]),
        lambda: list(model.stream(["day"])),
        lambda: model.logits(["day"]),
        lambda: model.scores(["day"]),
        lambda: model.decision_function(["day"]),
        lambda: asyncio.run(model.predict_async("day")),
        lambda: model.device,
    ]


def test_what_is_asked_of_a_closed_model_is_an_error_that_says_so(path):
    model = limen.load(path)
    half = model.at("half")
    model.close()
    model.close()
    for one in (model, half):
        for ask in asked(one):
            with pytest.raises(EngineError, match="this model was closed; load the file again"):
                ask()
    assert model.labels == half.labels
    assert model.at("half").operating_point.name == "half"


def test_the_end_of_a_block_closes(path):
    with limen.load(path) as model:
        assert model("happy bright").labels
    with pytest.raises(EngineError, match="closed"):
        model("day")


def test_the_session_goes(path):
    model = limen.load(path, cache=4)
    model.predict(["day", "night"])
    session = weakref.ref(model._inference.engine)
    model.close()
    gc.collect()
    assert session() is None


def test_a_stream_under_way_ends_with_the_error(path):
    model = limen.load(path)
    stream = model.stream(f"day {number}" for number in range(5_000))
    next(stream)
    model.close()
    with pytest.raises(EngineError, match="closed"):
        list(stream)
