"""Deciding from event loops: the same answers, no blocked loop, nothing left behind."""

import asyncio
import threading

import limen
import pytest
from limen.errors import InputError

TEXTS = [f"happy day {number}" for number in range(60)]


def test_answers_are_those_of_a_call(path, multilabel):
    model = limen.load(path, threads=2)

    async def all_at_once():
        return await asyncio.gather(*map(model.predict_async, TEXTS))

    assert asyncio.run(all_at_once()) == multilabel.predict(TEXTS)
    assert asyncio.run(all_at_once()) == multilabel.predict(TEXTS)
    model.close()


def test_two_loops_in_two_threads_share_a_model(path, multilabel):
    model, found = limen.load(path, threads=2), {}

    async def all_at_once():
        return await asyncio.gather(*map(model.predict_async, TEXTS))

    def loop(number):
        found[number] = asyncio.run(all_at_once())

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(2), multilabel.predict(TEXTS))
    model.close()


def test_errors_reach_the_caller(multilabel):
    with pytest.raises(InputError, match="text 0 is of type NoneType"):
        asyncio.run(multilabel.predict_async(None))


@pytest.fixture
def slow(path, monkeypatch):
    """A model whose engine waits to be let go; counts what was begun."""
    model = limen.load(path, threads=2)
    engine, go, begun = model._inference.engine, threading.Event(), []
    real = engine.logits

    def waiting(feeds):
        begun.append(threading.current_thread().name)
        assert go.wait(20)
        return real(feeds)

    monkeypatch.setattr(engine, "logits", waiting)
    yield model, go, begun
    go.set()
    model.close()


def test_the_loop_goes_on_and_at_most_so_many_texts_run(slow):
    model, go, begun = slow

    async def work():
        tasks = [asyncio.create_task(model.predict_async(text)) for text in TEXTS]
        for _ in range(50):
            await asyncio.sleep(0.001)
        running = len(begun)
        go.set()
        await asyncio.gather(*tasks)
        return running

    assert asyncio.run(work()) == 2
    assert set(begun) <= {"limen-async_0", "limen-async_1"}


def test_cancelled_texts_never_start(slow):
    model, go, begun = slow

    async def work():
        tasks = [asyncio.create_task(model.predict_async(text)) for text in TEXTS]
        while len(begun) < 2:
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        go.set()
        return await model.predict_async("happy bright")

    assert asyncio.run(work()).labels
    assert len(begun) <= 4


def test_closing_ends_the_threads(path):
    model = limen.load(path, threads=2)
    before = {*threading.enumerate()}
    asyncio.run(model.predict_async("day"))
    started = {*threading.enumerate()} - before
    assert started
    model.close()
    for thread in started:
        thread.join(10)
    assert not any(thread.is_alive() for thread in started)
