"""The quality gate: which rungs pass, which do not, and what it says of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen.errors import EngineError, InputError
from limen.evaluation.gating import Gate, GateSettings, TrueLabels
from limen.evaluation.tuning import TuneSettings
from limen.format import DecisionBlock, OperatingPoint

LABELS = tuple("abcdef")
SEVERAL = DecisionBlock(
    "multilabel", LABELS, "sigmoid", (OperatingPoint("half", (0.5,) * 6),), "half"
)
ONE = DecisionBlock("multiclass", LABELS, "softmax", (OperatingPoint("argmax", None),), "argmax")
QUICK = TuneSettings(calibration="none")


def texts(decision, count=800, seed=1):
    """Source logits and TrueLabels, of a classifier that is right most of the time."""
    draw = np.random.default_rng(seed)
    if decision.one_label:
        truth = np.eye(len(LABELS), dtype=np.bool_)[draw.integers(0, len(LABELS), count)]
    else:
        truth = draw.random((count, len(LABELS))) < 0.25
    logits = draw.normal(size=truth.shape) + 4.0 * truth - 2.0
    keys = draw.integers(0, 2**64, count, dtype=np.uint64)
    return logits.astype(np.float32), TrueLabels(truth, keys, QUICK)


def noisy(logits, size, seed=5):
    noise = np.random.default_rng(seed).normal(size=logits.shape)
    return (logits + size * noise).astype(np.float32)


@pytest.fixture(scope="module", params=[SEVERAL, ONE], ids=lambda one: one.rule)
def gate(request):
    source, labelled = texts(request.param)
    return Gate(request.param, source, labelled), source


def test_the_same_logits_pass(gate):
    judge, source = gate
    found = judge.judge(source.copy())
    assert (found.max_logit_difference, found.cells_alike, found.texts_alike) == (0.0, 1.0, 1.0)
    assert (found.verdict, found.passes) == ("passed", True)
    quality = found.quality
    assert (quality.drop, quality.drop_low, quality.drop_high) == (0.0, 0.0, 0.0)
    assert quality.source == quality.rung > 0.6
    assert (quality.cells_alike_own, quality.texts_alike_own) == (1.0, 1.0)
    assert 0.98 < found.texts_alike_low < 1.0
    assert 0.98 < found.cells_alike_low < 1.0


def test_random_logits_fail_on_both_counts(gate):
    judge, source = gate
    found = judge.judge(noisy(np.zeros_like(source), 1.0))
    assert (found.verdict, found.passes) == ("failed", False)
    assert "decided alike, expected" in found.why
    assert "allowed 0.005" in found.why
    assert found.quality.drop > 0.1


def test_more_noise_agrees_less(gate):
    judge, source = gate
    sizes = (0.0, 0.03, 0.3, 3.0)
    means = [
        np.mean([judge.judge(noisy(source, size, seed)).cells_alike for seed in range(4)])
        for size in sizes
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] == 1.0 > means[-1]


@pytest.mark.parametrize("decision", [SEVERAL, ONE], ids=lambda one: one.rule)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_texts_does_not_matter(decision, seed):
    source, labelled = texts(decision, 150)
    rung = noisy(source, 0.3)
    rows = np.random.default_rng(seed).permutation(len(source))
    moved = TrueLabels(labelled.truth[rows], labelled.keys[rows], labelled.fit)
    first = Gate(decision, source, labelled).judge(rung)
    assert Gate(decision, source[rows], moved).judge(rung[rows]) == first


def test_without_labels_agreement_alone_decides():
    source, _ = texts(SEVERAL)
    gate = Gate(SEVERAL, source)
    near = gate.judge(noisy(source, 0.003))
    assert (near.verdict, near.quality) == ("passed", None)
    assert gate.judge(noisy(source, 1.0)).verdict == "failed"
    record = gate.record
    assert (record.point, record.fitted, record.labelled) == ("half", False, False)
    assert (record.unit, record.min_agreement) == ("cells", 0.995)


def test_rules_with_one_label_count_texts():
    source, _ = texts(ONE)
    rung = source.copy()
    winners = source.argmax(axis=1)
    # Three of 800 texts change: 99.6 % of texts, 99.9 % of cells.
    rung[np.arange(3), (winners[:3] + 1) % 6] = 99.0
    gate = Gate(ONE, source, None, GateSettings(min_agreement=0.9965))
    found = gate.judge(rung)
    assert found.texts_alike == pytest.approx(1 - 3 / 800)
    assert found.cells_alike == pytest.approx(1 - 6 / 4_800)
    assert (found.verdict, gate.record.unit) == ("failed", "texts")
    assert Gate(ONE, source).record.min_agreement == 0.99


def flipped(source, cells, height=9.0):
    """Logits of which so many single cells say the contrary, one in each text."""
    rung = source.copy()
    rows = np.arange(cells)
    rung[rows, rows % source.shape[1]] = np.where(
        source[rows, rows % source.shape[1]] > 0, -height, height
    )
    return rung


def test_given_thresholds_are_taken_as_they_are():
    source, labelled = texts(SEVERAL)
    custom = replace(
        SEVERAL, points=(OperatingPoint("custom", (0.9,) * 6),), default_point="custom"
    )
    gate = Gate(custom, source, replace(labelled, fit=None))
    assert (gate.record.point, gate.record.fitted) == ("custom", False)
    found = gate.judge(flipped(source, 40)).quality
    chosen = source >= np.log(9.0)
    hits, given, true = (
        (chosen & labelled.truth).sum(axis=0),
        chosen.sum(axis=0),
        labelled.truth.sum(axis=0),
    )
    assert found.metric == "macro_f1"
    assert found.source == pytest.approx(np.mean(2 * hits / (given + true)))
    # Nothing is fitted, so the two agreements are the same.
    assert found.cells_alike_own == gate.judge(flipped(source, 40)).cells_alike


def test_refitting_undoes_a_shift_that_the_source_s_thresholds_do_not():
    source, labelled = texts(SEVERAL)
    found = Gate(SEVERAL, source, labelled).judge(source - np.float32(1.0))
    assert found.quality.cells_alike_own > 0.999 > found.cells_alike
    assert abs(found.quality.drop) < 0.005
    assert found.verdict == "failed"


def drops_a_little():
    source, labelled = texts(ONE, 1_000)
    right = np.flatnonzero(source.argmax(axis=1) == labelled.truth.argmax(axis=1))
    rung = source.copy()
    for row in right[:4]:
        rung[row, (source[row].argmax() + 1) % 6] = 99.0
    return source, labelled, rung


def test_an_interval_beyond_what_is_allowed_is_undecided_and_strict_refuses_it():
    source, labelled, rung = drops_a_little()
    loose = GateSettings(max_drop=0.005, min_agreement=0.9)
    found = Gate(ONE, source, labelled, loose).judge(rung)
    assert found.quality.drop == pytest.approx(0.004)
    assert found.quality.drop_low < 0.004 < 0.005 < found.quality.drop_high
    assert (found.verdict, found.passes) == ("undecided", True)
    assert "more labelled texts would decide" in found.why
    strict = Gate(ONE, source, labelled, replace(loose, strict=True)).judge(rung)
    assert (strict.verdict, strict.passes) == ("failed", False)
    assert "strict" in strict.why
    wide = Gate(ONE, source, labelled, GateSettings(0.05, 0.9, strict=True)).judge(rung)
    assert wide.verdict == "passed"


def test_a_drop_beyond_what_is_allowed_fails_even_where_its_interval_is_not_beyond():
    source, labelled, rung = drops_a_little()
    found = Gate(ONE, source, labelled, GateSettings(0.003, 0.9)).judge(rung)
    assert found.quality.drop_low < 0.003 < found.quality.drop
    assert found.verdict == "failed"


def test_too_few_texts_say_how_many_are_needed():
    source, _ = texts(ONE, 60)
    found = Gate(ONE, source).judge(noisy(source, 0.0005))
    assert (found.texts_alike, found.verdict) == (1.0, "failed")
    assert "60 texts are too few to show 99.00% of texts decided alike: at least 299" in found.why


def test_a_bound_that_misses_by_little_asks_for_more_texts():
    source, _ = texts(SEVERAL, 800)
    found = Gate(SEVERAL, source).judge(flipped(source, 20))
    assert found.cells_alike > 0.995 > found.cells_alike_low
    assert found.verdict == "failed"
    assert "more texts may show it" in found.why


def test_fp32_rounding_passes_however_few_the_texts():
    source, _ = texts(SEVERAL, 5)
    found = Gate(SEVERAL, source).judge(source + np.float32(1e-5))
    assert found.verdict == "passed"
    assert "fp32 rounding" in found.why
    assert found.cells_alike_low < 0.9


def test_labels_that_are_never_true_do_not_count_in_the_metric():
    source, labelled = texts(SEVERAL)
    truth = labelled.truth.copy()
    truth[:, 3] = False
    given = replace(labelled, truth=truth, fit=None)
    gate = Gate(SEVERAL, source, given, GateSettings(min_agreement=0.5))
    rung = source.copy()
    rung[:, 3] = -5.0
    found = gate.judge(rung)
    assert (found.quality.drop, found.quality.drop_high) == (0.0, 0.0)
    assert found.cells_alike < 1.0


@pytest.mark.parametrize("decision", [SEVERAL, ONE], ids=lambda one: one.rule)
def test_logits_that_are_no_numbers_are_refused(decision):
    source, _ = texts(decision, 30)
    wrong = source.copy()
    wrong[7, 2] = np.nan
    with pytest.raises(EngineError, match="text 7"):
        Gate(decision, wrong)
    with pytest.raises(EngineError, match="text 7"):
        Gate(decision, source).judge(wrong)


def test_arrays_that_do_not_fit_are_refused():
    source, labelled = texts(SEVERAL, 40)
    gate = Gate(SEVERAL, source)
    for wrong in (source[:-1], source[:, :-1], source[0], source[None]):
        with pytest.raises(InputError, match="the source's are"):
            gate.judge(wrong)
    for wrong in (source[:0], source[:, :-1], source[0]):
        with pytest.raises(InputError, match="one or more texts and 6 outputs"):
            Gate(SEVERAL, wrong)
    with pytest.raises(InputError, match="truth of shape"):
        Gate(SEVERAL, source[:-1], labelled)
    with pytest.raises(InputError, match="a key for each text"):
        TrueLabels(labelled.truth, labelled.keys[:-1])
    with pytest.raises(InputError, match="expected bool"):
        TrueLabels(labelled.truth.astype(np.int64), labelled.keys)


def test_labels_that_say_nothing_are_refused():
    source, labelled = texts(SEVERAL, 40)
    with pytest.raises(InputError, match="same labels"):
        Gate(SEVERAL, source, replace(labelled, truth=np.zeros((40, 6), dtype=np.bool_)))
    source, labelled = texts(ONE, 40)
    twice = labelled.truth.copy()
    twice[0] = True
    with pytest.raises(InputError, match="exactly one"):
        Gate(ONE, source, replace(labelled, truth=twice))


def test_too_few_texts_to_fit_on_are_refused_and_given_thresholds_need_none():
    source, labelled = texts(SEVERAL, 20)
    with pytest.raises(InputError, match="too few to fit thresholds"):
        Gate(SEVERAL, source, labelled)
    assert Gate(SEVERAL, source, replace(labelled, fit=None)).judge(source).verdict == "passed"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_drop": -0.1}, "max_drop"),
        ({"max_drop": float("nan")}, "max_drop"),
        ({"min_agreement": 1.0}, "no number of texts"),
        ({"min_agreement": -0.1}, "min_agreement"),
        ({"min_agreement": float("nan")}, "min_agreement"),
    ],
)
def test_settings_that_hold_no_rung_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        GateSettings(**wrong)


def test_equal_texts_are_never_fitted_on_and_judged():
    # Ten unlike texts, however often they stand there, are ten.
    source, labelled = texts(SEVERAL, 400)
    keys = np.arange(400, dtype=np.uint64) % 10
    with pytest.raises(InputError, match="unlike ones where 20 are needed"):
        Gate(SEVERAL, source, replace(labelled, keys=keys))


def test_the_finished_fit_s_default_point_is_what_is_judged():
    source, labelled = texts(SEVERAL, 200)
    fit = TuneSettings(points=("half", "recall@0.80"), calibration="none")
    assert Gate(SEVERAL, source, replace(labelled, fit=fit)).record.point == "half"
    fit = replace(fit, default_point="recall@0.80")
    assert Gate(SEVERAL, source, replace(labelled, fit=fit)).record.point == "recall@0.80"
    assert Gate(SEVERAL, source, labelled).record.point == "f1"


def test_what_the_evidence_keeps():
    source, labelled = texts(ONE)
    gate = Gate(ONE, source, labelled, GateSettings(0.01, 0.95, strict=True))
    figures = gate.judge(noisy(source, 0.02))
    kept = figures.judgement
    assert (kept.verdict, kept.why, kept.quality) == (figures.verdict, figures.why, figures.quality)
    assert kept.texts_alike_low == figures.texts_alike_low
    record = gate.record
    assert (record.max_drop, record.min_agreement, record.strict) == (0.01, 0.95, True)
    assert (record.point, record.fitted, record.labelled) == ("argmax", True, True)


@pytest.fixture(scope="module", params=[SEVERAL, ONE], ids=lambda one: one.rule)
def gate_with_more(request):
    """Gates on 400 labelled texts with and without 500 unlabelled ones, and the source's logits."""
    source, labelled = texts(request.param, 400)
    more, _ = texts(request.param, 500, seed=2)
    alone = Gate(request.param, source, labelled)
    return Gate(request.param, source, labelled, unlabelled=more), alone, source, more


