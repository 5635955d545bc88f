"""Fitting a whole block: calibration and points, on texts of which none judges itself."""

from dataclasses import replace

import numpy as np
import pytest
from limen.decision import decide, score
from limen.errors import EngineError, InputError
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.cuts import cuts_of
from limen.evaluation.fit_records import JUDGED, record_of
from limen.evaluation.parts import folds, part_of
from limen.evaluation.promises import candidates
from limen.evaluation.thresholds import Grid
from limen.evaluation.tuning import (
    LEAST_TEXTS,
    PROMISE_PARTS,
    TuneSettings,
    decisions_out_of_fold,
    fit_block,
)
from limen.format import DecisionBlock, FitRecord, OperatingPoint, Platt, Temperature, read
from limen.format.json_block import Node
from threadpoolctl import threadpool_limits

SALT = "limen tune"
"""Splits stay as they are from version to version, so that a file can be judged again."""
RULES = [
    ("multiclass", "softmax", 4, {}),
    ("multiclass", "sigmoid", 2, {}),
    ("multilabel", "sigmoid", 4, {}),
    ("one_vs_rest", "log", 3, {}),
    ("one_vs_rest", "sigmoid", 3, {"several": True}),
    ("one_vs_rest", "labels", 3, {}),
    ("one_vs_one", "sigmoid", 4, {}),
    ("one_vs_one", "sigmoid", 3, {"pairs": "max"}),
]
IDS = [" ".join([rule, link, *more]) for rule, link, _, more in RULES]
EVERY = ("f1", "half", "precision@0.5", "recall@0.3", "cost(1,5)")
PROMISED = ("precision@0.5:conf0.9", "coverage@0.8")


def block(rule, link, labels, more=None):
    names = tuple(f"label {number}" for number in range(labels))
    half = OperatingPoint("half", (0.5,) * labels)
    return DecisionBlock(rule, names, link, (half,), "half", **(more or {}))


def every(decision, *, promised=True):
    own = "argmax" if decision.one_label else "micro_f1"
    return (*EVERY, own, *(PROMISED if promised else ()))


def sample(decision, texts, seed=1):
    """Logits and true labels that have much to do with each other; a key of its own each."""
    random = np.random.default_rng(seed)
    labels = len(decision.labels)
    strength = random.normal(-0.5, 2, (texts, labels))
    if decision.one_label:
        noisy = strength + random.gumbel(0, 1, strength.shape)
        truth = np.eye(labels, dtype=bool)[noisy.argmax(axis=1)]
    else:
        truth = random.random(strength.shape) < 1 / (1 + np.exp(-strength))
    logits = strength
    if decision.rule == "one_vs_one":
        first, later = np.triu_indices(labels, 1)
        logits = strength[:, later] - strength[:, first]
    elif decision.outputs == 1 and labels == 2:
        logits = strength[:, 1:] - strength[:, :1]
    if decision.link == "log":
        logits = -np.logaddexp(0, -logits)
    elif decision.link == "labels":
        logits = logits > 0
    keys = random.integers(0, 2**64, texts, dtype=np.uint64)
    return LabelledLogits(logits.astype(np.float32), truth, keys)


def with_truth(data, rows, truth):
    changed = data.truth.copy()
    changed[rows] = truth
    return LabelledLogits(data.logits, changed, data.keys)


def turned(data, rows, decision):
    """Other labels for some texts: the next label, or every label where it was not."""
    other = np.roll(data.truth[rows], 1, axis=1) if decision.one_label else ~data.truth[rows]
    return with_truth(data, rows, other)


def in_use(decision, tuned):
    """A decision with the fitted block; refuses one that does not fit."""
    block = tuned.block
    return replace(
        decision,
        points=block.points,
        default_point=block.default_point,
        calibration=block.calibration,
    )


def decided(data, decision, tuned, name):
    fitted = in_use(decision, tuned)
    return decide(score(data.logits, fitted), fitted, fitted.point(name)).chosen


