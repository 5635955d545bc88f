"""Labelled texts as people have them: labels and task are found, bad input is named by its line."""

import json
import os
import re
import sys
import types

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.labelled_source import LabelledSource
from limen.evaluation.labelled_texts import read_records

pytest.importorskip("imblearn")
pytest.importorskip("accelerate")

from limen_export.training.reading import read_examples, read_held_out

PRIVATE = "nobody may read this"


@pytest.fixture
def written(tmp_path):
    """Write a file from records or as it stands, and say where it is."""

    def write(name, content):
        if not isinstance(content, str):
            content = "".join(json.dumps(record) + "\n" for record in content)
        (tmp_path / name).write_bytes(content.encode("utf-8"))
        return tmp_path / name

    return write


def records(*values):
    """A text for each value of `labels`."""
    return [{"text": f"text {number}", "labels": value} for number, value in enumerate(values)]


def read(path, *given, labels=None, task=None, min_examples=None, **columns):
    """What was read, and what was told."""
    told = []
    found = read_examples(
        LabelledSource(path, **columns),
        task,
        labels,
        min_examples=min_examples,
        tell=told.append,
    )
    return found, told


def rows(found):
    return [
        {label for label, on in zip(found.labels, row, strict=True) if on} for row in found.truth
    ]


def refused(path, message, **wishes):
    with pytest.raises(InputError, match=message) as caught:
        read(path, **wishes)
    assert PRIVATE not in str(caught.value)
    assert "\n" not in str(caught.value)


# labels and task


@pytest.mark.parametrize(
    "values",
    [
        ["joy", "anger", "joy", "anger"],
        [["joy"], ["anger"], ["joy", "joy"], ["anger "]],
        [{"joy": 1}, {"anger": True, "joy": 0}, {"joy": 1, "anger": None}, {"anger": 1}],
    ],
)
def test_classes_of_json_lines(written, values):
    found, told = read(written("data.jsonl", records(*values)))
    assert (found.labels, found.task, found.name) == (("anger", "joy"), "multiclass", "data.jsonl")
    assert rows(found) == [{"joy"}, {"anger"}, {"joy"}, {"anger"}]
    assert found.texts == ("text 0", "text 1", "text 2", "text 3")
    assert told == [
        "task: multiclass, as each text has exactly one label (--task multilabel if not)"
    ]


@pytest.mark.parametrize(
    "values",
    [
        [["joy", "anger"], "joy", [], ["anger"]],
        [["anger", "joy"], ["joy"], None, "anger"],
        [{"joy": 1, "anger": 1}, {"joy": True}, {"joy": 0, "anger": 0}, {"anger": 1}],
    ],
)
def test_several_labels_of_json_lines(written, values):
    found, told = read(written("data.jsonl", records(*values)))
    assert (found.labels, found.task) == (("anger", "joy"), "multilabel")
    assert rows(found) == [{"anger", "joy"}, {"joy"}, set(), {"anger"}]
    assert told == [
        "task: multilabel, as 1 of 4 texts have several labels and 1 have none (the first: "
        f"{found_path(written)}, line 1, with 2)"
    ]


def found_path(written):
    return written("unused.txt", "").with_name("data.jsonl")


@pytest.mark.parametrize(("suffix", "mark"), [("csv", ","), ("tsv", "\t")])
def test_tables_with_a_column_of_labels(written, suffix, mark):
    lines = [
        ["text", "labels"],
        ["one", "joy"],
        ["two", '"joy, anger"'],
        ["three", ""],
        ["4", "anger"],
    ]
    found, _ = read(written(f"data.{suffix}", "\r\n".join(mark.join(line) for line in lines)))
    assert found.labels == ("anger", "joy")
    assert rows(found) == [{"joy"}, {"anger", "joy"}, set(), {"anger"}]


def test_tables_with_another_separator_and_columns(written):
    path = written("data.csv", "body,kind\none,a|b\ntwo,a\nthree,b\n")
    found, _ = read(path, text_column="body", label_column="kind", separator="|")
    assert rows(found) == [{"a", "b"}, {"a"}, {"b"}]


def test_tables_with_a_column_for_each_label(written):
    path = written("data.csv", "joy,text,anger,never\n1,one,0,0\n0,two,1,0\n1.0,three,true,\n")
    found, told = read(path)
    assert (found.labels, found.task) == (("anger", "joy"), "multilabel")
    assert rows(found) == [{"joy"}, {"anger"}, {"anger", "joy"}]
    assert told[0] == "left out: 1 label that no text has: 'never'"
    path = written("data.csv", ",text,a,b\n0,one,1,0\n1,two,0,1\n2,three,0,1\n3,four,1,0\n")
    assert read(path)[0].labels == ("a", "b")


