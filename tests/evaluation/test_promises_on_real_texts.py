"""Promises over random splits of real texts, which neither the model nor the promise has seen."""

from dataclasses import replace

import numpy as np
import pytest
from limen.decision import decide, score
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import read
from scipy.stats import binom

SPLITS = 200


def at_point(data, decision, tuned, name):
    """What the point gives: bool, (texts, labels)."""
    fitted = replace(
        decision,
        points=tuned.block.points,
        default_point=tuned.block.default_point,
        calibration=tuned.block.calibration,
    )
    return decide(score(data.logits, fitted), fitted, fitted.point(name)).chosen


def splits(data, shuffled, seed):
    """Random halves: what promises are made on, and what judges them."""
    draw = np.random.default_rng(seed)
    for _ in range(SPLITS):
        order = draw.permutation(len(data))
        half = len(data) // 2
        yield shuffled(data, order[:half], draw), data.at(order[half:])


@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.parametrize("which", ["goemotions", "intents"])
def test_coverage_holds_on_average(which, level, shuffled, request):
    """The expectation over random splits is exact; the tolerance is what 200 of them leave open."""
    file, data = request.getfixturevalue(which)
    decision = read(file).metadata.decision
    name = f"coverage@{level:.2f}"
    settings = TuneSettings(points=(name,), calibration="none")
    covered = []
    for made, judged in splits(data, shuffled, 1):
        given = at_point(judged, decision, fit_block(made, decision, settings, "own"), name)
        true = judged.truth.sum(axis=1)
        found = (judged.truth & given).sum(axis=1)
        covered.append(np.where(true > 0, found / np.maximum(true, 1), 1.0).mean())
    error = np.std(covered) / np.sqrt(SPLITS)
    assert level - 3 * error <= np.mean(covered) <= level + 0.01


def precisions(data, decision, settings, name, tuned):
    given = at_point(data, decision, tuned, name)
    counts = given.sum(axis=0) if not decision.one_label else np.array([given.sum()])
    hits = (given & data.truth).sum(axis=0)
    hits = hits if not decision.one_label else np.array([hits.sum()])
    return hits, counts


@pytest.mark.parametrize(
    ("which", "name", "level", "confidence"),
    [
        ("goemotions", "precision@0.60:conf0.90", 0.6, 0.9),
        ("goemotions", "precision@0.75:conf0.95", 0.75, 0.95),
        ("intents", "precision@0.90:conf0.95", 0.9, 0.95),
    ],
)
def test_promised_precision_holds_on_the_other_half(
    which, name, level, confidence, shuffled, request
):
    """Over all splits and labels together, decisions are right as often as promised."""
    file, data = request.getfixturevalue(which)
    decision = read(file).metadata.decision
    settings = TuneSettings(points=(name,), calibration="none")
    hits = counts = 0
    for made, judged in splits(data, shuffled, 2):
        tuned = fit_block(made, decision, settings, "own")
        if name not in {point.name for point in tuned.block.points}:
            continue
        own_hits, own_counts = precisions(judged, decision, settings, name, tuned)
        hits, counts = hits + own_hits, counts + own_counts
    assert np.sum(counts) > 10_000, "enough must be promised to prove something"
    assert np.sum(hits) >= level * np.sum(counts)


@pytest.mark.parametrize(
    ("which", "name", "level", "confidence"),
    [
        ("goemotions", "precision@0.60:conf0.90", 0.6, 0.9),
        ("intents", "precision@0.90:conf0.95", 0.9, 0.95),
    ],
)
def test_promised_precision_is_broken_no_more_often_than_it_says(
    which, name, level, confidence, shuffled, request
):
    """The whole set stands for the population, texts are drawn from it with replacement: then the
    true precision is known, and whether a promise is broken is, too. The bound is for each label.
    """
    file, data = request.getfixturevalue(which)
    decision = read(file).metadata.decision
    settings = TuneSettings(points=(name,), calibration="none")
    draw = np.random.default_rng(3)
    made_for = broken = 0
    for _ in range(SPLITS):
        rows = draw.integers(0, len(data), len(data) // 2)
        tuned = fit_block(shuffled(data, rows, draw), decision, settings, "own")
        if name in {point.name for point in tuned.block.points}:
            hits, counts = precisions(data, decision, settings, name, tuned)
            promised = counts > 0
            made_for = made_for + promised
            broken = broken + (promised & (hits < level * counts))
    assert np.sum(made_for) >= SPLITS
    assert (broken <= binom.ppf(0.9999, SPLITS, 1 - confidence)).all()
