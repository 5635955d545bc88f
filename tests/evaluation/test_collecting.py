"""Logits and truth of labelled texts: all rows in order, repeats found, useless data refused."""

from pathlib import Path

import limen
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.errors import EngineError, InputError
from limen.evaluation import collecting
from limen.evaluation.collecting import (
    LabelledLogits,
    check_truth,
    collect,
    find_repeats,
)
from limen.evaluation.labelled_source import LabelledText
from limen.evaluation.parts import text_key

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LABELS = ("joy", "anger", "fear")


class Lengths:
    """A model whose logits are the length of a text and the number of texts in its chunk."""

    labels = LABELS

    def __init__(self, fails_at=None):
        self.chunks = []
        self._fails_at = fails_at

    def logits(self, texts):
        self.chunks.append(len(texts))
        if self._fails_at == len(self.chunks):
            raise EngineError("text 1 (9 characters) could not be encoded")
        return np.array([[len(text), len(texts)] for text in texts], dtype=np.float32)


class Heard(list):
    """Keeps what it is told."""

    def step(self, what):
        self.append(what)

    def count(self, what):
        self.append(what)


def rows(count):
    for number in range(count):
        yield LabelledText("x" * (number % 50), (number % 3,) if number % 5 else ())


@pytest.mark.parametrize("count", [1, 1_023, 1_024, 1_025, 2_500])
def test_all_rows_are_collected_in_order(count):
    model = Lengths()
    data = collect(model, rows(count), None)
    expected = list(rows(count))
    assert data.logits.dtype == np.float32
    assert data.logits[:, 0].tolist() == [len(row.text) for row in expected]
    assert data.truth.dtype == np.bool_
    assert [tuple(np.flatnonzero(row)) for row in data.truth] == [row.labels for row in expected]
    assert data.keys.dtype == np.uint64
    assert data.keys.tolist() == [text_key(row.text) for row in expected]
    assert len(data) == count
    assert max(model.chunks) <= 1_024


def test_rows_are_taken_a_chunk_at_a_time():
    taken = []

    def counted():
        for row in rows(3_000):
            taken.append(None)
            yield row

    class Watching(Lengths):
        def logits(self, texts):
            assert len(taken) - sum(self.chunks) <= 1_024
            return super().logits(texts)

    assert len(collect(Watching(), counted())) == 3_000


def test_a_loaded_model_is_collected():
    model = limen.load(GOLDEN / "tiny_multilabel.onnx")
    texts = [f"sentence {number}" for number in range(5)]
    data = collect(model, iter([LabelledText(text, (0,)) for text in texts]))
    assert np.array_equal(data.logits, model.logits(texts))
    assert data.truth.shape == (5, len(model.labels))


def test_no_text_is_refused():
    with pytest.raises(InputError, match="no labelled text"):
        collect(Lengths(), iter([]))


def test_errors_of_the_model_say_where_its_count_begins():
    with pytest.raises(EngineError, match=r"^text 1 \(9 characters\)"):
        collect(Lengths(fails_at=1), rows(2_000))
    with pytest.raises(EngineError, match=r"in the 976 texts from text 1,024 on: text 1 \(9"):
        collect(Lengths(fails_at=2), rows(2_000))


def test_progress_is_told_chunk_by_chunk(monkeypatch):
    clock = iter([0.0, 2.0, 4.0, 6.0])
    monkeypatch.setattr(collecting, "monotonic", lambda: next(clock))
    heard = Heard()
    collect(Lengths(), rows(2 * 1_024 + 10), heard)
    assert heard == ["1,024 texts, 512/s", "2,048 texts, 512/s", "2,058 texts, 343/s"]


def data_of(keys, truth):
    return LabelledLogits(
        np.zeros((len(keys), 2), dtype=np.float32),
        np.array(truth, dtype=np.bool_).reshape(len(keys), 2),
        np.array(keys, dtype=np.uint64),
    )