def test_labels_are_sorted_told_apart_as_everywhere_and_named_anew(written):
    path = written("data.jsonl", records("é", "e\u0301 ", "zoo", "Zoo", "Zoo", "old", "zoo", "new"))
    found, _ = read(path, label_names={"old": "new", "absent": "never"})
    assert found.labels == ("Zoo", "new", "zoo", "é")
    assert [one for row in rows(found) for one in row] == [
        *"éé",
        "zoo",
        "Zoo",
        "Zoo",
        "new",
        "zoo",
        "new",
    ]


def test_digits_in_quotes_are_names(written):
    found, _ = read(written("data.jsonl", records("10", "2", "10", "2")))
    assert found.labels == ("10", "2")
    assert rows(found) == [{"10"}, {"2"}, {"10"}, {"2"}]


NUMBERS = [
    ("data.jsonl", records(0, 1, 0, 1)),
    ("data.jsonl", records([0], [1], [0], [1])),
    ("data.jsonl", records(0.0, 1.0, 0.0, 1.0)),
    ("data.csv", "text,labels\na,0\nb,1\nc,0\nd,1\n"),
    ("data.csv", "text,labels\na,0.0\nb,1.0\n"),
    ("data.jsonl", records([1, 0, 0], [0, 1, 0])),
    ("data.jsonl", records([True, False])),
    ("data.jsonl", records(True)),
]


@pytest.mark.parametrize(("name", "content"), NUMBERS)
def test_numbers_are_refused_while_no_name_is_known(written, name, content):
    refused(written(name, content), r"line [12]: label .*")


@pytest.mark.parametrize(("name", "content"), [NUMBERS[0], NUMBERS[1], NUMBERS[3]])
def test_numbers_are_read_where_names_are_given_or_said(written, name, content):
    path = written(name, content)
    found, _ = read(path, labels=("no", "yes"))
    assert (found.labels, rows(found)) == (("no", "yes"), [{"no"}, {"yes"}, {"no"}, {"yes"}])
    found, _ = read(path, label_names={"0": "yes", "1": "no"})
    assert (found.labels, rows(found)) == (("no", "yes"), [{"yes"}, {"no"}, {"yes"}, {"no"}])
    with pytest.raises(InputError, match=r"say what each number means .*--names") as refusal:
        read(path)
    (example,) = re.findall(r"\{.*?\}", str(refusal.value))
    assert json.loads(example) == {"0": "negative", "1": "positive"}
    assert read(path, label_names=json.loads(example))[0].labels == ("negative", "positive")


def test_the_example_of_names_is_written_as_the_numbers_are(written):
    """As pandas writes a column with gaps."""
    path = written("data.csv", "text,labels\na,0.0\nb,1.0\nc,0.0\nd,1.0\n")
    with pytest.raises(InputError, match=r'\{"0\.0": "negative", "1\.0": "positive"\}') as refusal:
        read(path)
    example = json.loads(re.findall(r"\{.*?\}", str(refusal.value))[0])
    assert read(path, label_names=example)[0].labels == ("negative", "positive")


def test_truth_values_are_read_where_labels_are_given(written):
    path = written("data.jsonl", records([1, 0, 1], [0, 1, 0]))
    found, _ = read(path, labels=("c", "a", "b"))
    assert (found.labels, rows(found)) == (("c", "a", "b"), [{"c", "b"}, {"a"}])


def test_a_task_that_is_asked_for(written):
    path = written("data.jsonl", records("a", "b", "a", "b"))
    assert read(path, task="multilabel")[0].task == "multilabel"
    assert read(path, task="multiclass")[0].task == "multiclass"
    path = written("data.jsonl", records("a", ["a", "b"], "b", None))
    refused(
        path, "2 of 4 texts .*the first: .*line 2, with 2.*--task multilabel", task="multiclass"
    )


NAMES = st.text("abcXYZ é한", min_size=1, max_size=4).map(str.strip).filter(bool)
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(st.lists(st.lists(NAMES, max_size=3), min_size=2, max_size=20))
def test_what_is_found_is_what_is_given(written, values):
    """The same data read with its labels given and with them found is the same."""
    path = written("data.jsonl", records(*values))
    assume(len({*map(frozenset, values)}) > 1)
    assume(len({one for value in values for one in value}) > 1)
    found, _ = read(path, task="multilabel")
    given_labels, _ = read(path, task="multilabel", labels=found.labels)
    assert rows(found) == rows(given_labels) == [{*value} for value in values]
    assert found.labels == tuple(sorted({one for value in values for one in value}))


# bad input