def macro_f1(given, truth):
    hits, total = (given & truth).sum(axis=0), given.sum(axis=0) + truth.sum(axis=0)
    return (2 * hits / np.maximum(total, 1)).mean()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads of BLAS wait for each other by spinning: on a busy machine that takes minutes."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module", params=RULES, ids=IDS)
def decision(request):
    return block(*request.param)


@pytest.fixture(scope="module")
def data(decision):
    return sample(decision, 400)


@pytest.fixture(scope="module")
def tuned(decision, data):
    return fit_block(data, decision, TuneSettings(every(decision)), "own")


@pytest.fixture(scope="module")
def judged(decision, data):
    return decisions_out_of_fold(data, decision, TuneSettings(every(decision)))


def test_the_usual_points_of_a_rule(decision, data):
    found = fit_block(data, decision, TuneSettings(), "own").block
    names = [point.name for point in found.points]
    assert names == (["argmax", "half"] if decision.one_label else ["f1", "half"])
    assert found.default_point == names[0]


def test_every_point_of_a_rule_can_be_made(decision, tuned):
    names = {point.name for point in tuned.block.points}
    own = {"argmax"} if decision.one_label else {"micro_f1"}
    usual = {"f1", "half", "precision@0.50", "recall@0.30", "cost(1,5)"}
    assert usual | own | {"precision@0.50:conf0.90", "coverage@0.80"} == names
    assert in_use(decision, tuned).point("f1")


def test_the_plain_point_is_always_there_and_names_count_once(decision, data):
    settings = TuneSettings(("f1", "f1", "recall@0.5", "recall@0.50"))
    found = fit_block(data, decision, settings, "own").block
    plain = "argmax" if decision.one_label else "half"
    assert [point.name for point in found.points] == ["f1", "recall@0.50", plain]


def test_the_default_point_is_the_one_asked_for(decision, data):
    settings = TuneSettings(("half",), default_point="cost(1, 3)")
    found = fit_block(data, decision, settings, "own").block
    assert found.default_point == "cost(1,3)"
    assert "cost(1,3)" in {point.name for point in found.points}
    other = fit_block(data, decision, TuneSettings(("recall@0.5", "half")), "own").block
    assert other.default_point == ("argmax" if decision.one_label else "recall@0.50")


def test_parts_are_told(decision, data, tuned):
    whole = fit_block(data, decision, TuneSettings(), "own")
    assert whole.parts == (("fit", len(data)),)
    places = part_of(data.keys, PROMISE_PARTS, SALT)
    assert tuned.parts == tuple(
        (name, int((places == place).sum())) for place, name in enumerate(PROMISE_PARTS.names)
    )
    assert sum(count for _, count in tuned.parts) == len(data)


def points_of(tuned):
    return {point.name: point for point in tuned.block.points}


def test_calibration_does_not_see_the_texts_that_choose_or_certify(decision, data, tuned):
    places = part_of(data.keys, PROMISE_PARTS, SALT)
    for part in ("select", "certify"):
        other = turned(data, places == PROMISE_PARTS.number(part), decision)
        found = fit_block(other, decision, TuneSettings(every(decision)), "own")
        assert found.block.calibration == tuned.block.calibration


def test_a_coverage_is_certified_by_certifying_texts_alone(decision, data):
    """Without a calibration nothing is fitted on the other parts that it could depend on."""
    settings = TuneSettings(("coverage@0.8",), calibration="none")
    places = part_of(data.keys, PROMISE_PARTS, SALT)
    certify = places == PROMISE_PARTS.number("certify")
    found = fit_block(data, decision, settings, "own")
    same = fit_block(turned(data, ~certify, decision), decision, settings, "own")
    assert points_of(same)["coverage@0.80"] == points_of(found)["coverage@0.80"]
    assert points_of(found)["coverage@0.80"].promise.texts == certify.sum()
    if decision.link != "labels":
        other = fit_block(turned(data, certify, decision), decision, settings, "own")
        assert points_of(other)["coverage@0.80"] != points_of(found)["coverage@0.80"]


