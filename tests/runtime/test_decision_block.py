"""Every valid `limen.decision` survives being stored; no unfit one can be made."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.errors import InputError
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
from limen.format.point_names import canonical
from limen.format.rules import LINKS_OF, PAIRS, RULES, check_outputs, outputs_of

NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.strip())
SHARES = st.floats(0.0, 1.0)
INSIDE = st.floats(0.0, 1.0, exclude_min=True, exclude_max=True)


def stored(block):
    text = json_block.dump(block.to_json())
    return DecisionBlock.from_json(json_block.parse(text, "limen.decision"))


@st.composite
def curves(draw):
    raw = sorted(draw(st.sets(SHARES, min_size=1, max_size=6)))
    calibrated = sorted(draw(st.lists(SHARES, min_size=len(raw), max_size=len(raw))))
    return Curve(tuple(raw), tuple(calibrated))


def calibrations(outputs, one_temperature):
    """Calibrations for a graph of so many outputs: one for all, or one for each."""

    def listed(elements, counts=(1, outputs)):
        return st.sampled_from(counts).flatmap(
            lambda count: st.lists(elements, min_size=count, max_size=count).map(tuple)
        )

    parameter = st.floats(-1e6, 1e6)
    pairs = listed(st.tuples(st.floats(0, 1e6), parameter))
    return st.one_of(
        st.none(),
        listed(st.floats(1e-6, 1e6), (1,) if one_temperature else (1, outputs)).map(Temperature),
        pairs.map(lambda both: Platt(*zip(*both, strict=True))),
        listed(curves()).map(Isotonic),
    )


@st.composite
def promises(draw, never):
    """Promises that leave out some of the labels that are never given."""
    kind = draw(st.sampled_from(["precision", "coverage"]))
    confidence = draw(INSIDE) if kind == "precision" else None
    without = draw(st.lists(st.sampled_from(never), unique=True)) if never else ()
    return Promise(kind, draw(INSIDE), confidence, draw(st.integers(1, 2**53)), tuple(without))


@st.composite
def points(draw, name, labels, one_label):
    listed = st.tuples(*[st.none() | SHARES] * len(labels))
    thresholds = draw(st.none() | listed if one_label else listed)
    sets = one_label and thresholds is not None and draw(st.booleans())
    never = [
        label
        for label, value in zip(labels, thresholds or (0.0,) * len(labels), strict=True)
        if value is None
    ]
    return OperatingPoint(name, thresholds, sets, draw(st.none() | promises(never)))


@st.composite
def fitted(draw, name, labels, outputs, shared, one_label, link):
    names = st.text(max_size=20).filter(lambda name: canonical(name) == name)
    own = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return FittedBlock(
        name,
        tuple(draw(points(one, labels, one_label)) for one in own),
        draw(st.sampled_from(own)),
        None if link == "labels" else draw(calibrations(outputs, shared)),
    )


@st.composite
def decisions(draw):
    rule = draw(st.sampled_from(RULES))
    link = draw(st.sampled_from(LINKS_OF[rule]))
    low = 1 if rule == "multilabel" else 2
    high = 2 if (rule, link) == ("multiclass", "sigmoid") else 6
    labels = tuple(draw(st.lists(NAMES, min_size=low, max_size=high, unique=True)))
    several = rule == "one_vs_rest" and draw(st.booleans())
    one_label = rule != "multilabel" and not several
    outputs = outputs_of(rule, link, len(labels))
    shared = rule == "multiclass" and outputs > 1
    names = draw(st.lists(st.text(max_size=20), min_size=1, max_size=4, unique=True))
    blocks = [draw(fitted(name, labels, outputs, shared, one_label, link)) for name in names]
    used = blocks.pop()
    return DecisionBlock(
        rule,
        labels,
        link,
        used.points,
        used.default_point,
        calibration=used.calibration,
        block_name=used.name,
        several=several,
        pairs=draw(st.sampled_from(PAIRS)) if rule == "one_vs_one" and link != "labels" else "vote",
        abstain=AbstainPolicy(draw(SHARES), draw(st.sampled_from(["none", "top1"]))),
        replaced=tuple(blocks),
    )


def in_order(block):
    """Points in the order of their names, as JSON's sorted keys bring them back."""
    return replace(block, points=tuple(sorted(block.points, key=lambda point: point.name)))


@given(decisions())
def test_decision(block):
    kept = tuple(in_order(old) for old in block.replaced)
    assert stored(block) == replace(in_order(block), replaced=kept)


@given(decisions())
def test_going_back_to_a_replaced_block_gives_the_decision_as_it_was(block):
    new = replace(block.block, name="new" * 10)
    there = block.with_block(new)
    assert there.block == new
    assert there.replaced == (*block.replaced, block.block)
    back = there.with_block(block.block)
    assert back.block == block.block
    assert back.replaced == (*block.replaced, new)