def test_empty_texts_are_left_out_and_counted(written):
    data = [
        *records("a", "b", "a", "b"),
        *({"text": text, "labels": "c"} for text in ("", " \n", "\u3000")),
    ]
    path = written("data.jsonl", data)
    found, told = read(path)
    assert (len(found), found.labels) == (4, ("a", "b"))
    assert f"left out: 3 of 7 texts, which are empty (the first: {path}, line 5)" in told
    refused(written("data.jsonl", data[4:]), "all 3 texts are empty")


def test_a_class_with_one_text_is_refused_unless_it_may_be_dropped(written):
    path = written("data.jsonl", records("a", "b", "a", "b", "c"))
    refused(path, r"1 of 3 labels have a single text: 'c'; .*\(--min-examples 2\)")
    found, told = read(path, min_examples=2)
    assert (found.labels, len(found)) == (("a", "b"), 4)
    assert "left out: 1 label with fewer than 2 texts: 'c'; with them 1 text" in told
    found, told = read(path, min_examples=1)
    assert found.labels == ("a", "b", "c")
    assert told[1].startswith("1 of 3 labels have a single text, which is trained on")
    refused(path, "2 of 4 labels have a single text or none: 'c', 'd'", labels=tuple("abcd"))
    refused(path, "expected 1 or more", min_examples=0)


def test_a_label_with_one_text_among_several_is_told_of(written):
    path = written("data.jsonl", records(["a", "b"], "b", ["a", "c"], []))
    found, told = read(path)
    assert found.labels == ("a", "b", "c")
    assert told[1].startswith("1 of 3 labels have a single text, which is trained on")
    found, told = read(path, min_examples=2)
    assert (found.labels, rows(found)) == (("a", "b"), [{"a", "b"}, {"b"}, {"a"}, set()])
    refused(path, r"1 of 4 labels have no text: 'd'; .*\(--min-examples 1\)", labels=tuple("abcd"))
    assert read(path, labels=tuple("dabc"), min_examples=1)[0].labels == tuple("abc")


def test_labels_given_twice(written):
    path = written("data.jsonl", records("a", "b", "a", "b"))
    refused(path, "labels that were given twice: 'a'", labels=("a", "b", "a"))


def test_a_column_of_texts_taken_for_labels_is_not_quoted(written):
    rows = [{"text": "a", "labels": f"{PRIVATE} {number}"} for number in range(4)]
    refused(written("data.jsonl", rows), r"4 of 4 labels have a single text .*\(--labels\)")
    rows = [{"text": "a", "labels": PRIVATE * 20}]
    refused(written("data.jsonl", rows), "line 1: a label of 400 characters, expected at most 200")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "a", "a"], r"1 label \('a'\) in all texts, expected two or more"),
        ([None, [], ""], r"0 labels \(none\)"),
        ([["a", "b"], ["b", "a"]], "all 2 texts have the same labels"),
        (["a", ["", "b"]], "line 2: a label without a name"),
        (["a", "\ud800"], "line 2: a label holds a lone surrogate"),
        (["a", [["b"]]], "line 2: label of type list"),
        (["a", [None]], "line 2: label None"),
    ],
)
def test_labels_that_teach_nothing(written, values, message):
    refused(written("data.jsonl", records(*values)), message)


def test_a_label_of_every_text_and_contradictions_are_told_of(written):
    told = read(written("data.jsonl", records(["a", "b"], "a", ["a", "c", "b"], ["c", "a"])))[1]
    assert (
        told[-1] == "1 of 3 labels are true of every text, so nothing can be learned of them: 'a'"
    )
    data = [{"text": text, "labels": label} for text in ("one", "two", " two") for label in "ab"]
    told = read(written("data.jsonl", data))[1]
    assert told[-1] == "2 texts stand there more than once with unlike labels"


def test_tables_without_any_labels(written):
    refused(written("data.csv", "text,kind\none,a\ntwo,b\n"), r"no column 'labels' .*\(--labels\)")
    path = written("data.csv", f"id,text,kind\n1,{PRIVATE},a\n0,two,b\n")
    refused(path, r"'kind' holds str other than 0, 1, .*none is named 'labels': .*\(--labels\)")
    refused(written("data.csv", "text,labels\n"), "no record in it")
    refused(written("data.jsonl", f'{{"text": "{PRIVATE}"}}'), "line 1: no field 'labels'")
    refused(written("data.txt", "one"), "expected a file ending in .jsonl, .csv, .tsv")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text(path.read_text().replace("text 0", "text 9")),
        lambda path: path.write_text(path.read_text() * 2),
        lambda path: path.write_text("{"),
        lambda path: path.unlink(),
        lambda path: os.utime(path, (1, 1)),
    ],
)
def test_a_file_that_changes_while_it_is_read(written, change, monkeypatch):
    path = written("data.jsonl", records("a", "b", "a", "b"))

    def changing(source, names):
        change(path)
        return read_records(source, names)

    monkeypatch.setattr("limen_export.training.reading.read_records", changing)
    refused(path, "changed while it was read; .* or read a copy")


