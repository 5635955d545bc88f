"""Rows brought together: medians, spreads, and ratios that find what was planted."""

from math import sqrt
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from limen.errors import InputError
from limen_bench.results import MeasurementRow
from limen_bench.statistics import CONFIDENCE
from limen_bench.summary import summarise

fake = SimpleNamespace(**run_path(str(Path(__file__).with_name("fake_results.py"))))
SIMULATIONS = 300


def rows_of_one(figures, measure="one", value="p50_ms", run="r1", **more):
    for engine, rounds in figures.items():
        for number, figure in rounds.items():
            yield MeasurementRow(run, engine, measure, {value: figure}, round=number, **more)


def summary_of(*rows):
    (summary,) = summarise([fake.run_row(), *rows])
    return summary


def test_spread_over_rounds():
    summary = summary_of(*rows_of_one({"limen": dict(enumerate([1.0, 2.0, 3.0, 4.0, 5.0]))}))
    spread = summary.point("limen", "one").spread("p50_ms")
    assert (spread.low, spread.median, spread.high, spread.rounds) == (2.0, 3.0, 4.0, 5)
    assert summary.point("limen", "one").spread("p99_ms") is None
    assert summary.point("limen", "one", {"texts": 1}) is None


def test_ratios_pair_the_rounds_that_both_have():
    figures = {"limen": {0: 1.0, 1: 10.0, 2: 100.0}, "rival": {2: 200.0, 1: 20.0, 3: 7.0}}
    ratio = summary_of(*rows_of_one(figures)).ratio("rival", "one", "p50_ms")
    assert (ratio.median, ratio.rounds) == (pytest.approx(2.0), 2)


@pytest.mark.parametrize(("measure", "value"), [("one", "p50_ms"), ("bulk", "texts_per_s")])
def test_a_ratio_above_one_means_the_baseline_is_faster(measure, value):
    better = 4.0 if value == "texts_per_s" else 1.0
    figures = {"limen": {0: better}, "rival": {0: 2.0}}
    ratio = summary_of(*rows_of_one(figures, measure, value)).ratio("rival", measure, value)
    assert ratio.median == pytest.approx(2.0)
    assert not ratio.differs  # one round proves nothing


@pytest.mark.parametrize(
    "figures",
    [
        {"rival": {0: 1.0}},
        {"limen": {0: 1.0}, "rival": {1: 1.0}},
        {"limen": {0: 1.0}, "rival": {0: 0.0}},
        {"limen": {0: None}, "rival": {0: 1.0}},
    ],
    ids=["no baseline", "no common round", "not positive", "no figure"],
)
def test_no_ratio_without_a_pair(figures):
    assert summary_of(*rows_of_one(figures)).ratio("rival", "one", "p50_ms") is None


def test_the_baseline_has_no_ratio_to_itself():
    assert summary_of(*rows_of_one({"limen": {0: 1.0}})).ratio("limen", "one", "p50_ms") is None


def test_points_come_in_the_order_of_their_axis():
    rows = [MeasurementRow("r1", "limen", "counts", {}, {"texts": n}) for n in (1000, 1, 10)]
    summary = summary_of(*rows)
    assert [point.at["texts"] for point in summary.along("limen", "counts")] == [1, 10, 1000]


def test_engines_baseline_first_and_those_without_figures_last():
    summary = summary_of(
        fake.engine_row("torn", status="failed", reason="it broke"),
        fake.engine_row("rival"),
        fake.engine_row("limen"),
        *rows_of_one({"rival": {0: 1.0}, "limen": {0: 1.0}, "stopped": {0: 1.0}}),
        *rows_of_one({"machine": {0: 1.0}}, "yardstick", "int8_gmacs_per_core"),
    )
    found = {engine.engine: engine.status for engine in summary.engines}
    assert [*found] == ["limen", "rival", "stopped", "torn"]
    assert (found["stopped"], found["torn"]) == ("interrupted", "failed")


def test_a_file_given_twice_counts_once():
    rows = [*fake.small_run({"limen": 3.0})]
    assert summarise(rows + rows) == summarise(rows)


def test_no_run_is_refused():
    with pytest.raises(InputError, match="no run"):
        summarise([])
    with pytest.raises(InputError, match="'r9': the row that describes it is missing"):
        summary_of(*rows_of_one({"limen": {0: 1.0}}, run="r9"))


@pytest.mark.parametrize("rounds", [5, 10])
def test_intervals_hold_what_was_planted(rounds):
    """Simulated runs with an engine as fast as the baseline and one 10 % slower.

    The bound: the share of intervals that hold the true ratio is at most three standard errors of
    a share of 0.95 below it, 0.912 of 300; the share is a binomial one.
    """
    held = {1.0: 0, 1.1: 0}
    found = 0
    for seed in range(SIMULATIONS):
        speeds = {"limen": 3.0, "same": 3.0, "slower": 3.3}
        (summary,) = summarise(fake.small_run(speeds, rounds, seed))
        same = summary.ratio("same", "one", "p50_ms")
        slower = summary.ratio("slower", "one", "p50_ms")
        held[1.0] += same.low <= 1.0 <= same.high
        held[1.1] += slower.low <= 1.1 <= slower.high
        found += slower.differs and slower.median > 1
    least = CONFIDENCE - 3 * sqrt(CONFIDENCE * (1 - CONFIDENCE) / SIMULATIONS)
    assert min(held.values()) / SIMULATIONS >= least
    assert max(held.values()) < SIMULATIONS  # an interval that always holds is too wide
    assert found / SIMULATIONS >= 0.99