@pytest.mark.parametrize("true", [True, False], ids=["all right", "all wrong"])
def test_what_is_certified_was_chosen_by_other_texts(true):
    """Whatever certifying texts say, a threshold is one of those that `select` chose, or none."""
    decision = block("multilabel", "sigmoid", 3)
    data = sample(decision, 800)
    places = part_of(data.keys, PROMISE_PARTS, SALT)
    select, certify = (places == PROMISE_PARTS.number(name) for name in ("select", "certify"))
    settings = TuneSettings((PROMISED[0],), calibration="none")
    scores = score(data.logits, decision).scores
    orders = [
        candidates(cuts_of(scores[select, label], data.truth[select, label]), 0.5, 0.9)
        for label in range(3)
    ]
    changed = fit_block(with_truth(data, certify, true), decision, settings, "own")
    usual = fit_block(data, decision, settings, "own")
    (name,) = (point for point in points_of(usual) if "conf" in point)
    for label, threshold in enumerate(points_of(usual)[name].thresholds):
        assert threshold in orders[label]
    if true:
        assert points_of(changed)[name].thresholds == tuple(order[-1] for order in orders)
    else:
        assert name not in points_of(changed)
        assert any("not promised" in notice for notice in changed.notices)


def test_the_same_texts_in_any_order_give_the_same_block(decision, data, tuned):
    """To the last bit: sums in another order would be rounded otherwise."""
    order = np.random.default_rng(4).permutation(len(data))
    assert fit_block(data.at(order), decision, TuneSettings(every(decision)), "own") == tuned


def test_repeated_texts_with_unlike_labels_may_stand_in_any_order():
    decision = block("multilabel", "sigmoid", 3)
    data = sample(decision, 300)
    rows = np.concatenate([np.arange(300), np.arange(100)])
    twice = turned(data.at(rows), np.arange(300, 400), decision)
    order = np.random.default_rng(5).permutation(len(twice))
    settings = TuneSettings(every(decision))
    found = fit_block(twice, decision, settings, "own")
    assert fit_block(twice.at(order), decision, settings, "own") == found


def test_decisions_out_of_fold_do_not_depend_on_the_order(decision, data, judged):
    order = np.random.default_rng(6).permutation(len(data))
    scores, chosen = judged
    settings = TuneSettings(every(decision))
    again, other = decisions_out_of_fold(data.at(order), decision, settings)
    assert (again == scores[order]).all()
    assert other.keys() == chosen.keys()
    assert all((other[name] == chosen[name][order]).all() for name in chosen)


def test_no_text_is_used_for_the_decision_about_itself(decision, data, judged):
    """Its labels may be turned round, and those of its whole fold with it."""
    scores, chosen = judged
    own = folds(data.keys, 5, f"{SALT} judge") == 3
    settings = TuneSettings(every(decision))
    again, other = decisions_out_of_fold(turned(data, own, decision), decision, settings)
    assert (again[own] == scores[own]).all()
    assert {"f1", "half"} <= chosen.keys() & other.keys()
    for name in chosen.keys() & other.keys():
        assert (other[name][own] == chosen[name][own]).all()


def test_copies_of_a_text_do_not_judge_it_either():
    decision = block("multilabel", "sigmoid", 3)
    data = sample(decision, 200)
    twice = data.at(np.tile(np.arange(200), 2))
    settings = TuneSettings(("f1",), calibration="platt_each")
    _, chosen = decisions_out_of_fold(twice, decision, settings)
    for row in range(0, 200, 40):
        other = turned(twice, np.array([row, row + 200]), decision)
        _, found = decisions_out_of_fold(other, decision, settings)
        assert (found["f1"][[row, row + 200]] == chosen["f1"][[row, row + 200]]).all()


