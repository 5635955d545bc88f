"""`limen bench compare`: finds a planted slowdown, and finds none where there is none."""

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from limen.errors import InputError
from limen_bench.commands import bench_compare
from limen_bench.comparison import compare
from limen_bench.results import ResultsFile, read_results
from limen_bench.summary import summarise

fake = SimpleNamespace(**run_path(str(Path(__file__).with_name("fake_results.py"))))
SPEEDS = {"limen": 3.0, "rival": 9.0}
SIMULATIONS = 20


@pytest.fixture
def compared(tmp_path, capsys):
    """Return (old rows, new rows, options) -> (exit status, output)."""

    def run(old, new, *options):
        paths = []
        for name, rows in (("old", old), ("new", new)):
            paths.append(tmp_path / f"{name}.jsonl")
            paths[-1].unlink(missing_ok=True)
            results = ResultsFile(paths[-1])
            for row in rows:
                results.write(row)
            results.close()
        parser = argparse.ArgumentParser()
        bench_compare.add_arguments(parser)
        status = bench_compare.run(parser.parse_args([*map(str, paths), *options]))
        return status, capsys.readouterr().out

    return run


def without(rows, measure):
    return [row for row in rows if getattr(row, "measure", None) != measure]


def slowed_machine(rows, factor):
    """The same engines on a machine that is slower for arithmetic by this factor."""
    for row in rows:
        values = dict(getattr(row, "values", {}))
        measure = getattr(row, "measure", None)
        if measure in ("one", "bulk", "yardstick"):
            for name in values:
                if name.endswith("_ms"):
                    values[name] *= factor
                elif "_per_" in name:
                    values[name] /= factor
            row = fake.MeasurementRow(row.run, row.engine, measure, values, row.at, row.round)
        yield row


@pytest.mark.parametrize("seed", range(10))
def test_no_change_is_no_regression(compared, seed):
    status, output = compared(fake.small_run(SPEEDS, seed=seed), fake.small_run(SPEEDS, seed=90))
    assert status == 0, output
    assert "no regression beyond 5%" in output


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_slowdown_of_a_fifth_is_found(compared, seed):
    slower = fake.small_run({**SPEEDS, "limen": 3.6}, seed=seed)
    status, output = compared(fake.small_run(SPEEDS, seed=90), slower)
    assert status == 1, output
    assert re.search(r"감정 말뭉치 \(ko\)\.txt, limen: one, p50 ms 1\.[12]\d times OLD", output)
    assert "rival: one" not in output.partition("regression")[2]


def test_a_gain_is_no_regression(compared):
    faster = fake.small_run({**SPEEDS, "limen": 2.0}, seed=1)
    status, output = compared(fake.small_run(SPEEDS), faster)
    assert status == 0
    assert "better" in output


def test_what_is_tolerated_is_no_regression(compared):
    slower = [*fake.small_run({**SPEEDS, "limen": 3.6}, seed=1)]
    old = [*fake.small_run(SPEEDS)]
    assert compared(old, slower, "--tolerance", "0.5")[0] == 0
    assert compared(old, slower, "--tolerance", "0")[0] == 1


def test_a_slower_machine_is_told_from_a_slower_engine(compared):
    old = [*fake.small_run(SPEEDS)]
    new = [*slowed_machine(fake.small_run(SPEEDS, seed=1), 1.3)]
    status, output = compared(old, new)
    assert status == 0, output
    assert "judged by the normalised ratio" in output
    status, output = compared(old, new, "--absolute")
    assert status == 1
    assert "Everything is judged as measured" in output
    status, output = compared(without(old, "yardstick"), new)
    assert status == 1
    assert "Everything is judged as measured" in output


def test_another_machine_without_a_yardstick_is_noted(compared):
    old = [*fake.small_run(SPEEDS)]
    new = [*fake.small_run(SPEEDS, seed=1, cpu="Another CPU")]
    assert "no yardstick" in compared(without(old, "yardstick"), new)[1]
    assert "the yardstick corrects" in compared(old, new)[1]


@pytest.mark.parametrize("rounds", [(1, 5), (2, 5), (5, 4)])
def test_few_rounds_tell_nothing(compared, rounds):
    slower = fake.small_run({name: 3 * ms for name, ms in SPEEDS.items()}, rounds[1], seed=1)
    status, output = compared(fake.small_run(SPEEDS, rounds[0]), slower)
    assert status == 0
    assert "too few rounds to tell" in output
    assert "95 %" not in output
    assert ("one round" if min(rounds) == 1 else "(range ") in output


