"""What is told of the scales of parts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.decision import score
from limen.errors import InputError
from limen.evaluation.calibrating import fit_calibration
from limen.format import DecisionBlock, OperatingPoint
from limen_export.training.scale_report import scale_report
from scipy.special import expit

LABELS = ("one", "two", "three")
STRETCHED = np.array([1.0, 4.0, 0.25])


def parts(texts=6_000, seed=0):
    """Right log-odds of three labels, stretched by another factor each: logits and truth."""
    draw = np.random.default_rng(seed)
    odds = draw.normal(-1, 2, (texts, 3))
    truth = draw.random((texts, 3)) < expit(odds)
    return (odds * STRETCHED).astype(np.float32), truth


def calibrated(logits, truth):
    point = OperatingPoint("half", (0.5,) * 3)
    plain = DecisionBlock("one_vs_rest", LABELS, "sigmoid", (point,), "half", several=True)
    fitted = fit_calibration(logits.astype(np.float64), truth, plain, "platt_each")
    block = DecisionBlock("one_vs_rest", LABELS, "sigmoid", (point,), "half", fitted, several=True)
    return score(logits, block).scores


def test_slopes_show_unlike_scales_and_calibration_makes_them_alike():
    logits, truth = parts()
    found = scale_report(logits, calibrated(logits, truth), truth, LABELS)
    slopes = np.array([part.before.slope for part in found.parts])
    assert slopes * STRETCHED == pytest.approx(np.ones(3), rel=0.1)
    before, after = found.slopes
    assert before[1] / before[0] > 12
    assert after == pytest.approx((1, 1), abs=0.01)
    ratios = found.spread_ratios
    assert ratios[0] > 12
    assert ratios[1] < 1.2


def test_means_and_spreads_are_those_of_the_texts_of_either_kind():
    logits, truth = parts(200)
    found = scale_report(logits, expit(logits), truth, LABELS)
    for place, part in enumerate(found.parts):
        own, true = logits[:, place].astype(np.float64), truth[:, place]
        expected = [own[true].mean(), own[true].std(), own[~true].mean(), own[~true].std()]
        scale = part.before
        told = [scale.mean_true, scale.spread_true, scale.mean_false, scale.spread_false]
        assert told == pytest.approx(expected)
        assert scale.spread == pytest.approx(own.std())


def test_without_calibration_nothing_differs():
    logits, truth = parts(2_000)
    found = scale_report(logits, expit(logits), truth, LABELS)
    for part in found.parts:
        assert part.after.slope == pytest.approx(part.before.slope, rel=1e-2)
        assert part.after.mean_true == pytest.approx(part.before.mean_true, rel=1e-2)


def test_lines_tell_both_ends():
    logits, truth = parts()
    truth[:, 2] = False
    truth[:19, 2] = True
    lines = scale_report(logits, expit(logits), truth, LABELS).lines()
    assert lines[0] == "scales of 3 parts on 6,000 texts"
    assert lines[1].startswith("  before calibration: slopes 0.2")
    assert "times the smallest" in lines[2]
    assert lines[3] == "  1 part with fewer than 20 texts of a kind, and no slope"


@given(
    texts=st.integers(1, 30),
    seed=st.integers(0, 100),
    scale=st.sampled_from([0.0, 1.0, 1e4, 1e30]),
)
def test_any_texts_can_be_told_as_json(texts, seed, scale):
    draw = np.random.default_rng(seed)
    logits = (draw.normal(0, 1, (texts, 3)) * scale).astype(np.float32)
    truth = draw.random((texts, 3)) < draw.random(3)
    found = scale_report(logits, expit(logits), truth, LABELS)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [part["label"] for part in told["parts"]] == list(LABELS)
    assert found.lines()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda logits, scores, truth: (logits[:2], scores, truth), "expected .texts, labels."),
        (lambda logits, scores, truth: (logits[:0], scores[:0], truth[:0]), "at least one text"),
        (
            lambda logits, scores, truth: (logits * np.float32(np.nan), scores, truth),
            "logit is NaN",
        ),
        (lambda logits, scores, truth: (logits, scores * 2, truth), "score is NaN or outside"),
        (
            lambda logits, scores, truth: (logits, scores * np.float32(np.nan), truth),
            "score is NaN",
        ),
    ],
)
def test_arrays_that_do_not_fit(change, told):
    logits, truth = parts(50)
    with pytest.raises(InputError, match=told):
        scale_report(*change(logits, expit(logits), truth), LABELS)
