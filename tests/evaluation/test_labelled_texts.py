"""Labelled texts from every kind of source: records in order, labels as places, errors by line."""

import csv
import io
import json
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.errors import InputError
from limen.evaluation.label_names import read_label_names
from limen.evaluation.labelled_texts import LabelledSource, LabelledText, read_labelled

LABELS = ("joy", "anger", "fear")
KOREAN = ("기쁨", "화남", "두려움")
PRIVATE = "the heron stood in our garden"
"""A text that no message may quote."""


def read(path, labels=LABELS, **options):
    return list(read_labelled(LabelledSource(path, **options), labels))


def places(path, labels=LABELS, **options):
    return [record.labels for record in read(path, labels, **options)]


@pytest.fixture
def written(tmp_path):
    """Write a file of that name: bytes, a str, or rows of JSON lines."""

    def write(name, data):
        path = tmp_path / name
        if isinstance(data, list):
            data = "".join(json.dumps(row) + "\n" for row in data)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def refused(path, message, labels=LABELS, **options):
    with pytest.raises(InputError, match=message) as caught:
        read(path, labels, **options)
    assert PRIVATE not in str(caught.value)
    return str(caught.value)


# JSON lines

VALUES = {
    "a name": ("joy", (0,)),
    "a place": (2, (2,)),
    "a place in digits": ("2", (2,)),
    "names": (["fear", "joy"], (0, 2)),
    "places": ([2, 0], (0, 2)),
    "a name and a place": (["joy", 1], (0, 1)),
    "two places that look like a vector's beginning": ([0, 1], (0, 1)),
    "a name twice": (["joy", 0, "joy"], (0,)),
    "white space around a name": ([" joy "], (0,)),
    "null": (None, ()),
    "an empty list": ([], ()),
    "an empty string": ("", ()),
    "white space": (" ", ()),
    "a vector": ([1, 0, 1], (0, 2)),
    "a vector of zeros": ([0, 0, 0], ()),
    "a vector of decimals": ([0.0, 1.0, 0.0], (1,)),
    "a vector of truth values": ([False, True, True], (1, 2)),
    "an object": ({"joy": 1, "fear": True, "anger": 0}, (0, 2)),
    "an object of decimals and gaps": ({"joy": 0.0, "fear": 1.0, "anger": None}, (2,)),
    "an empty object": ({}, ()),
}


@pytest.mark.parametrize("case", VALUES)
def test_jsonl_labels(case, written):
    value, expected = VALUES[case]
    path = written("x.jsonl", [{"text": "a", "labels": value}])
    assert read(path) == [LabelledText("a", expected)]


