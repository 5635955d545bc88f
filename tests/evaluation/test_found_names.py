"""Labels that are learned while the data is read."""

import json

import pytest
from limen.errors import InputError
from limen.evaluation import found_names
from limen.evaluation.found_names import FoundNames
from limen.evaluation.labelled_source import LabelledSource, LabelledText
from limen.evaluation.labelled_texts import read_labelled, read_records


def test_new_names_get_the_next_places():
    names = FoundNames()
    assert [names.place(name, "here") for name in ("b", "a", " b", "é", "e\u0301")] == [
        0,
        1,
        0,
        2,
        2,
    ]
    assert names.found == ("b", "a", "é")


def test_known_labels_keep_their_places_and_their_numbers():
    names = FoundNames(("x", "y"), {"old": "y"})
    assert [names.place(name, "here") for name in ("old", 0, "1", "new", "x")] == [1, 0, 1, 2, 0]
    assert (len(names), names.found) == (2, ("x", "y", "new"))
    with pytest.raises(InputError, match="here: label 7 is none of the classifier's 2 labels"):
        names.place(7, "here")


def test_what_names_mean_is_known_before_any_label():
    names = FoundNames((), {"0": "no", "1": "yes", "ja": "yes"}, digits_are_numbers=True)
    assert [names.found[names.place(name, "here")] for name in (1, "0", "ja", "no")] == [
        "yes",
        "no",
        "yes",
        "no",
    ]


def test_columns_are_labels_where_nothing_else_is():
    names = FoundNames()
    names.see_columns(["labels", "a", "b"], "labels")
    names.see_columns(["a", ""], "labels")
    assert (names.found, names.one_a_column) == ((), False)
    names.see_columns(["a", "b", ""], "labels")
    assert (names.found, names.one_a_column) == (("a", "b"), True)
    known = FoundNames(("a", "b"))
    known.see_columns(["c", "d"], "labels")
    assert known.found == ("a", "b")


def test_there_is_an_end_to_new_labels(monkeypatch):
    monkeypatch.setattr(found_names, "MAX_LABELS", 3)
    names = FoundNames()
    for name in "abc":
        names.place(name, "here")
    with pytest.raises(InputError, match=r"here: more than 3 labels; .*\(--labels\)"):
        names.place("d", "here")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.jsonl", '\n{"text": "one", "labels": "b"}\n{"text": "two", "labels": ["a"]}\n'),
        ("data.csv", "text,labels\n\none,b\ntwo,a\n"),
        ("data.tsv", "text\ta\tb\n\none\t0\t1\ntwo\t1\t0\n"),
    ],
)
def test_records_say_where_they_stand(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    source, names = LabelledSource(tmp_path / name), FoundNames()
    found = list(read_records(source, names))
    assert [names.found[one.labels[0]] for one in found] == ["b", "a"]
    first = 2 if name == "data.jsonl" else 3
    assert [one.where for one in found] == [
        f"{tmp_path / name}, line {line}" for line in (first, first + 1)
    ]
    assert found == [LabelledText(one.text, one.labels) for one in found]


def test_found_labels_read_like_given_ones(tmp_path):
    values = ["b", ["a", "b"], {"c": 1, "a": 0}, None]
    lines = [json.dumps({"text": str(n), "labels": value}) for n, value in enumerate(values)]
    (tmp_path / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    source, names = LabelledSource(tmp_path / "data.jsonl"), FoundNames()
    found = list(read_records(source, names))
    assert found == list(read_labelled(source, names.found))