# held-out data


def held_out(path, training, **columns):
    return read_held_out(LabelledSource(path, **columns), training)


def test_held_out_texts_are_read_with_the_labels_of_training(written):
    training, _ = read(written("data.jsonl", records("b", "a", "b", "a", "c", "c")))
    held = held_out(written("dev.jsonl", records("c", "a", 1)), training)
    assert (held.labels, held.task, held.name) == (("a", "b", "c"), "multiclass", "dev.jsonl")
    assert rows(held) == [{"c"}, {"a"}, {"b"}]
    assert rows(held_out(written("dev.csv", "text,labels\none,b\n"), training)) == [{"b"}]


def test_labels_that_training_never_saw_are_all_named(written):
    training, _ = read(written("data.jsonl", records("b", "a", "b", "a")))
    path = written("dev.jsonl", records("a", "x", "y", "x", "b"))
    with pytest.raises(InputError) as caught:
        held_out(path, training)
    assert str(caught.value) == (
        f"{path}: 2 labels not among the 2 trained on: 'x', 'y'; the first of 3 "
        f"texts: {path}, line 2; correct them, say in the label names which ones they mean "
        "(--names), or leave these texts out"
    )
    assert len(held_out(path, training, label_names={"x": "a", "y": "b"})) == 5
    refused(path, "1 label not among the 3 trained on", labels=("a", "b", "x"))
    with pytest.raises(InputError, match="label 7 is none of"):
        held_out(written("dev.jsonl", records(7)), training)


def test_held_out_texts_need_the_task_of_training(written):
    training, _ = read(written("data.jsonl", records("b", "a", "b", "a")))
    with pytest.raises(InputError, match="1 of 2 texts do not have exactly one label"):
        held_out(written("dev.jsonl", records(["a", "b"], "a")), training)
    training, _ = read(written("data.jsonl", records("b", ["b", "a"], "b", "a")))
    assert held_out(written("dev.jsonl", records("a", "b")), training).task == "multilabel"


# data sets


class Rows(list):
    features = None


@pytest.fixture
def hub(monkeypatch):
    """Put a library `datasets` in place that gives what the test says."""

    def give(rows, **features):
        made = Rows(rows)
        made.features = features or None
        library = types.ModuleType("datasets")
        library.load_dataset = lambda *_, **__: made
        monkeypatch.setitem(sys.modules, "datasets", library)

    return give


def test_classes_of_a_data_set_are_found_by_name(hub):
    kind = types.SimpleNamespace(names=["world", "sport", "unused"])
    hub(records(0, 1, 1, 0), labels=kind)
    found, _ = read("hf:someone/news:train")
    assert (found.labels, found.task) == (("sport", "world"), "multiclass")
    assert rows(found) == [{"world"}, {"sport"}, {"sport"}, {"world"}]
    assert found.name == "hf:someone/news:train"
    hub(records([0, 1], [1], []), labels=types.SimpleNamespace(feature=kind))
    assert rows(read("hf:news")[0]) == [{"world", "sport"}, {"sport"}, set()]


def test_other_forms_of_a_data_set(hub):
    hub(records(0, 1), labels=types.SimpleNamespace(names=["0", "1"]))
    refused("hf:news", "record 1: label 0 is a number")
    hub(
        [
            {"text": "one", "a": True, "b": 0},
            {"text": "two", "a": 0, "b": 1},
            {"text": "3", "a": 1, "b": 1},
        ]
    )
    assert rows(read("hf:news")[0]) == [{"a"}, {"b"}, {"a", "b"}]


# real data


def test_real_queries(shared):
    found, _ = read(shared / "data/banking77/train.csv", label_column="category")
    categories = json.loads((shared / "data/banking77/categories.json").read_text())
    assert (len(found), found.task, found.labels) == (
        10_003,
        "multiclass",
        tuple(sorted(categories)),
    )
    assert np.array_equal(found.support, np.bincount(found.classes))


def test_real_reviews_need_to_be_told_what_their_numbers_mean(shared):
    path = shared / "data/nsmc/train_10k.tsv"
    columns = {"text_column": "document", "label_column": "label", "quoted": False}
    refused(path, "line 2: label [01] is a number", **columns)
    found, _ = read(path, label_names={"0": "negative", "1": "positive"}, **columns)
    assert (found.labels, found.task) == (("negative", "positive"), "multiclass")
    assert len(found) == 10_000
