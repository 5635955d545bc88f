"""Every valid block survives being stored; no invalid one is read. `limen.decision` has more tests
of its own (test_decision_block.py, test_decision_json.py).
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import FormatError
from limen.format import (
    DecisionBlock,
    EncoderBlock,
    Evidence,
    ExecutionBlock,
    FitRecord,
    GateRecord,
    Golden,
    Judgement,
    OperatingPoint,
    Provenance,
    Rung,
    RungQuality,
    json_block,
)
from limen.format.record_blocks import DEVICE_PRECISIONS

NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.strip())
SHARES = st.floats(0.0, 1.0)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NOT_NEGATIVE = st.floats(0.0, allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**31 - 1)
HALF = OperatingPoint("half", (0.5, 0.5))
GOOD = DecisionBlock("multilabel", ("a", "b"), "sigmoid", (HALF,), "half")


def stored(block):
    return type(block).from_json(json_block.parse(json_block.dump(block.to_json()), "limen.block"))


encoders = st.builds(
    EncoderBlock,
    tokenizer_json=st.text(min_size=1, max_size=500),
    max_tokens=st.integers(1, 1_048_576),
    truncation_side=st.sampled_from(["left", "right"]),
    special_tokens_in_text=st.booleans(),
)
DROPS = st.floats(-1.0, 1.0)
SENTENCES = st.text(max_size=60)
qualities = st.builds(
    RungQuality,
    metric=SENTENCES,
    source=SHARES,
    rung=SHARES,
    drop=DROPS,
    drop_low=DROPS,
    drop_high=DROPS,
    texts_alike_own=SHARES,
    cells_alike_own=SHARES,
)
judgements = st.builds(
    Judgement,
    texts_alike_low=SHARES,
    cells_alike_low=SHARES,
    quality=st.none() | qualities,
    verdict=st.sampled_from(["passed", "undecided", "failed"]),
    why=SENTENCES,
)
rungs = st.builds(
    Rung,
    precision=st.sampled_from(["fp32", "int8"]),
    size_bytes=COUNTS,
    max_logit_difference=NOT_NEGATIVE,
    texts_alike=SHARES,
    cells_alike=SHARES,
    p50_ms=st.none() | NOT_NEGATIVE,
    texts_per_second=st.none() | NOT_NEGATIVE,
    kept_in_float=st.lists(SENTENCES, max_size=3).map(tuple),
    detail=SENTENCES,
    judgement=st.none() | judgements,
)
gates = st.builds(
    GateRecord,
    max_drop=SHARES,
    min_agreement=SHARES,
    unit=st.sampled_from(["cells", "texts"]),
    strict=st.booleans(),
    point=SENTENCES,
    fitted=st.booleans(),
    labelled=st.booleans(),
)
NUMBERS = st.none() | FINITE
fits = st.builds(
    FitRecord,
    block=st.text(),
    texts_name=st.text(),
    texts=st.integers(1, 2**31),
    parts=st.dictionaries(st.text(), COUNTS, max_size=3).map(lambda d: tuple(sorted(d.items()))),
    judged=st.text(),
    figures=st.dictionaries(st.text(), NUMBERS, max_size=3).map(
        lambda figures: tuple(sorted(figures.items()))
    ),
    label_f1=st.lists(st.none() | SHARES, max_size=5).map(tuple),
    support=st.lists(COUNTS, max_size=5).map(tuple),
    notices=st.lists(st.text(), max_size=3).map(tuple),
)


@st.composite
def evidences(draw):
    tried = tuple(draw(st.lists(rungs, max_size=5)))
    chosen = draw(st.integers(0, len(tried) - 1)) if tried and draw(st.booleans()) else None
    return Evidence(
        texts_name=draw(st.text()),
        texts=draw(COUNTS),
        rungs=tried,
        fits=tuple(draw(st.lists(fits, max_size=3))),
        chosen=chosen,
        why=draw(SENTENCES),
        gate=draw(st.none() | gates),
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


@given(encoders)
def test_encoder(block):
    assert stored(block) == block


@given(
    st.sampled_from(
        [
            ExecutionBlock.made_for(device, precision, joined=joined)
            for device, every in DEVICE_PRECISIONS.items()
            for precision in every
            for joined in ([False, True] if device == "cpu" else [False])
        ]
    )
)
def test_execution(block):
    assert stored(block) == block


@given(evidences())
def test_evidence(block):
    assert stored(block) == block


@given(goldens())
def test_golden(block):
    assert stored(block) == block


@given(provenances)
def test_provenance(block):
    assert stored(block) == block


QUALITY = RungQuality("macro_f1", 0.5, 0.5, 0.0, -0.1, 0.1, 1.0, 1.0)
JUDGED = Judgement(0.9, 0.9, QUALITY, "passed", "it agrees")
TRIED = Rung("fp32", 1, 0.0, 1.0, 1.0, 0.5, 100.0, ("layer.0",), "one of two", JUDGED)
RULE = GateRecord(0.005, 0.995, "cells", False, "f1", True, True)
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
        Evidence("texts", 1, (TRIED,), (), 0, "the only one", RULE),
        TRIED,
        JUDGED,
        QUALITY,
        RULE,
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