UNCLEAR = {
    "unknown": (["boredom"], r"line 1: label 'boredom' is none of the classifier's 3 labels"),
    "nearly known": ("angre", r"label 'angre' .*the nearest is 'anger'"),
    "case": ("JOY", r"label 'JOY' .*the nearest is 'joy'"),
    "beyond the last": (3, "label 3 is none"),
    "below the first": (-1, "label -1 is none"),
    "very large": (10**30, "label 1000000000000000000000000000000 is none"),
    "a decimal": (1.5, "label 1.5 is none"),
    "not a number": (float("nan"), "label nan is none"),
    "a truth value alone": (True, "label True is none"),
    "null in a list": ([None], "label None is none"),
    "an empty name in a list": ([""], "label '' is none"),
    "a list in a list": ([["joy"]], "label of type list is none"),
    "an object in a list": ([{"joy": 1}], "label of type dict is none"),
    "a short vector": ([True, False], "2 truth values where the classifier has 3 labels"),
    "a long vector": ([0, 1, 0, 0], "4 truth values where the classifier has 3 labels"),
    "an object with an unknown name": ({"glee": 0}, "label 'glee' is none"),
    "an object of shares": ({"joy": 0.3}, "'joy' holds float other than 0, 1, true, false"),
    "an object of words": ({"joy": PRIVATE}, "'joy' holds str other than 0, 1, true, false"),
    "an object of not a number": ({"joy": float("nan")}, "'joy' holds float other than"),
    "what is too long for a label": (PRIVATE * 5, "label of 145 characters is none"),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_labels_that_mean_nothing_are_refused(case, written):
    value, message = UNCLEAR[case]
    path = written("x.jsonl", [{"text": PRIVATE, "labels": value}])
    refused(path, rf"x\.jsonl.*{message}")


def test_a_vector_of_two_labels_needs_truth_values(written):
    pair = LABELS[:2]
    unclear = written("x.jsonl", [{"text": "a", "labels": [0, 1]}])
    refused(unclear, r"line 1: \[0, 1\] could be places, or 0 and 1 for each of the 2 labels", pair)
    clear = [[False, True], [0.0, 1.0], [1], ["joy", "anger"]]
    path = written("y.jsonl", [{"text": "a", "labels": value} for value in clear])
    assert places(path, pair) == [(1,), (1,), (1,), (0, 1)]


def test_a_single_label_is_not_said_by_numbers(written):
    only = ("spam",)
    clear = [True, False, [True], [False], "spam", [], {"spam": 1}, {"spam": 0}]
    path = written("x.jsonl", [{"text": "a", "labels": value} for value in clear])
    assert places(path, only) == [(0,), (), (0,), (), (0,), (), (0,), ()]
    for value in (0, 1, "0", [0], [1]):
        path = written("y.jsonl", [{"text": "a", "labels": value}])
        refused(path, "could be", only)


def test_a_number_that_is_another_labels_name_is_not_guessed_at(written):
    stars = ("1", "2", "3")
    refused(
        written("x.jsonl", [{"text": "a", "labels": 1}]),
        "label 1 could be a place or the name '1'; write names in quotes",
        stars,
    )
    assert places(written("y.jsonl", [{"text": "a", "labels": "1"}]), stars) == [(0,)]
    assert places(written("z.csv", "text,labels\na,3\n"), stars) == [(2,)]
    ordered = written("x.jsonl", [{"text": "a", "labels": 1}])
    assert places(ordered, ("0", "1", "2")) == [(1,)]


def test_names_of_the_data_are_mapped(written):
    rows = [{"text": "a", "labels": value} for value in (["0"], 1, "glad", "joy", ["0", "fear"])]
    names = {"0": "anger", "1": "fear", "glad": "joy"}
    path = written("x.jsonl", rows)
    assert places(path, label_names=names) == [(1,), (2,), (0,), (0,), (1, 2)]


def test_names_of_the_data_come_before_the_classifiers(written):
    path = written("x.jsonl", [{"text": "a", "labels": "joy"}, {"text": "a", "labels": "anger"}])
    assert places(path, label_names={"joy": "anger", "anger": "joy"}) == [(1,), (0,)]


def test_names_may_be_spelled_in_decomposed_form(written):
    from unicodedata import normalize

    path = written("x.jsonl", [{"text": "a", "labels": normalize("NFD", KOREAN[1])}])
    assert places(path, KOREAN) == [(1,)]


def test_names_that_map_to_no_label_are_refused_at_once():
    with pytest.raises(InputError, match=r"'glad' is to mean 'joi'.*the nearest is 'joy'"):
        read_labelled(LabelledSource("x.jsonl", label_names={"glad": "joi"}), LABELS)


BAD_LINES = {
    "no text": ({"labels": []}, "line 2: no field 'text'"),
    "no labels": ({"text": PRIVATE}, "line 2: no field 'labels'"),
    "a text of another type": ({"text": 5, "labels": []}, "line 2: 'text' holds int where a text"),
    "a text that is null": ({"text": None, "labels": []}, "line 2: 'text' holds NoneType"),
    "no object": ([PRIVATE], "line 2: no field 'text' in a list"),
    "a lone surrogate": ({"text": PRIVATE + "\ud800", "labels": []}, "line 2: .*lone surrogate"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_jsonl_records_that_are_none_are_told_by_line(case, written):
    row, message = BAD_LINES[case]
    path = written("x.jsonl", [{"text": "a", "labels": []}, row])
    refused(path, message)


def test_records_before_a_wrong_one_are_given(written):
    path = written("x.jsonl", b'{"text": "a", "labels": 0}\n\n{"text": "the heron')
    records = read_labelled(LabelledSource(path), LABELS)
    assert next(records) == LabelledText("a", (0,))
    with pytest.raises(InputError, match="line 3: not JSON"):
        next(records)


def test_other_fields_by_name_and_a_byte_order_mark(written):
    data = b"\xef\xbb\xbf" + '{"본문": "가", "감정": ["기쁨"]}\r\n'.encode()
    found = read(written("x.jsonl", data), KOREAN, text_column="본문", label_column="감정")
    assert found == [LabelledText("가", (0,))]


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.sets(st.integers(0, 2))),
        min_size=1,
    )
)
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", "one-hot"])
def test_what_is_written_is_read(rows, suffix, tmp_path_factory):
    path = tmp_path_factory.mktemp("x") / f"x{'.csv' if suffix == 'one-hot' else suffix}"
    out = io.StringIO(newline="")
    table = csv.writer(out, dialect="excel-tab" if suffix == ".tsv" else "excel")
    if suffix == ".jsonl":
        for text, labels in rows:
            out.write(json.dumps({"text": text, "labels": [LABELS[at] for at in labels]}) + "\n")
    elif suffix == "one-hot":
        table.writerow([*LABELS, "text"])
        table.writerows([*(int(at in labels) for at in range(3)), text] for text, labels in rows)
    else:
        table.writerow(["text", "labels"])
        table.writerows([text, ",".join(LABELS[at] for at in labels)] for text, labels in rows)
    path.write_bytes(out.getvalue().encode())
    assert read(path) == [LabelledText(text, tuple(sorted(labels))) for text, labels in rows]