def test_agreement_counts_labelled_and_unlabelled_texts(gate_with_more):
    judge, _, source, more = gate_with_more
    alike = judge.judge(source, more)
    assert (alike.texts, alike.texts_alike, alike.verdict) == (900, 1.0, "passed")
    turned = more.copy()
    turned[:90] = -turned[:90]
    found = judge.judge(source, turned)
    assert found.texts_alike == pytest.approx(1 - 90 / 900, abs=0.01)
    assert found.max_logit_difference == pytest.approx(2 * np.abs(more[:90]).max())
    assert found.verdict == "failed"


def test_unlabelled_texts_do_not_touch_the_metric(gate_with_more):
    judge, _, source, more = gate_with_more
    rung = noisy(source, 0.3)
    first, second = judge.judge(rung, more).quality, judge.judge(rung, -more).quality
    assert (first.rung, first.drop) == (second.rung, second.drop)


def test_unlabelled_texts_narrow_the_bound(gate_with_more):
    judge, alone, source, more = gate_with_more
    assert judge.judge(source, more).texts_alike_low > alone.judge(source).texts_alike_low


def test_unlabelled_logits_must_be_those_of_the_gate(gate_with_more):
    judge, _, source, more = gate_with_more
    for wrong in (None, more[1:], more[:, 1:]):
        with pytest.raises(InputError, match="expected the same texts and outputs"):
            judge.judge(source, wrong)
    broken = more.copy()
    broken[3, 1] = np.nan
    with pytest.raises(EngineError):
        judge.judge(source, broken)


@pytest.mark.parametrize("labelled", [True, False])
def test_an_unlabelled_logit_of_the_source_that_is_not_finite_is_refused(labelled):
    source, known = texts(SEVERAL, 400)
    broken = source.copy()
    broken[3, 1] = np.inf
    with pytest.raises(EngineError):
        Gate(SEVERAL, source, known if labelled else None, unlabelled=broken)
