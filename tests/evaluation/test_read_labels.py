"""True labels from files."""

import json

import numpy as np
import pytest
from limen.errors import InputError
from limen.evaluation.labelled_texts import read_labels

LABELS = ("joy", "anger", "fear")
EXPECTED = [[True, False, False], [False, True, True], [False, False, False]]


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_jsonl_takes_names_places_lists_and_single_labels(tmp_path):
    rows = [{"labels": "joy"}, {"labels": ["anger", 2]}, {"labels": []}]
    found = read_labels(written(tmp_path / "t.jsonl", rows), "labels", LABELS)
    assert found.dtype == np.bool_
    assert found.tolist() == EXPECTED


def test_csv_takes_labels_separated_by_commas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('text,labels\na,joy\nb,"anger, 2"\nc,\n', encoding="utf-8")
    assert read_labels(path, "labels", LABELS).tolist() == EXPECTED


BAD = {
    "unknown": ({"labels": ["boredom"]}, "record 1: label 'boredom'"),
    "place beyond the last": ({"labels": 3}, "label 3"),
    "below the first": ({"labels": [-1]}, "label -1"),
    "a truth value": ({"labels": True}, "label True"),
    "no number": ({"labels": 1.5}, "label 1.5"),
    "no field": ({"label": "joy"}, "no field 'labels'"),
    "no object": (["joy"], "no field 'labels'"),
}


@pytest.mark.parametrize("case", BAD)
def test_labels_that_cannot_be_placed_are_refused(case, tmp_path):
    row, message = BAD[case]
    with pytest.raises(InputError, match=message):
        read_labels(written(tmp_path / "t.jsonl", [row]), "labels", LABELS)


def test_plain_text_has_no_labels(tmp_path):
    (tmp_path / "t.txt").write_text("a\n")
    with pytest.raises(InputError, match=r"end in \.jsonl, \.csv, \.tsv"):
        read_labels(tmp_path / "t.txt", "labels", LABELS)