def test_what_can_be_learned_by_heart_is_worth_nothing_out_of_fold():
    """Labels are drawn by lot, some two true texts each, so that a threshold can single them out.
    Out of fold, hits are as many as chance makes: binomial, whatever was learned.
    """
    random = np.random.default_rng(7)
    decision, share = block("multilabel", "sigmoid", 200), 0.02
    truth = random.random((120, 200)) < share
    keys = random.integers(0, 2**64, 120, dtype=np.uint64)
    data = LabelledLogits(random.normal(0, 2, (120, 200)).astype(np.float32), truth, keys)
    settings = TuneSettings(("f1",), calibration="none", grid=Grid(0.0, 1.0, 0.01))

    def beyond_chance(given):
        """Hits beyond what chance makes, in standard deviations."""
        wanted = given.sum() * share
        return ((given & truth).sum() - wanted) / np.sqrt(wanted * (1 - share))

    inside = decided(data, decision, fit_block(data, decision, settings, "own"), "f1")
    _, outside = decisions_out_of_fold(data, decision, settings)
    assert beyond_chance(inside) > 4.5
    assert abs(beyond_chance(outside["f1"])) < 3


@pytest.mark.parametrize(("texts", "seed"), [(LEAST_TEXTS, 0), (LEAST_TEXTS, 1), (25, 2)])
def test_few_texts_are_fitted_and_judged(decision, texts, seed):
    """Four fifths of twenty are fewer than twenty, and some folds hold no text at all."""
    data = sample(decision, texts, seed)
    settings = TuneSettings(every(decision, promised=False))
    tuned = fit_block(data, decision, settings, "own")
    record = record_of(tuned, data, decision, settings, "few")
    assert record.texts == texts
    assert {name for name, _ in record.figures} >= {"macro_f1 at f1", "macro_f1 at half"}


def test_all_texts_that_fit_a_calibration_may_be_in_one_fold():
    """Then there is none in the four fifths that judge it."""
    decision = block("multilabel", "sigmoid", 2)
    keys = np.random.default_rng(11).integers(0, 2**64, 2_000, dtype=np.uint64)
    fitting = part_of(keys, PROMISE_PARTS, SALT) == PROMISE_PARTS.number("fit")
    own = folds(keys, 5, f"{SALT} judge") == 2
    chosen = np.concatenate([np.flatnonzero(fitting & own)[:10], np.flatnonzero(~fitting)[:50]])
    data = sample(decision, len(chosen))
    data = LabelledLogits(data.logits, data.truth, keys[chosen])
    settings = TuneSettings(("coverage@0.7",), calibration="platt")
    record = record_of(fit_block(data, decision, settings, "own"), data, decision, settings, "few")
    assert dict(record.parts)["fit"] == 10
    assert "macro_f1 at coverage@0.70" in dict(record.figures)


def test_too_few_texts_are_refused(decision):
    with pytest.raises(InputError, match=f"19 .*texts, at least {LEAST_TEXTS}"):
        fit_block(sample(decision, 19), decision, TuneSettings(), "own")


def test_copies_do_not_make_texts_more(decision):
    data = sample(decision, 10)
    with pytest.raises(InputError, match=r"10 unlike labelled texts"):
        fit_block(data.at(np.tile(np.arange(10), 5)), decision, TuneSettings(), "own")


@pytest.mark.parametrize(
    ("rule", "settings", "reason"),
    [
        (0, TuneSettings(("f2",)), "'f2' is not known"),
        (0, TuneSettings(("precision@1.0",)), "not known"),
        (0, TuneSettings(("recall@0.5:conf0.9",)), "not known"),
        (0, TuneSettings(("cost(0,1)",)), "not known"),
        (0, TuneSettings(("micro_f1",)), "this rule gives one label"),
        (0, TuneSettings(default_point="micro_f1"), "this rule gives one label"),
        (2, TuneSettings(("argmax",)), "any number of labels; use half"),
        (2, TuneSettings(default_point="best"), "'best' is not known"),
        (1, TuneSettings(calibration="platt_each"), "calibration platt_each does not fit"),
        (5, TuneSettings(calibration="temperature"), "expected one of auto, none"),
        (2, TuneSettings(default_point="precision@0.9999:conf0.99"), "cannot be made: .*at least"),
        (0, TuneSettings(default_point="coverage@0.999999"), "cannot be made: .*at least 999,999"),
    ],
)
def test_what_cannot_be_fitted_is_refused(rule, settings, reason):
    decision = block(*RULES[rule])
    with pytest.raises(InputError, match=reason):
        fit_block(sample(decision, 200), decision, settings, "own")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("calibration", ["auto", "none"])
