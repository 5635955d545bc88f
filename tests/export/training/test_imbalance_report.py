"""What is told of the parts of one-vs-rest and one-vs-one."""

import json

import numpy as np
import pytest
from limen.errors import InputError
from limen.evaluation.calibrating import targets_of
from limen.format import DecisionBlock, OperatingPoint
from limen_export.training.imbalance_report import pairs_imbalance, rest_imbalance

CLASSES = np.repeat([0, 1, 2, 4], [30, 12, 3, 1])


def test_each_part_of_one_vs_rest_sees_all_texts(make_examples):
    found = rest_imbalance(make_examples(CLASSES))
    counts = [(part.label, part.positives, part.negatives) for part in found.parts]
    assert counts == [("l0", 30, 16), ("l1", 12, 34), ("l2", 3, 43), ("l3", 0, 46), ("l4", 1, 45)]
    assert found.parts[2].ratio == pytest.approx(43 / 3)
    assert found.parts[3].ratio is None
    assert found.lines() == (
        "one-vs-rest: 5 parts, each learns from all texts",
        "negatives for each positive: 0.5 to 45.0, median 8.6",
        "  l4: 1 positive, 45 negatives (45.0 to 1)",
        "  l2: 3 positives, 43 negatives (14.3 to 1)",
        "  l1: 12 positives, 34 negatives (2.8 to 1)",
        "  l0: 30 positives, 16 negatives (0.5 to 1)",
        "without a positive text: l3",
    )


def test_pairs_stand_in_the_order_in_which_the_runtime_reads_them(make_examples):
    examples = make_examples(CLASSES)
    found = pairs_imbalance(examples)
    point = OperatingPoint("argmax", None)
    decision = DecisionBlock("one_vs_one", examples.labels, "sigmoid", (point,), "argmax")
    targets = targets_of(examples.truth, decision)
    assert [pair.texts for pair in found.pairs] == targets.counts.sum(axis=0).tolist()
    later = (targets.truth & targets.counts).sum(axis=0)
    assert [pair.later_texts for pair in found.pairs] == later.tolist()
    assert len(found.pairs) == decision.outputs == 10
    assert found.texts_seen == (len(examples.labels) - 1) * len(examples)


def test_pairs_tell_their_number_their_cost_and_the_most_unequal(make_examples):
    found = pairs_imbalance(make_examples(CLASSES))
    assert found.lines() == (
        "one-vs-one: 5 labels make 10 parts, 2.0 outputs a label",
        "texts a part learns from: 1 to 42, median 14; 184 over all parts",
        "  l0 / l4: 30 and 1 texts (30.0 to 1)",
        "  l1 / l4: 12 and 1 texts (12.0 to 1)",
        "  l0 / l2: 30 and 3 texts (10.0 to 1)",
        "  l1 / l2: 12 and 3 texts (4.0 to 1)",
        "  l2 / l4: 3 and 1 texts (3.0 to 1)",
        "with texts of one label at most: l0 / l3, l1 / l3, l2 / l3, l3 / l4",
    )


def test_what_is_told_is_json(make_examples):
    examples = make_examples(CLASSES)
    rest, pairs = rest_imbalance(examples), pairs_imbalance(examples)
    told = json.loads(json.dumps([rest.to_json(), pairs.to_json()], allow_nan=False))
    assert told[0]["parts"][3] == {"label": "l3", "positives": 0, "negatives": 46, "ratio": None}
    assert (told[1]["parts"], told[1]["outputs_per_label"], told[1]["texts_seen"]) == (10, 2.0, 184)
    first = {"first": "l0", "later": "l1", "first_texts": 30, "later_texts": 12, "ratio": 2.5}
    assert told[1]["pairs"][0] == first


def test_many_labels_without_texts_are_counted(make_examples):
    lines = rest_imbalance(make_examples(np.array([0, 9]))).lines()
    assert lines[-1] == "without a positive text: l1, l2, l3, l4, l5 and 3 more"


@pytest.mark.parametrize("truth", [np.ones((3, 2)), np.ones((3, 1))])
def test_pairs_need_one_label_a_text(truth, make_examples):
    with pytest.raises(InputError, match="one_vs_one needs multiclass with two or more"):
        pairs_imbalance(make_examples(truth))
    assert len(rest_imbalance(make_examples(truth)).parts) == truth.shape[1]
