"""The JSON of `limen.decision`: every field is needed, and any value anywhere is read or refused by
name.
"""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import FormatError
from limen.format import (
    AbstainPolicy,
    Curve,
    DecisionBlock,
    FittedBlock,
    Isotonic,
    OperatingPoint,
    Platt,
    Promise,
    Temperature,
    json_block,
)

RICH = DecisionBlock(
    "one_vs_one",
    ("a", "b", "c"),
    "sigmoid",
    (
        OperatingPoint("argmax", None),
        OperatingPoint(
            "precision@0.90:conf0.95",
            (0.5, None, 0.7),
            promise=Promise("precision", 0.9, 0.95, 10, ("b",)),
        ),
        OperatingPoint("coverage@0.90", (0.1, 0.2, 0.3), True, Promise("coverage", 0.9, None, 99)),
    ),
    "argmax",
    calibration=Platt((1.0, 2.0, 0.5), (0.0, -1.0, 1.0)),
    block_name="tune",
    pairs="max",
    abstain=AbstainPolicy(0.1, "top1"),
    replaced=(
        FittedBlock("export", (OperatingPoint("argmax", None),), "argmax", Temperature((2.0,))),
        FittedBlock(
            "old",
            (OperatingPoint("p", (0.5,) * 3),),
            "p",
            Isotonic((Curve((0.1, 0.9), (0.2, 0.8)),) * 3),
        ),
    ),
)
"""One block with something in every field."""
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-2, 2) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def read(plain):
    return DecisionBlock.from_json(json_block.parse(json.dumps(plain), "limen.decision"))


def read_or_refused(plain):
    """The block read, or the message of its FormatError."""
    try:
        return read(plain), None
    except FormatError as error:
        return None, str(error)


def places(value, path=()):
    """Every place in a JSON value, as the keys and indices that lead there."""
    yield path
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from places(value[key], (*path, key))


def changed(value, path, new):
    copy = value.copy()
    copy[path[0]] = new if len(path) == 1 else changed(value[path[0]], path[1:], new)
    return copy


def without(value, path):
    copy = value.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = without(value[path[0]], path[1:])
    return copy


PLACES = [path for path in places(RICH.to_json()) if path]
FIELDS = [path for path in PLACES if isinstance(path[-1], str) and path[-2:-1] != ("points",)]


def test_the_rich_block_has_no_field_at_its_default():
    defaults = {field.name: field.default for field in fields(DecisionBlock)}
    assert [name for name, value in defaults.items() if getattr(RICH, name) == value] == ["several"]
    assert read(RICH.to_json()) == RICH


@given(st.sampled_from(PLACES), ANYTHING)
def test_any_value_anywhere_is_read_or_refused_by_name(path, value):
    found, message = read_or_refused(changed(RICH.to_json(), path, value))
    if found is None:
        assert message.startswith("limen.decision")
    else:
        assert read(found.to_json()) == found


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: ".".join(map(str, path)))
def test_no_field_may_be_missing(path):
    with pytest.raises(FormatError, match=rf"^limen\.decision.*field '{path[-1]}' is missing"):
        read(without(RICH.to_json(), path))


@pytest.mark.parametrize("path", sorted({path[:-1] for path in FIELDS}, key=str), ids=str)
def test_further_fields_are_ignored(path):
    assert read(changed(RICH.to_json(), (*path, "further"), 1)) == RICH
