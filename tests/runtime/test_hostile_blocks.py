"""Files whose digest is right and whose calibration or replaced blocks are not as docs/format.md
says.
"""

import json

import pytest
from limen.errors import FormatError
from limen.format import parse

NEXT_STEP = r"(export|upgrade|fetch|inline|load and save)"
DECISION = "limen.decision"
POINT = {"thresholds": [0.5, 0.5, 0.5, 0.5], "sets": False, "promise": None}
CURVE = {"raw": [0.1, 0.9], "calibrated": [0.2, 0.8]}
ISOTONIC = {"kind": "isotonic", "curves": [CURVE]}
PLATT = {"kind": "platt", "slopes": [1.0], "intercepts": [0.0]}
KNOTS = [index / 2_000 for index in range(1_001)]
BLOCK = {"name": "old", "calibration": None, "points": {"half": POINT}, "default_point": "half"}


def decision(**fields):
    """A case that sets fields of the decision."""
    return lambda forge: forge.with_block(DECISION, **fields)


def block(**fields):
    """A case that sets fields of the block in use."""

    def make(forge):
        stored = json.loads(forge.properties()[DECISION])["block"]
        return forge.with_block(DECISION, block=stored | fields)

    return make


def calibration(stored, **fields):
    return block(calibration=stored | fields)


CALIBRATIONS = {
    "no object": (block(calibration=2.0), "calibration: an object"),
    "empty": (block(calibration={}), "block.calibration: field 'kind' is missing"),
    "of unknown kind": (
        block(calibration={"kind": "beta"}),
        "kind: one of temperature, platt, iso",
    ),
    "temperature of nothing": (
        block(calibration={"kind": "temperature", "temperatures": [0]}),
        r"a temperature outside \[1e-06, 1e\+06\]",
    ),
    "no temperatures": (
        block(calibration={"kind": "temperature", "temperatures": []}),
        "calibration for 0 outputs, the graph has 4",
    ),
    "two temperatures for multi-class": (
        decision(
            rule="multiclass",
            link="softmax",
            block=BLOCK | {"calibration": {"kind": "temperature", "temperatures": [1, 1, 1, 1]}},
        ),
        "multiclass takes one temperature, found 4",
    ),
    "too many for the outputs": (
        calibration(PLATT, slopes=[1.0] * 5, intercepts=[0.0] * 5),
        "calibration for 5 outputs, the graph has 4: expected one for all, or one for each",
    ),
    "more than outputs can be": (calibration(PLATT, slopes=[1] * 100_001), "at most 100,000 items"),
    "a falling slope": (calibration(PLATT, slopes=[-0.1]), r"a slope outside \[0, 1e\+06\]"),
    "a slope without an end": (calibration(PLATT, slopes=[1.1e6]), "a slope outside"),
    "an intercept too far": (calibration(PLATT, intercepts=[-1.1e6]), "an intercept outside"),
    "slopes without intercepts": (
        calibration(PLATT, slopes=[1.0] * 4),
        "4 slopes and 1 intercepts",
    ),
    "a slope that is a text": (calibration(PLATT, slopes=["1"]), "slopes: a number"),
    "no curves": (calibration(ISOTONIC, curves=[]), "calibration for 0 outputs"),
    "curves for three": (
        calibration(ISOTONIC, curves=[CURVE] * 3),
        "for 3 outputs, the graph has 4",
    ),
    "a curve that falls": (
        calibration(ISOTONIC, curves=[CURVE | {"calibrated": [0.8, 0.2]}]),
        "a curve falls",
    ),
    "knots out of order": (
        calibration(ISOTONIC, curves=[CURVE | {"raw": [0.9, 0.1]}]),
        "raw scores do not increase",
    ),
    "a knot twice": (
        calibration(ISOTONIC, curves=[CURVE | {"raw": [0.5, 0.5]}]),
        "do not increase",
    ),
    "a curve beyond one": (
        calibration(ISOTONIC, curves=[CURVE | {"calibrated": [0.2, 1.2]}]),
        "a curve leaves",
    ),
    "a knot below zero": (calibration(ISOTONIC, curves=[CURVE | {"raw": [-0.1, 1]}]), "leaves"),
    "an empty curve": (
        calibration(ISOTONIC, curves=[{"raw": [], "calibrated": []}]),
        "a curve of 0 raw and 0 calibrated scores, expected 1 to 1,000 of each",
    ),
    "unlike numbers of knots": (
        calibration(ISOTONIC, curves=[CURVE | {"raw": [0.1]}]),
        "a curve of 1 raw and 2 calibrated",
    ),
    "too many knots": (
        calibration(ISOTONIC, curves=[{"raw": KNOTS, "calibrated": KNOTS}]),
        r"curves\[0\]: raw: at most 1,000 items",
    ),
    "of yes and no": (
        lambda forge: type(forge)(decision(link="labels")(forge)).with_block(
            DECISION, block=BLOCK | {"calibration": PLATT}
        ),
        "nothing to calibrate",
    ),
}
BLOCKS = {
    "no block": (decision(block=None), "block: an object"),
    "without a name": (block(name=None), "block: name: a string"),
    "replaced is no list": (decision(replaced={}), "replaced: a list"),
    "replaced over the cap": (
        decision(replaced=[BLOCK | {"name": f"old {index}"} for index in range(9)]),
        "replaced: at most 8 items expected, found 9",
    ),
    "replaced twice": (decision(replaced=[BLOCK, BLOCK]), "replaced blocks of unlike names"),
    "replaced and in use": (decision(replaced=[BLOCK | {"name": "export"}]), "of unlike names"),
    "replaced for other labels": (
        decision(replaced=[BLOCK | {"points": {"half": POINT | {"thresholds": [0.5]}}}]),
        "1 thresholds for 4 labels",
    ),
    "replaced with a curve that falls": (
        decision(
            replaced=[
                BLOCK | {"calibration": ISOTONIC | {"curves": [CURVE | {"calibrated": [0.8, 0.2]}]}}
            ]
        ),
        r"replaced\[0\]\.calibration: a curve falls",
    ),
}
CASES = {f"calibration: {name}": case for name, case in CALIBRATIONS.items()}
CASES |= {f"blocks: {name}": case for name, case in BLOCKS.items()}


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
        calibration(PLATT),
        calibration(ISOTONIC),
        calibration(ISOTONIC, curves=[{"raw": KNOTS[1:], "calibrated": KNOTS[1:]}] * 4),
        block(calibration={"kind": "temperature", "temperatures": [1e-6, 1e6, 1, 2]}),
        decision(replaced=[BLOCK | {"name": f"old {index}"} for index in range(8)]),
    ],
)
def test_what_the_cases_are_made_of_is_accepted(forge, make):
    assert parse(make(forge), "good.onnx").name == "good.onnx"
