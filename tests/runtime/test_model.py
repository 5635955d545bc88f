"""The model: loading, operating points, many texts, many threads."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import limen
import numpy as np
import pytest
from limen.errors import InputError

TEXTS = [
    "happy bright",
    "angry mad",
    "",
    "오늘 행복해요!",
    "슬프고 눈물",
    "wow sudden",
    "the day is",
]


def test_load_takes_a_path_and_a_str(path):
    for given in (path, str(path)):
        model = limen.load(given)
        assert model.labels == ('joy, "bright"', "anger/disgust", "슬픔", "🙂 surprise")
        assert model.rule == "multilabel"
        assert model.operating_point.name == "f1"
        assert model.operating_point.thresholds == (0.55, 0.4, 0.6, 0.3)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_devices_that_there_are(path, device):
    assert limen.load(path, device=device)("happy bright").labels == ('joy, "bright"',)


@pytest.mark.parametrize("device", ["gpu", "CPU", "", None])
def test_any_other_device_is_refused(path, device):
    with pytest.raises(InputError, match=r"device=.*; expected one of 'auto', 'cpu', 'cuda'"):
        limen.load(path, device=device)


@pytest.mark.parametrize("threads", [0, -1, 2.5])
def test_impossible_threads_are_refused(path, threads):
    with pytest.raises(InputError, match=r"threads=.*expected"):
        limen.load(path, threads=threads)


@pytest.mark.parametrize("point", ["argmax", "", "F1", "custom"])
def test_load_refuses_an_unknown_point_and_names_those_there_are(path, point):
    with pytest.raises(InputError, match=rf"'{point}' is not in this file; it carries: f1, half"):
        limen.load(path, operating_point=point)


def test_load_takes_an_operating_point(path, multilabel):
    model = limen.load(path, operating_point="half")
    assert model.operating_point == multilabel.at("half").operating_point


def test_at_a_name(multiclass):
    text = "happy angry sad"
    assert multiclass(text).labels == ("positive",)
    careful = multiclass.at("custom")
    assert careful(text).labels == ()
    assert careful(text).abstained
    assert careful.at("argmax")(text) == multiclass(text)


def test_at_leaves_the_model_as_it_was(multilabel):
    before = multilabel.predict(TEXTS)
    multilabel.at("half")
    multilabel.at({"슬픔": 0.0})
    assert multilabel.operating_point.name == "f1"
    assert multilabel.predict(TEXTS) == before


def test_at_a_map_replaces_only_what_it_names(multilabel):
    model = multilabel.at({"슬픔": 0.05})
    assert model.operating_point.thresholds == (0.55, 0.4, 0.05, 0.3)
    assert model("happy bright").labels == ('joy, "bright"', "슬픔")
    again = model.at({"anger/disgust": 1})
    assert again.operating_point.thresholds == (0.55, 1.0, 0.05, 0.3)
    assert multilabel.at({}).predict(TEXTS) == multilabel.predict(TEXTS)


def test_at_a_map_over_a_point_without_thresholds(multiclass):
    model = multiclass.at({"positive": 0.99})
    assert model("happy bright happy").labels == ()
    assert model("angry mad") == multiclass("angry mad")


def test_a_threshold_equal_to_the_score_is_reached(multilabel):
    score = multilabel("happy bright").scores["슬픔"]
    assert "슬픔" in multilabel.at({"슬픔": score})("happy bright").labels
    above = float(np.nextafter(np.float32(score), np.float32(1)))
    assert "슬픔" not in multilabel.at({"슬픔": above})("happy bright").labels


def test_at_refuses_unknown_points_and_labels(multilabel):
    with pytest.raises(InputError, match="'argmax' is not in this file; it carries: f1, half"):
        multilabel.at("argmax")
    with pytest.raises(InputError, match="thresholds name 'joy', which is none of the 4 labels"):
        multilabel.at({"joy": 0.5})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01, 2, "high", None])
def test_at_refuses_what_is_no_threshold(multilabel, value):
    with pytest.raises(InputError, match="슬픔"):
        multilabel.at({"슬픔": value})


def test_empty_lists_give_nothing(multilabel, multiclass, binary):
    for model in (multilabel, multiclass, binary):
        assert model.predict([]) == []
        assert list(model.stream([])) == []
        assert model.scores([]).shape == (0, len(model.labels))
        assert model.scores([]).dtype == np.float32
    assert binary.logits([]).shape == (0, 1)


def test_predict_call_and_stream_agree(multilabel):
    alone = [multilabel(text) for text in TEXTS]
    assert multilabel.predict(TEXTS) == alone
    assert multilabel.predict(iter(TEXTS)) == alone
    assert multilabel.predict(tuple(TEXTS)) == alone
    assert list(multilabel.stream(TEXTS)) == alone
    assert list(multilabel.stream(iter(TEXTS))) == alone


def test_scores_and_logits_are_those_of_the_predictions(multilabel):
    rows = multilabel.scores(TEXTS)
    assert rows.shape == (len(TEXTS), 4)
    assert [list(found.scores.values()) for found in multilabel.predict(TEXTS)] == rows.tolist()
    assert multilabel.logits(TEXTS).shape == (len(TEXTS), 4)


def test_stream_equals_predict_over_several_chunks(multilabel):
    texts = [TEXTS[index % len(TEXTS)] + f" {index}" for index in range(2_500)]
    assert list(multilabel.stream(texts)) == multilabel.predict(texts)


def test_stream_never_ends_and_never_runs_far_ahead(multilabel):
    taken = []

    def endless():
        for number in count():
            taken.append(number)
            yield TEXTS[number % len(TEXTS)]

    stream = multilabel.stream(endless())
    assert taken == []
    first = [next(stream) for _ in range(10)]
    assert first == multilabel.predict(TEXTS + TEXTS[:3])
    assert len(taken) <= 2_048


def test_one_model_in_eight_threads(multilabel, multiclass, binary):
    for model in (multilabel, multiclass, binary):
        expected = [model(text) for text in TEXTS * 20]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(model, TEXTS * 20)) == expected
            several = list(pool.map(model.predict, [TEXTS * 3] * 16))
        assert several == [expected[: len(TEXTS) * 3]] * 16


def test_threads_end_with_the_call(path):
    import threading

    model = limen.load(path, threads=4)
    before = threading.active_count()
    model.predict(TEXTS * 10)
    assert threading.active_count() == before


def test_one_text_stays_in_the_callers_thread(path, monkeypatch):
    import threading

    model = limen.load(path, threads=4)

    def refuse(_):
        raise AssertionError("a thread was started for a single text")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert model("happy bright").labels == ('joy, "bright"',)


def test_an_error_in_one_text_leaves_the_model_usable(path):
    model = limen.load(path, threads=3)
    expected = model.predict(TEXTS)
    with pytest.raises(InputError, match="text 4 "):
        model.predict([*TEXTS[:4], None, *TEXTS])
    assert model.predict(TEXTS) == expected
