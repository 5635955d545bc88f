"""Files whose digest is right and whose `limen.decision` is not as docs/format.md says
(calibrations and replaced blocks: test_hostile_blocks.py).
"""

import json

import pytest
from limen.errors import FormatError
from limen.format import parse

NEXT_STEP = r"(export|upgrade|fetch|inline|load and save)"
DECISION = "limen.decision"
MANY = [f"label {index}" for index in range(10_001)]
FOUR = [0.5, 0.5, 0.5, 0.5]
POINT = {"thresholds": FOUR, "sets": False, "promise": None}
PROMISE = {"kind": "precision", "level": 0.9, "confidence": 0.95, "texts": 100, "without": []}
BLOCK = {"name": "old", "calibration": None, "points": {"half": POINT}, "default_point": "half"}
NO_GOLDEN = {"texts": [], "ids": [], "logits": []}


def decision(**fields):
    """A case that sets fields of the decision."""
    return lambda forge: forge.with_block(DECISION, **fields)


def block(**fields):
    """A case that sets fields of the block in use."""

    def make(forge):
        stored = json.loads(forge.properties()[DECISION])["block"]
        return forge.with_block(DECISION, block=stored | fields)

    return make


def point(**fields):
    """A case that sets fields of the point f1, the block's only one."""
    return block(points={"f1": POINT | fields})


def promise(**fields):
    return point(promise=PROMISE | fields)


def rule(**fields):
    """A case of a rule that gives one label: its one point has no thresholds."""

    def make(forge):
        stored = json.loads(forge.properties()[DECISION])["block"]
        points = {"f1": POINT | {"thresholds": None}}
        return forge.with_block(DECISION, block=stored | {"points": points}, **fields)

    return make


def one_vs_one(forge):
    """Four labels and four outputs, where every pair needs one."""
    return type(forge)(forge.with_block("limen.golden", **NO_GOLDEN)).with_block(
        DECISION, rule="one_vs_one"
    )