@pytest.mark.parametrize("status", ["failed", "missing", "timed out", None])
def test_an_engine_that_was_lost_is_a_regression(compared, status):
    new = [row for row in fake.small_run(SPEEDS) if getattr(row, "engine", None) != "rival"]
    if status:
        new.append(fake.engine_row("rival", status=status, reason="no kernel"))
    code, output = compared(fake.small_run(SPEEDS), new)
    assert code == 1
    assert (
        f"rival: lost, {f'{status} in NEW: no kernel' if status else 'no result in NEW'}" in output
    )


def test_an_interruption_by_hand_is_noted_only(compared):
    new = [row for row in fake.small_run(SPEEDS) if getattr(row, "engine", None) != "rival"]
    new.append(fake.engine_row("rival", status="interrupted", reason="Ctrl-C"))
    status, output = compared(fake.small_run(SPEEDS), new)
    assert status == 0
    assert "NEW was interrupted; not complete: rival" in output


def asked_for(rows, *engines):
    return [
        replace(row, settings={**row.settings, "engines": list(engines)})
        if row.type == "run"
        else row
        for row in rows
    ]


def test_an_engine_that_new_did_not_ask_for_is_noted_only(compared):
    new = asked_for(fake.small_run({"limen": 3.0}), "limen")
    status, output = compared(fake.small_run(SPEEDS), new)
    assert status == 0, output
    assert "NEW was not asked to measure rival; not compared" in output


def test_an_engine_that_new_asked_for_and_has_no_word_of_is_lost(compared):
    new = asked_for(fake.small_run({"limen": 3.0}), "limen", "rival")
    status, output = compared(fake.small_run(SPEEDS), new)
    assert status == 1
    assert "rival: lost, no result in NEW" in output


def test_figures_without_an_engines_row_are_not_taken_for_an_interruption_by_hand(compared):
    new = [row for row in fake.small_run(SPEEDS, seed=1) if row.type != "engine"]
    status, output = compared(fake.small_run(SPEEDS), asked_for(new, *SPEEDS))
    assert status == 0
    assert "was interrupted" not in output
    assert "NEW ended without a word on limen, rival" in output


def test_many_figures_without_a_change_raise_few_false_alarms():
    """13 engines x 5 figures, 5 rounds, each figure 5 % off by itself and each round 5 % off for
    all: at most one comparison in ten may end with status 1.
    """
    speeds = {f"engine-{number}": 2.0 + number for number in range(13)}

    def run(seed):
        yield fake.run_row()
        yield from fake.speed_rows(speeds, noise=fake.Noise(seed, shared=0.05, own=0.05))
        yield from map(fake.engine_row, speeds)

    outcomes = [
        compare(summarise(run(seed)), summarise(run(seed + 1000)), tolerance=0.05)
        for seed in range(SIMULATIONS)
    ]
    assert {len(outcome.changes) for outcome in outcomes} == {13 * 5}
    assert sum(outcome.regressed for outcome in outcomes) <= 0.1 * SIMULATIONS


def test_an_engine_that_only_new_has_is_no_regression(compared):
    assert compared(fake.small_run({"limen": 3.0}), fake.small_run(SPEEDS))[0] == 0


def test_nothing_in_common_is_an_error(compared):
    with pytest.raises(InputError, match=r"nothing in common: OLD has minilm.*NEW has other"):
        compared([fake.run_row()], [fake.run_row(model="other")])
    with pytest.raises(InputError, match="share no engine"):
        compared([fake.run_row()], [fake.run_row()])


@pytest.mark.parametrize("tolerance", ["-0.1", "nan", "inf"])
def test_a_tolerance_that_is_none_is_refused(compared, tolerance):
    with pytest.raises(InputError, match="--tolerance"):
        compared([fake.run_row()], [fake.run_row()], f"--tolerance={tolerance}")


def test_json_says_the_same(compared):
    slower = [*fake.small_run({**SPEEDS, "limen": 3.6}, seed=1)]
    status, output = compared(fake.small_run(SPEEDS), slower, "--json")
    found = json.loads(output)
    assert (status, found["regressed"], found["lost"]) == (1, True, [])
    worse = {
        (change["engine"], change["value"])
        for change in found["changes"]
        if change["verdict"] == "worse"
    }
    assert ("limen", "p50_ms") in worse
    assert {change["judged_by"] for change in found["changes"]} == {"raw", "normalised"}


def test_a_subject_of_one_side_is_noted(compared):
    more = [*fake.small_run(SPEEDS, seed=1), fake.run_row("r2", model="other")]
    status, output = compared(fake.small_run(SPEEDS), more)
    assert status == 0
    assert "other on 감정 말뭉치 (ko).txt: only in NEW, not compared" in output


def test_results_of_before_are_left_as_they_were(compared, tmp_path):
    rows = [*fake.small_run(SPEEDS)]
    compared(rows, rows)
    assert read_results([tmp_path / "old.jsonl"]) == rows