# tables


def test_csv_has_cells_of_labels(written):
    data = (
        'id,labels,text\n1,joy,"a, ""quoted""\nand on"\n2,"fear, 1",b\n3,,c\n\n4," , joy ,joy",d\n'
    )
    assert read(written("x.csv", data)) == [
        LabelledText('a, "quoted"\nand on', (0,)),
        LabelledText("b", (1, 2)),
        LabelledText("c", ()),
        LabelledText("d", (0,)),
    ]


def test_tsv_is_csv_with_tabs(written):
    data = 'text\tlabels\n"a\tb\nc, d"\tjoy,fear\r\n"say ""no"""\t\n'
    assert read(written("x.tsv", data)) == [
        LabelledText("a\tb\nc, d", (0, 2)),
        LabelledText('say "no"', ()),
    ]


def test_cells_with_another_separator(written):
    path = written("x.csv", "text,labels\na,joy|fear\nb,joy | 1\n")
    assert places(path, separator="|") == [(0, 2), (0, 1)]
    path = written("y.csv", "text,labels\na,joy fear\nb,joy  1\n")
    assert places(path, separator=" ") == [(0, 2), (0, 1)]


NAMES_WITH_COMMAS = ("joy", 'joy, "bright"', "anger, cold, slow", "anger", "slow")
CELLS = {
    'joy, "bright"': (1,),
    'joy, "bright", joy': (0, 1),
    "joy,anger": (0, 3),
    "anger, cold, slow": (2,),
    "anger, cold, slow, slow": (2, 4),
    "anger,slow": (3, 4),
    "joy,anger, cold, slow": (0, 2),
}


@pytest.mark.parametrize("cell", CELLS)
def test_names_may_hold_the_separator(cell, written):
    out = io.StringIO()
    csv.writer(out).writerows([["text", "labels"], ["a", cell]])
    assert places(written("x.csv", out.getvalue()), NAMES_WITH_COMMAS) == [CELLS[cell]]


def test_columns_named_like_labels_hold_zero_and_one(written):
    data = "fear,id,text,anger,joy\n1,7,a,0,1\ntrue,7,b,FALSE,\n0.0,7,c,1.0, 1 \n0,7,d,0,0\n"
    assert read(written("x.csv", data)) == [
        LabelledText("a", (0, 2)),
        LabelledText("b", (2,)),
        LabelledText("c", (0, 1)),
        LabelledText("d", ()),
    ]


def test_columns_are_named_as_the_data_names_them(written):
    path = written("x.csv", "text,glad,cheerful,anger,fear\na,0,1,0,0\nb,0,0,1,0\n")
    names = {"glad": "joy", "cheerful": "joy"}
    assert places(path, label_names=names) == [(0,), (1,)]