def test_logits_that_are_no_numbers_are_refused(value, calibration):
    decision = block(*RULES[2])
    data = sample(decision, 200)
    data.logits[17, 1] = value
    with pytest.raises(EngineError, match=r"text 17: .*not finite"):
        fit_block(data, decision, TuneSettings(calibration=calibration), "own")


def test_a_calibration_asked_for_is_fitted():
    decision = block(*RULES[2])
    data = sample(decision, 400)
    kinds = {"none": type(None), "temperature": Temperature, "platt_each": Platt}
    for kind, wanted in kinds.items():
        found = fit_block(data, decision, TuneSettings(calibration=kind), "own")
        assert found.calibration == kind
        assert isinstance(found.block.calibration, wanted)


def test_the_block_in_use_does_not_count(decision, data):
    """Neither its points nor its calibration."""
    first = fit_block(data, decision, TuneSettings(), "own")
    other = replace(
        decision,
        points=(OperatingPoint("custom", (0.9,) * len(decision.labels)),),
        default_point="custom",
        calibration=None if decision.link == "labels" else Platt((0.1,), (3.0,)),
        block_name="before",
    )
    assert fit_block(data, other, TuneSettings(), "own") == first
    assert record_of(first, data, other, TuneSettings(), "some texts") == record_of(
        first, data, decision, TuneSettings(), "some texts"
    )


def test_a_grid_is_searched_for_f1():
    decision = block(*RULES[2])
    data = sample(decision, 400)
    found = fit_block(data, decision, TuneSettings(("f1",), grid=Grid(0.1, 0.9, 0.2)), "own")
    assert set(points_of(found)["f1"].thresholds) <= {0.1, 0.3, 0.5, 0.7, 0.9}


def test_labels_that_no_text_has_are_never_worth_giving():
    decision = block(*RULES[2])
    data = sample(decision, 300)
    data.truth[:, 2] = False
    settings = TuneSettings((*EVERY, "micro_f1", *PROMISED))
    tuned = fit_block(data, decision, settings, "own")
    for name in ("micro_f1", "precision@0.50", "recall@0.30", "precision@0.50:conf0.90"):
        assert not decided(data, decision, tuned, name)[:, 2].any()
    assert any("label 2 (0)" in notice for notice in tuned.notices if notice.startswith("f1"))
    assert not any("count as 0 texts" in notice for notice in tuned.notices)
    assert any("label 2" in one for one in tuned.notices if one.startswith("recall@0.30"))


def test_where_every_decision_costs_too_much_none_is_made():
    """Yes-or-no parts have the score 1, which no threshold is above: the point abstains."""
    decision = block("one_vs_rest", "labels", 3)
    data = sample(decision, 300)
    found = fit_block(data, decision, TuneSettings(("cost(1000,1)",)), "own")
    assert points_of(found)["cost(1000,1)"].thresholds == (None, None, None)
    assert not decided(data, decision, found, "cost(1000,1)").any()