LABELS = {
    "of numbers": (decision(labels=[1, 2]), "labels: a list of str"),
    "no list": (decision(labels="abcd"), "labels: a list expected"),
    "over the cap": (decision(labels=MANY), "at most 10,000 items"),
    "none": (decision(labels=[]), "0 labels"),
    "one twice": (decision(labels=["a", "b", "a", "c"]), "'a' stands twice"),
    "a blank one": (decision(labels=["a", "b", " ", "c"]), "label 2 is empty"),
    "a lone surrogate": (
        decision(labels=["a", "b", "\ud800", "c"]),
        "limen.decision: a lone surrogate",
    ),
}
RULE = {
    "unknown": (decision(rule="lottery"), "rule: one of multiclass"),
    "of a page": (decision(rule="x" * 9_999), "rule: one of multiclass"),
    "unknown link": (decision(link="eval"), "link: one of softmax"),
    "unfit link": (decision(link="softmax"), "needs link sigmoid or log or labels, found softmax"),
    "sigmoid and four labels": (rule(rule="multiclass"), "sigmoid needs two labels, found 4"),
    "one label": (rule(rule="one_vs_rest", labels=["a"]), "needs two labels or more"),
    "several is no truth value": (decision(several=1), "several: true or false"),
    "several and multi-label": (decision(several=True), "an option of one_vs_rest, not multilabel"),
    "several and multi-class": (
        decision(rule="multiclass", link="softmax", several=True),
        "an option of one_vs_rest, not multiclass",
    ),
    "unknown pairs": (decision(pairs="sum"), "pairs: one of vote, max expected, found sum"),
    "pairs without pairs": (decision(pairs="max"), "an option of one_vs_one, not multilabel"),
    "surest of yes and no": (
        rule(rule="one_vs_one", link="labels", pairs="max"),
        "no surest pair: use pairs vote",
    ),
    "outputs of one against one": (
        one_vs_one,
        "one_vs_one over 4 labels needs 6 outputs, the graph has 4",
    ),
    "thresholds missing": (rule(), "'f1': a rule that gives any number of labels needs thresholds"),
    "thresholds missing, several": (
        rule(rule="one_vs_rest", several=True),
        "'f1': a rule that gives any number of labels needs thresholds",
    ),
}
ABSTAIN = {
    "a name": (decision(abstain="top1"), "abstain: an object expected"),
    "empty": (decision(abstain={}), "limen.decision.abstain: field 'margin' is missing"),
    "unknown fallback": (
        decision(abstain={"margin": 0.0, "fallback": "best"}),
        "abstain: fallback: one of none, top1 expected, found best",
    ),
    "margin over one": (
        decision(abstain={"margin": 1.1, "fallback": "none"}),
        "abstain: margin: a finite number from 0.0 to 1.0",
    ),
    "margin is a text": (
        decision(abstain={"margin": "0.1", "fallback": "none"}),
        "abstain: margin: a number",
    ),
}
POINTS = {
    "no default": (block(default_point="none"), "default point 'none'"),
    "none": (block(points={}), "1 to 100 operating points"),
    "a list": (block(points=[FOUR]), "points: an object"),
    "over the cap": (block(points={f"p{i}": POINT for i in range(101)}), "1 to 100 operating poi"),
    "two spellings of one": (
        block(points={"f1": POINT, "precision@0.9": POINT, "precision@0.900": POINT}),
        "operating points of unlike names",
    ),
    "thresholds alone": (block(points={"f1": FOUR}), "points: f1: an object"),
    "threshold over one": (
        point(thresholds=[0.5, 0.5, 0.5, 1.5]),
        "points.f1: thresholds: a finite number from 0.0 to 1.0 expected, found 1.5",
    ),
    "threshold true": (point(thresholds=[0.5, 0.5, 0.5, True]), "thresholds: a number expected"),
    "too few thresholds": (point(thresholds=[0.5]), "1 thresholds for 4 labels"),
    "thresholds over the cap": (point(thresholds=[0.5] * 10_001), "at most 10,000 items"),
    "sets are no truth value": (point(sets=None), "sets: true or false"),
    "sets and multi-label": (point(sets=True), "sets need thresholds and a rule that gives one"),
    "sets without thresholds": (
        decision(
            rule="multiclass",
            link="softmax",
            block=BLOCK | {"points": {"half": POINT | {"sets": True, "thresholds": None}}},
        ),
        "sets need thresholds",
    ),
}
PROMISES = {
    "of another kind": (promise(kind="recall"), "kind: one of precision, coverage"),
    "of nothing": (promise(level=0), "a level or confidence outside"),
    "of everything": (promise(level=1), "a level or confidence outside"),
    "level over one": (promise(level=1.5), "a level or confidence outside"),
    "level below zero": (promise(level=-0.5), "a level or confidence outside"),
    "confidence of one": (promise(confidence=1.0), "a level or confidence outside"),
    "no confidence": (promise(confidence=None), "a promise of precision needs confidence"),
    "coverage with confidence": (promise(kind="coverage"), "a promise of coverage has no confid"),
    "no texts": (promise(texts=0), "texts: 1 to"),
    "half a text": (promise(texts=10.5), "texts: an integer"),
    "unknown label": (promise(without=["joy"]), "'f1': its promise names unknown labels"),
    "left out and given": (promise(without=["슬픔"]), "for label '슬픔', and its threshold is not"),
    "no object": (point(promise=0.9), "promise: an object"),
}
GROUPS = {
    "labels": LABELS,
    "rule": RULE,
    "abstain": ABSTAIN,
    "points": POINTS,
    "promise": PROMISES,
}
CASES = {f"{key}: {name}": case for key, cases in GROUPS.items() for name, case in cases.items()}


@pytest.mark.parametrize("case", CASES)
def test_refused_by_name(forge, case):
    make, message = CASES[case]
    with pytest.raises(FormatError, match=rf"(?s)^hostile\.onnx: .*{message}"):
        parse(make(forge), "hostile.onnx")


@pytest.mark.parametrize("case", CASES)
def test_message_says_what_to_do_on_one_short_line(forge, case):
    with pytest.raises(FormatError, match=NEXT_STEP) as caught:
        parse(CASES[case][0](forge), "hostile.onnx")
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        promise(),
        promise(kind="coverage", confidence=None),
        point(thresholds=[0.5, 0.5, None, 0.5], promise=PROMISE | {"without": ["슬픔"]}),
        decision(abstain={"margin": 1, "fallback": "top1"}),
    ],
)
def test_what_the_cases_are_made_of_is_accepted(forge, make):
    assert parse(make(forge), "good.onnx").name == "good.onnx"