def test_some_rows_of_the_data():
    data = collect(Lengths(), rows(10))
    for chosen in (np.array([7, 0]), np.arange(10) % 2 == 0, slice(3, 5)):
        part = data.at(chosen)
        assert np.array_equal(part.logits, data.logits[chosen])
        assert np.array_equal(part.truth, data.truth[chosen])
        assert np.array_equal(part.keys, data.keys[chosen])


def test_arrays_of_unlike_length_are_refused():
    with pytest.raises(InputError, match="1 rows of logits, 2 of truth and 1 keys"):
        LabelledLogits(np.zeros((1, 2), np.float32), np.zeros((2, 2), bool), np.zeros(1, np.uint64))


def test_repeats_and_contradictions():
    data = data_of([5, 7, 5, 9, 7, 5], [[1, 0], [0, 1], [1, 0], [1, 1], [0, 0], [1, 0]])
    found = find_repeats(data)
    assert found.texts_repeated == 2
    assert found.contradictory == ((1, 4),)
    assert find_repeats(data_of([], np.zeros((0, 2)))).texts_repeated == 0
    assert find_repeats(data_of([3], [[1, 0]])).texts_repeated == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), min_size=1))
def test_repeats_are_those_found_one_by_one(drawn):
    rows_of, truths = {}, {}
    for number, (key, *truth) in enumerate(drawn):
        rows_of.setdefault(key, []).append(number)
        truths.setdefault(key, set()).add(tuple(truth))
    found = find_repeats(data_of([key for key, *_ in drawn], [truth for _, *truth in drawn]))
    assert found.texts_repeated == sum(len(at) > 1 for at in rows_of.values())
    expected = sorted(tuple(at) for key, at in rows_of.items() if len(truths[key]) > 1)
    assert list(found.contradictory) == expected


def truth_of(*labels):
    return np.array([[at in row for at in range(3)] for row in labels], dtype=np.bool_)


def test_data_with_everything_gives_no_notice():
    assert check_truth(truth_of([0], [1], [2]), LABELS, exclusive=True) == ()
    assert check_truth(truth_of([0, 1, 2], []), LABELS, exclusive=False) == ()


def test_labels_that_nothing_is_known_of_are_told():
    assert check_truth(truth_of([0], [0, 1]), LABELS, exclusive=False) == (
        "labels that no text has: 'fear' (1 of 3)",
        "labels that every text has: 'joy' (1 of 3)",
    )
    assert check_truth(truth_of([0], [1]), LABELS, exclusive=True) == (
        "labels that no text has: 'fear' (1 of 3)",
    )
    many = tuple(f"label {number}" for number in range(40))
    (notice,) = check_truth(np.eye(2, 40, dtype=np.bool_), many, exclusive=True)
    assert notice.endswith("'label 11', ... (38 of 40)")


USELESS = {
    "one text": (truth_of([0]), False, "1 labelled text; expected two or more"),
    "no text": (np.zeros((0, 3), dtype=bool), False, "0 labelled texts"),
    "no label": (truth_of([], []), False, "all 2 texts have the same labels: none at all"),
    "the same labels": (truth_of([0, 1], [0, 1]), False, "have the same labels: 'joy', 'anger'"),
    "one class": (truth_of([1], [1]), True, "all 2 texts have the same labels: 'anger'"),
    "two labels": (
        truth_of([0], [1], [0, 2], []),
        True,
        r"text 2 has 2 labels, a rule that gives one label needs exactly one; 2 of 4 texts "
        r"\(counted from 0: 2, 3\)",
    ),
    "none": (truth_of([], [1]), True, "text 0 has 0 labels"),
    "many": (
        truth_of([1], *[[]] * 20),
        True,
        r"20 of 21 texts \(counted from 0: 1, .*10, \.\.\.\)",
    ),
}


@pytest.mark.parametrize("case", USELESS)
def test_data_that_nothing_can_be_learned_from_is_refused(case):
    truth, exclusive, message = USELESS[case]
    with pytest.raises(InputError, match=message):
        check_truth(truth, LABELS, exclusive)
