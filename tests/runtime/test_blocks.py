"""Every valid block survives being stored; no invalid one is read."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import FormatError, InputError
from limen.format import (
    DecisionBlock,
    EncoderBlock,
    Evidence,
    ExecutionBlock,
    Golden,
    OperatingPoint,
    Provenance,
    Rung,
    json_block,
)

NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.strip())
SHARES = st.floats(0.0, 1.0)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NOT_NEGATIVE = st.floats(0.0, allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**31 - 1)


def stored(block):
    return type(block).from_json(json_block.parse(json_block.dump(block.to_json()), "limen.block"))


@st.composite
def decisions(draw):
    rule, link = draw(
        st.sampled_from(
            [("multilabel", "sigmoid"), ("multiclass", "softmax"), ("multiclass", "sigmoid")]
        )
    )
    low = 2 if rule == "multiclass" else 1
    high = 2 if (rule, link) == ("multiclass", "sigmoid") else 12
    labels = draw(st.lists(NAMES, min_size=low, max_size=high, unique=True))
    thresholds = st.tuples(*[SHARES] * len(labels))
    if rule == "multiclass":
        thresholds = st.none() | thresholds
    points = draw(st.dictionaries(st.text(max_size=20), thresholds, min_size=1, max_size=5))
    default = draw(st.sampled_from(sorted(points)))
    listed = tuple(OperatingPoint(name, points[name]) for name in points)
    return DecisionBlock(rule, tuple(labels), link, listed, default)


encoders = st.builds(
    EncoderBlock,
    tokenizer_json=st.text(min_size=1, max_size=500),
    max_tokens=st.integers(1, 1_048_576),
    truncation_side=st.sampled_from(["left", "right"]),
    special_tokens_in_text=st.booleans(),
)
rungs = st.builds(
    Rung,
    precision=st.sampled_from(["fp32", "int8"]),
    size_bytes=COUNTS,
    max_logit_difference=NOT_NEGATIVE,
    texts_alike=SHARES,
    cells_alike=SHARES,
    p50_ms=st.none() | NOT_NEGATIVE,
)
evidences = st.builds(
    Evidence,
    texts_name=st.text(),
    texts=COUNTS,
    rungs=st.lists(rungs, max_size=5).map(tuple),
    fitted_on=st.none() | st.text(),
)
provenances = st.builds(
    Provenance,
    source=st.text(),
    versions=st.dictionaries(st.text(), st.text(), max_size=8).map(
        lambda versions: tuple(sorted(versions.items()))
    ),
    date=st.dates().map(str),
    licence=st.none() | st.text(),
)


@st.composite
def goldens(draw):
    row = st.tuples(
        st.text(max_size=50),
        st.lists(st.integers(0, 2**31 - 1), max_size=9).map(tuple),
        st.lists(FINITE, max_size=4).map(tuple),
    )
    rows = draw(st.lists(row, max_size=6))
    texts, ids, logits = (tuple(row[part] for row in rows) for part in range(3))
    return Golden(texts, ids, logits, draw(NOT_NEGATIVE))


@given(decisions())
def test_decision(block):
    """Points come back in the order of their names, as JSON's sorted keys have them."""
    in_order = tuple(sorted(block.points, key=lambda point: point.name))
    assert stored(block) == replace(block, points=in_order)


@given(encoders)
def test_encoder(block):
    assert stored(block) == block


@given(st.sampled_from(["fp32", "int8"]).map(ExecutionBlock))
def test_execution(block):
    assert stored(block) == block


@given(evidences)
def test_evidence(block):
    assert stored(block) == block


@given(goldens())
def test_golden(block):
    assert stored(block) == block


@given(provenances)
def test_provenance(block):
    assert stored(block) == block


@given(decisions())
def test_outputs_is_one_only_for_two_labels_with_one_logit(block):
    single = block.rule == "multiclass" and block.link == "sigmoid"
    assert block.outputs == (1 if single else len(block.labels))


