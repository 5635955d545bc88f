"""What is refused in `limen.evidence`, field by field."""

import json

import pytest
from limen.errors import FormatError
from limen.format import Evidence, GateRecord, Judgement, Rung, RungQuality, json_block

QUALITY = RungQuality("accuracy", 0.9, 0.9, 0.0, -0.01, 0.01, 1.0, 1.0)
TRIED = Rung("fp32", 1, 0.0, 1.0, 1.0, 1.5, 9.0, (), "", Judgement(0.9, 0.9, QUALITY, "passed", ""))
GATE = GateRecord(0.005, 0.995, "cells", False, "half", False, False)
GOOD = Evidence("texts", 10, (TRIED,), (), 0, "why", GATE)
WRONG = [
    *(
        (("rungs", 0, field), value)
        for field in ("p50_ms", "texts_per_second")
        for value in (-1, "2")
    ),
    (("rungs", 0, "max_logit_difference"), -0.1),
    (("rungs", 0, "texts_alike"), 1.01),
    (("rungs", 0, "precision"), "int7"),
    (("rungs", 0, "kept_in_float"), ["x"] * 1_001),
    (("rungs", 0, "kept_in_float"), ["x" * 1_001]),
    (("rungs", 0, "kept_in_float"), None),
    (("rungs", 0, "detail"), "x" * 4_001),
    (("rungs", 0, "judgement", "why"), "x" * 4_001),
    (("rungs", 0, "judgement", "verdict"), "maybe"),
    (("rungs", 0, "judgement", "cells_alike_low"), -0.001),
    (("rungs", 0, "judgement", "texts_alike_low"), 1.001),
    (("rungs", 0, "judgement", "quality", "drop"), 1.1),
    (("rungs", 0, "judgement", "quality", "drop_low"), -1.1),
    (("rungs", 0, "judgement", "quality", "source"), 2),
    (("rungs", 0, "judgement", "quality", "metric"), 1),
    (("chosen",), 1),
    (("chosen",), -1),
    (("chosen",), True),
    (("chosen",), 0.0),
    (("why",), "x" * 4_001),
    (("why",), None),
    (("gate", "max_drop"), 1.5),
    (("gate", "min_agreement"), -0.5),
    (("gate", "unit"), "labels"),
    (("gate", "strict"), 0),
    (("gate", "point"), "x" * 4_001),
]


def changed(path, value, *, drop=False):
    plain = json.loads(json_block.dump(GOOD.to_json()))
    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return Evidence.from_json(json_block.parse(json.dumps(plain), "limen.evidence"))


def test_the_good_one_is_read():
    assert changed(("why",), "why") == GOOD


@pytest.mark.parametrize(("path", "value"), WRONG, ids=lambda part: str(part)[:40])
def test_wrong_values_are_refused_with_their_place(path, value):
    with pytest.raises(FormatError, match=rf"^limen\.evidence.*{path[-1]}") as caught:
        changed(path, value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("path", sorted({path for path, _ in WRONG}, key=str), ids=str)
def test_no_field_may_be_missing(path):
    with pytest.raises(FormatError, match=f"field '{path[-1]}' is missing"):
        changed(path, None, drop=True)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_figures_are_numbers(word):
    text = json_block.dump(GOOD.to_json()).replace('"drop":0.0', f'"drop":{word}')
    with pytest.raises(FormatError, match="not a JSON number"):
        Evidence.from_json(json_block.parse(text, "limen.evidence"))


def test_a_chosen_rung_needs_rungs():
    plain = GOOD.to_json() | {"rungs": []}
    with pytest.raises(FormatError, match="rung 0 of 0"):
        Evidence.from_json(json_block.parse(json_block.dump(plain), "limen.evidence"))


def test_the_chosen_rung_is_found():
    assert GOOD.chosen_rung is TRIED
    assert Evidence("texts", 10, (TRIED,)).chosen_rung is None