def test_of_too_many_replaced_blocks_the_second_goes_and_the_exporters_stays():
    block = GOOD
    for number in range(12):
        block = block.with_block(replace(block.block, name=f"tune {number}"))
    assert [old.name for old in block.replaced] == [
        "export",
        *(f"tune {number}" for number in range(4, 11)),
    ]


@given(decisions())
def test_outputs_follow_from_rule_link_and_labels(block):
    labels = len(block.labels)
    pairs = sum(1 for first in range(labels) for later in range(first + 1, labels))
    single = block.rule == "multiclass" and block.link == "sigmoid"
    assert block.outputs == (pairs if block.rule == "one_vs_one" else 1 if single else labels)


def test_a_rule_that_does_not_fit_the_outputs_is_told_in_numbers():
    message = "one_vs_one over 4 labels needs 6 outputs, the graph has 4"
    with pytest.raises(InputError, match=message):
        check_outputs("one_vs_one", "sigmoid", 4, 4)
    check_outputs("one_vs_one", "sigmoid", 4, 6)


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
UNKNOWN = Promise("coverage", 0.9, None, 10, ("c",))
WITHOUT_B = Promise("precision", 0.9, 0.95, 10, ("b",))


@pytest.mark.parametrize(
    "made",
    [
        lambda: Temperature((0.0,)),
        lambda: Temperature((float("nan"),)),
        lambda: Platt((-0.1,), (0.0,)),
        lambda: Platt((1.0,), (0.0, 0.0)),
        lambda: Platt((1.0,), (float("inf"),)),
        lambda: Curve((), ()),
        lambda: Curve((0.5, 0.5), (0.1, 0.2)),
        lambda: Curve((0.1, 0.5), (0.3, 0.2)),
        lambda: Curve((0.1,), (1.2,)),
        lambda: Curve((0.1,), (0.1, 0.2)),
        lambda: Curve(tuple(i / 2_000 for i in range(1_001)), (0.5,) * 1_001),
        lambda: Promise("coverage", 0.0, None, 10),
        lambda: Promise("coverage", 1.0, None, 10),
        lambda: Promise("coverage", float("nan"), None, 10),
        lambda: Promise("coverage", 0.9, 0.9, 10),
        lambda: Promise("precision", 0.9, None, 10),
        lambda: Promise("precision", 0.9, 1.0, 10),
    ],
)
def test_no_calibration_and_no_promise_can_be_made_that_leaves_its_range(made):
    with pytest.raises(InputError):
        made()


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
        ({"link": "softmax"}, "rule multilabel needs link sigmoid or log or labels, found softmax"),
        ({"rule": "multiclass", "labels": ("a",)}, "two labels or more"),
        ({"rule": "multiclass", "labels": ("a", "b", "c")}, "needs two labels, found 3"),
        ({"points": ()}, "1 to 100 operating points"),
        ({"points": (HALF, HALF)}, "unlike names"),
        ({"default_point": "f1"}, "default point 'f1' is none of half"),
        ({"points": (OperatingPoint("half", None),)}, "needs thresholds"),
        ({"points": (replace(HALF, sets=True),)}, "sets need thresholds and a rule that gives one"),
        (
            {
                "points": (
                    replace(HALF, name="precision@0.9"),
                    replace(HALF, name="precision@0.90"),
                ),
                "default_point": "precision@0.9",
            },
            "unlike names",
        ),
        ({"points": (replace(HALF, promise=UNKNOWN),)}, "its promise names unknown labels"),
        ({"points": (replace(HALF, promise=WITHOUT_B),)}, "promised for label 'b', and its thresh"),
        (
            {
                "rule": "multiclass",
                "link": "softmax",
                "points": (OperatingPoint("half", None, promise=WITHOUT_B),),
            },
            "promised for label 'b', and its threshold is not null",
        ),
        ({"several": True}, "an option of one_vs_rest, not multilabel"),
        ({"abstain": AbstainPolicy(margin=1.5)}, "margin 1.5 is outside"),
        ({"abstain": AbstainPolicy(margin=float("nan"))}, "margin nan is outside"),
        ({"abstain": AbstainPolicy(fallback="best")}, "fallback 'best', expected one of none"),
        ({"calibration": Temperature((1.0,) * 3)}, "calibration for 3 outputs, the graph has 2"),
        ({"calibration": Isotonic(())}, "calibration for 0 outputs, the graph has 2"),
        ({"link": "labels", "calibration": Temperature((1.0,))}, "nothing to calibrate"),
        ({"pairs": "max"}, "pairs max is an option of one_vs_one, not multilabel"),
        ({"rule": "one_vs_one", "link": "labels", "pairs": "max"}, "have no surest pair"),
        (
            {"rule": "multiclass", "link": "softmax", "calibration": Temperature((1.0, 2.0))},
            "takes one temperature, found 2",
        ),
        ({"replaced": (GOOD.block,)}, "replaced blocks of unlike names"),
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