def test_a_point_that_only_all_texts_together_allow_is_made_and_not_judged():
    """29 certifying decisions without a wrong one are enough for 0.9 with 0.95; four fifths of them
    are not. It may even be the default point.
    """
    decision = block("multilabel", "sigmoid", 1)
    draw = np.random.default_rng(9)
    name = "precision@0.90:conf0.95"
    settings = TuneSettings((name,), default_point=name, calibration="none")
    for _ in range(20):
        keys = draw.integers(0, 2**64, 200, dtype=np.uint64)
        truth = np.zeros((200, 1), dtype=bool)
        places = part_of(keys, PROMISE_PARTS, SALT)
        for part, count in ((0, 20), (1, 20), (2, 31)):
            truth[np.flatnonzero(places == part)[:count]] = True
        data = LabelledLogits(np.where(truth, 4.0, -4.0).astype(np.float32), truth, keys)
        tuned = fit_block(data, decision, settings, "own")
        assert tuned.block.default_point == name
        record = record_of(tuned, data, decision, settings, "few")
        assert f"macro_f1 at {name}" not in dict(record.figures)
        assert record.label_f1 == (None,)
        assert any(notice.startswith(f"{name}: made on all texts") for notice in record.notices)


def test_a_record_holds_what_judging_out_of_fold_gives(decision, data, tuned, judged):
    settings = TuneSettings(every(decision))
    record = record_of(tuned, data, decision, settings, "some texts")
    assert (record.block, record.texts_name, record.texts) == ("own", "some texts", len(data))
    assert record.judged == JUDGED
    assert record.parts == tuned.parts
    assert record.support == tuple(data.truth.sum(axis=0))
    assert set(tuned.notices) <= set(record.notices)
    _, chosen = judged
    figures = dict(record.figures)
    for name in ("f1", "half", "cost(1,5)"):
        assert figures[f"macro_f1 at {name}"] == pytest.approx(
            macro_f1(chosen[name], data.truth), abs=1e-6
        )
    given = chosen[tuned.block.default_point]
    assert np.mean(record.label_f1) == pytest.approx(macro_f1(given, data.truth), abs=1e-6)
    if decision.one_label:
        share = (chosen["argmax"] & data.truth).any(axis=1).mean()
        assert figures["accuracy at argmax"] == pytest.approx(share, abs=1e-6)
    assert FitRecord.from_json(Node(record.to_json(), "record")) == record


def halves(data):
    side = folds(data.keys, 2, "halves")
    return (data.at(side == 0), data.at(side == 1)), (data.at(side == 1), data.at(side == 0))


def test_on_the_other_half_of_real_emotions_f1_beats_grid_and_half(goemotions):
    file, data = goemotions
    decision = read(file).metadata.decision
    for own, other in halves(data):
        found = {}
        for name, grid in (("f1", None), ("grid", Grid.parse("0.1:0.9:0.05"))):
            settings = TuneSettings(("f1", "half"), grid=grid)
            tuned = fit_block(own, decision, settings, "own")
            found[name] = macro_f1(decided(other, decision, tuned, "f1"), other.truth)
            found["half"] = macro_f1(decided(other, decision, tuned, "half"), other.truth)
        plain = decide(score(other.logits, decision), decision, decision.point("half")).chosen
        assert found["f1"] >= found["grid"] - 0.01
        assert found["f1"] >= found["half"] + 0.05
        assert found["f1"] >= macro_f1(plain, other.truth) + 0.05


def test_on_the_other_half_of_real_intents_f1_does_not_fall_below_argmax(intents):
    file, data = intents
    decision = read(file).metadata.decision
    for own, other in halves(data):
        tuned = fit_block(own, decision, TuneSettings(("f1", "argmax")), "own")
        found = macro_f1(decided(other, decision, tuned, "f1"), other.truth)
        assert found >= macro_f1(decided(other, decision, tuned, "argmax"), other.truth) - 0.01


def test_real_texts_in_any_order_give_the_same_block(intents):
    file, data = intents
    decision = read(file).metadata.decision
    order = np.random.default_rng(8).permutation(len(data))
    settings = TuneSettings(("f1", "argmax", "precision@0.9:conf0.95", "coverage@0.9"))
    assert fit_block(data.at(order), decision, settings, "own") == fit_block(
        data, decision, settings, "own"
    )
