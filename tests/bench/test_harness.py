"""The harness is proven on engines of known speed: it finds a difference that was planted, none
that was not, and goes on when an engine does not.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from limen.errors import InputError
from limen.progress import Silent
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.results import EngineRow, MeasurementRow, RunRow, read_results
from limen_bench.run import run_bench
from limen_bench.settings import BenchSettings, BenchTexts, Patience
from limen_bench.summary import summarise

HERE = Path(__file__).resolve().parent
FILE = HERE.parent / "golden" / "tiny_multilabel.onnx"
TEXTS = tuple(f"{'good ' * (count % 9)}day {count}" for count in range(60))
QUICK = Patience(timed=0.2, warm_up=0.1, swept=0.05, count=1.0, rate=0.5, process=60, prepare=60)


def fake(factor, noise=0.05, fault="", **more):
    name = f"fake-{factor}-{noise}" + (f"-{fault}" if fault else "")
    known = {"title": name, "module": "fake_engine", "precision": "fp32", "distributions": ()}
    return EngineKind(name=name, set_up="", **{**known, **more})


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Return (*engines, **settings) -> (summary, rows)."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))

    def run(*engines, **more):
        usual = {
            "source": tmp_path,
            "measures": ("cold", "one", "bulk"),
            "rounds": 3,
            "sweep": False,
            "patience": QUICK,
        }
        texts = BenchTexts("made up", TEXTS)
        settings = BenchSettings(FILE, texts, engines, **{**usual, **more})
        output = tmp_path / "results.jsonl"
        run_bench(settings, output, Silent())
        rows = read_results([output])
        return summarise(rows)[-1], rows

    return run


def statuses(rows):
    return {row.engine: row.status for row in rows if isinstance(row, EngineRow)}


def reason(rows, engine):
    (row,) = [row for row in rows if isinstance(row, EngineRow) and row.engine == engine.name]
    return row.reason


def measured(rows, engine):
    return {r.measure for r in rows if isinstance(r, MeasurementRow) and r.engine == engine.name}


FIGURES = (("one", "p50_ms"), ("bulk", "texts_per_s"))


def test_planted_differences_are_found_and_no_others(bench):
    """Six engines as fast as the first, one 10 % slower, one 10 % faster, on a machine whose rounds
    differ by tens of per cent.
    """
    base, slower, faster = fake(1.0), fake(1.1), fake(0.909)
    alike = [fake(1.0, 0.05 + step / 1000) for step in range(1, 7)]
    summary, _ = bench(base, slower, faster, *alike, rounds=7)
    for measure, value in FIGURES:
        assert found(summary, slower, measure, value) == pytest.approx(1.1, rel=0.03)
        assert summary.ratio(slower.name, measure, value).low > 1
        assert found(summary, faster, measure, value) == pytest.approx(1 / 1.1, rel=0.03)
        assert summary.ratio(faster.name, measure, value).high < 1
    same = [summary.ratio(kind.name, *figure) for kind in alike for figure in FIGURES]
    # 95 % intervals: of twelve, one may well leave out 1, three hardly (test_statistics counts).
    assert sum(ratio.differs for ratio in same) <= 2
    assert [ratio.median for ratio in same] == pytest.approx([1.0] * len(same), rel=0.03)


def found(summary, kind, measure, value):
    return summary.ratio(kind.name, measure, value).median


def test_the_fake_is_as_noisy_as_said(bench):
    """Else the test above would prove nothing: rounds differ by tens of per cent."""
    summary, _ = bench(fake(1.0), rounds=5)
    found = summary.point("fake-1.0-0.05", "one").spread("p50_ms")
    assert found.high / found.low > 1.1


FAULTS = {
    "prepare": ("failed", "this architecture is not supported"),
    "open": ("failed", "weights are not what they should be"),
    "segfault": ("failed", "SIGSEGV"),
    "hang": ("timed out", "no end after 3 s"),
    "other": ("failed", "claims fp32"),
    "shape": ("failed", "shape"),
    "nan": ("failed", "not finite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_that_fails_leaves_its_row_and_the_run_goes_on(bench, fault):
    good, bad = fake(1.0, exact=True), fake(1.0, 0.05, fault, exact=True)
    patience = replace(QUICK, process=3) if fault == "hang" else QUICK
    summary, rows = bench(good, bad, rounds=2, patience=patience)
    status, words = FAULTS[fault]
    assert statuses(rows) == {good.name: "measured", bad.name: status}
    assert words in reason(rows, bad)
    assert summary.point(good.name, "bulk").spread("texts_per_s").rounds == 2
    timed = {"one", "bulk"} & measured(rows, bad)
    assert timed == ({"one"} if fault in ("segfault", "hang") else set())


@pytest.mark.parametrize("fault", ["exit", "fork"])
def test_what_happens_after_the_last_finding_costs_nothing(bench, fault):
    good, odd = fake(1.0), fake(1.0, 0.05, fault)
    _, rows = bench(good, odd, rounds=1, patience=replace(QUICK, process=20))
    assert statuses(rows) == {good.name: "measured", odd.name: "measured"}
    assert measured(rows, odd) >= {"one", "bulk", "memory"}


def test_what_is_not_installed_is_missing_with_the_way_to_get_it(bench):
    good = fake(1.0)
    elsewhere = fake(2.0, python="optimum")
    unheard = fake(3.0, module="no_such_library")
    _, rows = bench(good, elsewhere, unheard, rounds=1)
    assert statuses(rows)[elsewhere.name] == "missing"
    assert "--python optimum=PATH" in reason(rows, elsewhere)
    assert statuses(rows)[unheard.name] == "failed"
    assert "no_such_library" in reason(rows, unheard)


def test_without_a_source_rivals_are_missing_and_the_file_is_measured(bench):
    own, rival = fake(1.0, needs_source=False), fake(2.0)
    _, rows = bench(own, rival, rounds=1, source=None)
    assert statuses(rows) == {own.name: "measured", rival.name: "missing"}
    assert "--source" in reason(rows, rival)


def test_a_rival_of_another_kind_of_source_has_a_row_that_says_so(bench):
    good, other = fake(1.0), fake(2.0, made_from="sklearn")
    _, rows = bench(good, other, rounds=1)
    assert statuses(rows) == {good.name: "measured", other.name: "failed"}
    assert "made from a scikit-learn pipeline" in reason(rows, other)
    assert measured(rows, other) == set()


def test_without_a_sweep_batches_are_of_the_engines_usual_size(bench):
    engines = fake(1.0), fake(2.0, usual_batch=8)
    _, rows = bench(*engines, rounds=1)
    chosen = [row.chosen["bulk"]["batch"] for row in rows if isinstance(row, EngineRow)]
    assert chosen == [16, 8]


def test_rounds_are_in_turns_and_none_always_follows_the_same(bench):
    engines = fake(1.0), fake(2.0), fake(3.0)
    _, rows = bench(*engines, rounds=6)
    order = [row.engine for row in rows if isinstance(row, MeasurementRow) and row.measure == "one"]
    turns = [order[start : start + 3] for start in range(0, len(order), 3)]
    assert [sorted(turn) for turn in turns] == [[engine.name for engine in engines]] * 6
    followers = {(turn[place], turn[place + 1]) for turn in turns for place in (0, 1)}
    assert len(followers) >= 5


def test_the_control_runs_as_the_baseline_does(bench):
    base, control = fake(1.0, batches=(1, 4)), fake(1.0, 0.06, control=True, batches=(1, 4))
    _, rows = bench(base, control, rounds=1, sweep=True)
    chosen = {row.engine: row.chosen for row in rows if isinstance(row, EngineRow)}
    assert chosen[base.name] == chosen[control.name]
    assert "sweep" not in measured(rows, control)


def test_the_sweep_takes_the_best_and_prints_what_it_tried(bench):
    engine = fake(1.0, batches=(1, 4, 16))
    summary, rows = bench(engine, rounds=1, sweep=True)
    tried = {
        (point.at["threads"], point.at["batch"]) for point in summary.along(engine.name, "sweep")
    }
    assert {batch for _, batch in tried} >= {1, 4, 16}
    (row,) = [row for row in rows if isinstance(row, EngineRow)]
    best = max(summary.along(engine.name, "sweep"), key=lambda point: point.median("texts_per_s"))
    assert row.chosen["bulk"]["batch"] == best.at["batch"]
    assert row.chosen["bulk"]["threads"] == best.at["threads"]


def test_every_measure_leaves_rows(bench):
    engine = fake(1.0, needs_source=False)
    wanted = ("cold", "one", "bulk", "counts", "load")
    summary, rows = bench(engine, rounds=1, measures=wanted)
    assert {*wanted, "memory", "load_limit", "disturbance"} <= measured(rows, engine)
    assert [point.at["texts"] for point in summary.along(engine.name, "counts")] == [
        1, 10, 100, 1_000, 10_000, 100_000,
    ]  # fmt: skip


def test_the_first_row_tells_machine_texts_and_settings(bench):
    _, rows = bench(fake(1.0), rounds=1)
    (row,) = [row for row in rows if isinstance(row, RunRow)]
    assert rows[0] == row
    assert {
        "cpu",
        "features",
        "cores",
        "quota",
        "governor",
        "load",
        "environment",
    } <= row.machine.keys()
    assert sum(count for _, _, count in row.texts["histogram"]) == row.texts["count"] == len(TEXTS)
    assert row.model["precision"] == "fp32"


@pytest.mark.parametrize(
    ("more", "words"),
    [({"rounds": 0}, "0 rounds"), ({"texts": BenchTexts("empty", ())}, "no text")],
)
def test_settings_that_cannot_be_measured_are_refused(bench, tmp_path, more, words):
    settings = BenchSettings(FILE, BenchTexts("made up", TEXTS), (fake(1.0),))
    with pytest.raises(InputError, match=words):
        run_bench(replace(settings, **more), tmp_path / "r.jsonl", Silent())