def test_a_column_of_labels_comes_before_columns_named_like_labels(written):
    path = written("x.csv", "text,joy,labels\na,0,joy\n")
    assert places(path) == [(0,)]
    path = written("y.csv", "text,labels,joy\na,1,0\n")
    assert places(path, ("joy", "labels")) == [(1,)]


BAD_TABLES = {
    "a label without a column": (
        f"text,joy\n{PRIVATE},1\n",
        "2 of the 3 labels have no column of their own: 'anger', 'fear'",
    ),
    "no column for labels": (f"text,mood\n{PRIVATE},joy\n", "no column 'labels' among its 2 col"),
    "no column for texts": ("body,labels\na,joy\n", "no column 'text' among its 2 columns"),
    "no header": (f"{PRIVATE},joy\n{PRIVATE},joy\n", "no column 'text' among its 2 columns"),
    "a column twice": ("text,labels,labels\na,joy,joy\n", "2 columns are named 'labels'"),
    "the text twice": ("text,text,labels\na,b,joy\n", "2 columns are named 'text'"),
    "an unknown label": (f'text,labels\na,joy\n"{PRIVATE}",joi\n', "line 3: label 'joi' is none"),
    "a line inside a text": ('text,labels\n"a\nb",joy\n"c\nd",joi\n', "line 4: label 'joi'"),
    "too few columns": (f"text,labels\na,joy\n{PRIVATE}\n", "line 3: 1 column where the header"),
    "too many columns": (f"text,labels\nWell, {PRIVATE},joy\n", "line 2: 3 columns where the head"),
    "no truth value": ("text,joy,anger,fear\na,0,1,2\n", "line 2: 'fear' holds str other than"),
    "a text among flags": (
        f"text,joy,anger,fear\na,{PRIVATE},1,0\n",
        "line 2: 'joy' holds str other than 0, 1, true, false or nothing",
    ),
    "a quote that is not closed": (f'text,labels\n"{PRIVATE},joy\nb,joy\n', "line 2: not CSV"),
    "a quote inside a cell": (f'text,labels\n"a" {PRIVATE},joy\n', "line 2: not CSV"),
    "a header alone": ("text,labels\n", "no record in it"),
    "nothing": ("", "no record in it"),
    "empty lines": ("\n\n", "no record in it"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_tables_that_cannot_be_read_are_refused(case, written):
    data, message = BAD_TABLES[case]
    refused(written("x.csv", data), rf"x\.csv.*{message}")


def test_cells_of_any_length_leave_csvs_limit_as_it_was(written):
    usual = csv.field_size_limit()
    path = written("x.csv", "text,labels\n" + "x" * 200_000 + ",joy\nb,fear\n")
    first, second = (read_labelled(LabelledSource(path), LABELS) for _ in range(2))
    assert len(next(first).text) == 200_000
    assert csv.field_size_limit() == usual
    assert [next(first).labels, next(second).labels] == [(2,), (0,)]
    second.close()
    assert csv.field_size_limit() == usual
    refused(written("y.csv", "text,labels\na,x\n"), "label 'x'")
    assert csv.field_size_limit() == usual


# files


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.tsv"])
def test_files_that_are_not_there_or_not_utf_8(name, written, tmp_path):
    refused(tmp_path / name, "cannot be read")
    data = "text\tlabels\n이 글\tjoy\n".encode("cp949")
    refused(written(name, data), "not UTF-8 near byte 12; convert it first")


def test_other_kinds_of_files_are_refused(written, tmp_path):
    refused(written("x.txt", PRIVATE), r"expected a file ending in \.jsonl, \.csv, \.tsv")
    refused(tmp_path / "none", "no such file or folder; expected")
    refused(tmp_path, "a folder, but not one that save_to_disk")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_record_is_refused(data, written):
    refused(written("x.jsonl", data), r"x\.jsonl: no record in it")


def test_settings_that_fit_no_data_are_refused():
    with pytest.raises(InputError, match="both to be read from 'a'"):
        LabelledSource("x.jsonl", text_column="a", label_column="a")
    with pytest.raises(InputError, match="separator of labels is empty"):
        LabelledSource("x.csv", separator="")


def test_paths_may_be_strings(written):
    assert places(str(written("x.JSONL", [{"text": "a", "labels": 0}]))) == [(0,)]


# names


def test_label_names_are_read(written):
    path = written("names.json", b"\xef\xbb\xbf" + '{"0": "기쁨", "x": "화남"}'.encode())
    assert read_label_names(path) == {"0": "기쁨", "x": "화남"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "not JSON.*line 1"),
        ("{", "not JSON.*expected one JSON object"),
        ("[" * 100_000, "not JSON"),
        ("[]", "expected one JSON object .* found something else"),
        ('"joy"', "found something else"),
        ("{}", "found an empty one"),
        ('{"a": 1}', "'a' is to mean int; expected the name of one label"),
        ('{"a": null}', "'a' is to mean NoneType"),
        ('{"a": {}}', "'a' is to mean an object"),
        ('{"a": ["joy"]}', "'a' is to mean list"),
        ('{"a": "joy", "a": "fear"}', "'a' stands there twice"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_label_names_that_cannot_be_read_are_refused(data, message, written):
    with pytest.raises(InputError, match=rf"names\.json.*{message}"):
        read_label_names(written("names.json", data))


def test_label_names_of_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        read_label_names(tmp_path / "none.json")


# Hugging Face datasets


class Rows(list):
    """Records with types of columns, as a data set has them."""

    def __init__(self, records, **features):
        super().__init__(records)
        self.features = features or None


def classes(*names):
    return types.SimpleNamespace(names=list(names))


@pytest.fixture
def hub(monkeypatch):
    """Put a library `datasets` in place that gives what the test says."""
    library = types.ModuleType("datasets")
    library.calls = []

    def give(result):
        def load(name, split=None, **options):
            library.calls.append((name, split, options))
            if isinstance(result, Exception):
                raise result
            return result

        library.load_dataset = load
        library.load_from_disk = load
        return library

    monkeypatch.setitem(sys.modules, "datasets", library)
    return give


def test_without_the_library_its_command_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    refused("hf:someone/data", "hf:someone/data: .* not installed here; run: pip install datasets")


def test_data_sets_of_the_hub_are_streamed(hub):
    library = hub(Rows([{"text": "a", "labels": ["joy", 2]}, {"text": "b", "labels": None}]))
    assert read("hf:someone/data:dev") == [LabelledText("a", (0, 2)), LabelledText("b", ())]
    assert places(Path("hf:someone/data:train[:9]")) == [(0, 2), ()]
    assert library.calls == [
        ("someone/data", "dev", {"streaming": True}),
        ("someone/data", "train[:9]", {"streaming": True}),
    ]


def test_classes_are_read_by_name(hub):
    one = classes("fear", "joy")
    hub(Rows([{"text": "a", "labels": 0}, {"text": "b", "labels": 1}], labels=one))
    assert places("hf:data") == [(2,), (0,)]
    several = types.SimpleNamespace(feature=one)
    hub(Rows([{"text": "a", "labels": [1, 0]}, {"text": "b", "labels": []}], labels=several))
    assert places("hf:data") == [(0, 2), ()]
    hub(Rows([{"text": "a", "labels": [0]}], labels=[one]))
    assert places("hf:data") == [(2,)]
    hub(Rows([{"text": "a", "labels": 1}], labels=classes("fear", "glad")))
    assert places("hf:data", label_names={"glad": "joy"}) == [(0,)]


def test_classes_that_only_have_numbers_are_numbers(hub):
    numbered = types.SimpleNamespace(feature=classes("0", "1"))
    hub(Rows([{"text": "a", "labels": [0, 0, 1]}], labels=numbered))
    assert places("hf:data") == [(2,)]


def test_classes_that_are_not_there_are_refused(hub):
    hub(Rows([{"text": PRIVATE, "labels": -1}], labels=classes("joy", "fear")))
    refused("hf:data", "hf:data, record 1: class -1 where the data set has 2 classes")
    hub(Rows([{"text": PRIVATE, "labels": 0}], labels=classes("glee")))
    refused("hf:data", "record 1: label 'glee' is none")


def test_data_sets_with_a_column_for_each_label(hub):
    hub(Rows([{"text": "a", "joy": 1, "anger": False, "fear": 0, "id": 1}]))
    assert places("hf:data") == [(0,)]
    hub(Rows([{"text": PRIVATE, "joy": 1}]))
    refused("hf:data", "2 of the 3 labels have no column")


def test_splits_are_named_where_there_are_several(hub, tmp_path):
    hub({"test": Rows([{"text": "a", "labels": 0}])})
    assert places("hf:data") == [(0,)]
    hub({"train": Rows([]), "test": Rows([])})
    refused("hf:data", "2 splits; give one of hf:data:train, hf:data:test")
    (tmp_path / "dataset_dict.json").write_text("{}")
    assert f"{tmp_path}/test" in refused(tmp_path, "2 splits; give one of")


def test_folders_that_save_to_disk_wrote(hub, tmp_path):
    (tmp_path / "state.json").write_text("{}")
    library = hub(Rows([{"text": "a", "labels": "joy"}]))
    assert places(tmp_path) == [(0,)]
    assert library.calls == [(str(tmp_path), None, {})]


class Breaking(Rows):
    def __iter__(self):
        yield from super().__iter__()
        raise RuntimeError(PRIVATE)


def test_what_the_library_refuses_is_told(hub):
    hub(ValueError("no such data set\nand more"))
    refused("hf:data", r"hf:data: datasets cannot open it \(no such data set\)")
    hub(Breaking([{"text": "a", "labels": 0}]))
    refused("hf:data", r"cannot read on after record 1 \(RuntimeError\)")
    hub(Rows([]))
    refused("hf:data", "hf:data: no record in it")
    hub(Rows([{"text": None, "labels": 0}]))
    refused("hf:data", "record 1: 'text' holds NoneType")
    hub(Rows([{"body": PRIVATE, "labels": 0}]))
    refused("hf:data", "no column 'text' among its 2 columns")
    refused("hf::test", "no name; expected hf:NAME")


def test_the_library_itself(tmp_path):
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["fear", "joy"])
    features = datasets.Features({"text": datasets.Value("string"), "labels": [names]})
    rows = {"text": ["a", "b", "c"], "labels": [[1, 0], [], [0]]}
    made = datasets.Dataset.from_dict(rows, features=features)
    made.save_to_disk(str(tmp_path / "one"))
    assert places(tmp_path / "one") == [(0, 2), (), (2,)]
    datasets.DatasetDict({"train": made, "test": made}).save_to_disk(str(tmp_path / "two"))
    refused(tmp_path / "two", "2 splits")
    assert places(tmp_path / "two" / "test") == [(0, 2), (), (2,)]
    # A folder of files is opened as a data set of the hub is.
    (tmp_path / "hub").mkdir()
    made.to_parquet(str(tmp_path / "hub" / "test.parquet"))
    assert places(f"hf:{tmp_path}/hub:test") == [(0, 2), (), (2,)]
    assert places(f"hf:{tmp_path}/hub") == [(0, 2), (), (2,)]
    refused(f"hf:{tmp_path}/hub:dev", "datasets cannot open it")


# real data


def test_real_queries(shared):
    labels = json.loads((shared / "data" / "banking77" / "categories.json").read_text())
    records = read(shared / "data" / "banking77" / "train.csv", labels, label_column="category")
    assert len(records) == 10_003
    assert {len(record.labels) for record in records} == {1}
    assert {record.labels[0] for record in records} == set(range(77))


def test_real_comments_with_many_labels(shared, tmp_path):
    folder = shared / "data" / "kote"
    labels = (folder / "labels.derived.txt").read_text(encoding="utf-8").split("\n")
    labels = [label for label in labels if label]
    path = tmp_path / "kote.tsv"
    path.write_bytes(b"id\ttext\tlabels\n" + (folder / "val.tsv").read_bytes())
    records = read(path, labels)
    assert len(records) == 5_000
    assert sum(len(record.labels) for record in records) / 5_000 == pytest.approx(7.9, abs=0.05)


def test_a_table_without_quoting_takes_quotes_as_they_are(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text('text\tlabels\n"so he said\tjoy\nshe "did" it\tanger\n', encoding="utf-8")
    labels = ("anger", "joy")
    with pytest.raises(InputError, match=r"line 2: not TSV .*\(--unquoted\)"):
        list(read_labelled(LabelledSource(path), labels))
    rows = list(read_labelled(LabelledSource(path, quoted=False), labels))
    assert rows == [LabelledText('"so he said', (1,)), LabelledText('she "did" it', (0,))]