@given(decisions(), st.text(max_size=20))
def test_point_is_found_by_name_or_refused_with_the_names_there_are(block, name):
    names = [point.name for point in block.points]
    if name in names:
        assert block.point(name) == block.points[names.index(name)]
    else:
        with pytest.raises(InputError) as caught:
            block.point(name)
        assert all(own in str(caught.value) for own in names)


HALF = OperatingPoint("half", (0.5, 0.5))
GOOD = DecisionBlock("multilabel", ("a", "b"), "sigmoid", (HALF,), "half")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ()}, "0 labels, expected 1 to 10,000"),
        ({"labels": tuple(map(str, range(10_001)))}, "10,001 labels"),
        ({"labels": ("a", "a")}, "'a' stands twice"),
        ({"labels": ("a", "")}, "label 1 is empty"),
        ({"labels": ("a", "\n")}, "label 1 is empty"),
        ({"labels": ("a", "x" * 1_001)}, "label 1 is empty or longer than 1,000 characters"),
        ({"labels": ("a", "\ud800")}, "label 1"),
        ({"link": "softmax"}, "rule multilabel needs link sigmoid"),
        ({"rule": "multiclass", "labels": ("a",)}, "two labels or more"),
        ({"rule": "multiclass", "labels": ("a", "b", "c")}, "needs two labels, found 3"),
        ({"points": ()}, "1 to 100 operating points"),
        ({"points": (HALF, HALF)}, "unlike names"),
        ({"default_point": "f1"}, "default point 'f1' is none of half"),
        ({"points": (OperatingPoint("half", None),)}, "rule multilabel needs thresholds"),
        ({"points": (OperatingPoint("half", (0.5,)),)}, "1 thresholds for 2 labels"),
        ({"points": (OperatingPoint("half", (0.5, 1.01)),)}, "1.01 of label 'b' is outside"),
        ({"points": (OperatingPoint("half", (-0.01, 0.5)),)}, "-0.01 of label 'a' is outside"),
        ({"points": (OperatingPoint("half", (float("nan"), 0.5)),)}, "nan of label 'a'"),
        ({"points": (OperatingPoint("half", (0.5, float("inf"))),)}, "inf of label 'b'"),
    ],
)
def test_no_unfit_decision_can_be_made(changes, message):
    with pytest.raises(InputError, match=message):
        replace(GOOD, **changes)


VALUES = st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=5)
ANYTHING = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def read_or_refused(read):
    """What reading gave, and the message of its FormatError."""
    try:
        return read(), None
    except FormatError as error:
        return None, str(error)


@pytest.mark.parametrize(
    "block",
    [
        GOOD,
        EncoderBlock("{}", 16),
        ExecutionBlock("fp32"),
        Evidence("texts", 1, (Rung("fp32", 1, 0.0, 1.0, 1.0, None),)),
        Golden(("a",), ((1,),), ((0.5,),), 0.1),
        Provenance("hub/name", (("limen", "0.1"),), "2026-01-01"),
    ],
    ids=lambda block: type(block).__name__,
)
@given(data=st.data())
def test_any_value_in_any_field_is_read_or_refused_by_format_error(block, data):
    plain = block.to_json()
    field = data.draw(st.sampled_from(sorted(plain)))
    plain[field] = data.draw(ANYTHING)
    text = json.dumps(plain)
    read, message = read_or_refused(
        lambda: type(block).from_json(json_block.parse(text, "limen.b"))
    )
    assert message.startswith("limen.") if read is None else stored(read) == read


@given(st.dictionaries(st.text(), ANYTHING, max_size=4))
def test_what_dump_writes_parse_reads(value):
    assert json_block.parse(json_block.dump(value), "place").keys() == tuple(sorted(value))


@given(st.text())
def test_arbitrary_text_is_an_object_or_a_format_error(text):
    node, message = read_or_refused(lambda: json_block.parse(text, "place"))
    assert message.startswith("place: ") if node is None else isinstance(json.loads(text), dict)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nothing_that_is_no_number_is_ever_written(value):
    with pytest.raises(ValueError, match="JSON"):
        json_block.dump({"a": [value]})
