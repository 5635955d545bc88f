"""Two results of the same models and texts: what became slower or larger.

The yardstick stands for arithmetic, so it corrects latency and bulk speed. Cold start is imports,
disk and graph optimisation, and memory has no speed: both are judged as measured.

Many figures are judged at once, without a correction for their number: an interval must lie beyond
the tolerance with all of it, which noise alone seldom does. Of 200 simulated comparisons without a
change (13 engines x 5 figures, 5 rounds each, tolerance 0.05) 1 found a regression where a figure
spread by 5 % between rounds, 4 where by 10 %; of 20, 4 where by 20 %. Holm's correction would cost
more than it mends: of 65 rank tests of 5 rounds against 5 (least p 1/252) none could ever pass it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

from limen.errors import InputError

from limen_bench.comparison_notes import Pair, not_asked, notes_on
from limen_bench.results import EngineRow
from limen_bench.statistics import ENOUGH_ROUNDS, Ratio, unpaired_ratio
from limen_bench.summary import RunSummary, larger_is_better
from limen_bench.yardstick import Rounds, normalised, positive_rounds, yardstick

Verdict: TypeAlias = Literal[
    "worse", "better", "within tolerance", "undecided", "too few rounds to tell"
]


@dataclass(frozen=True)
class Judged:
    """One figure that is compared.

    Attributes:
        measure, value: names in the results.
        arithmetic: whether the yardstick corrects it.
    """

    measure: str
    value: str
    arithmetic: bool


JUDGED = (
    Judged("one", "p50_ms", arithmetic=True),
    Judged("one", "p99_ms", arithmetic=True),
    Judged("bulk", "texts_per_s", arithmetic=True),
    Judged("cold", "total_ms", arithmetic=False),
    Judged("memory", "peak_mb", arithmetic=False),
)


@dataclass(frozen=True)
class Change:
    """What became of one figure of one engine.

    Attributes:
        model, texts, engine: whose figure.
        measure, value: which.
        old, new: medians as measured.
        raw: how many times more NEW costs than OLD: above 1 slower or larger, below 1 faster or
            smaller.
        normalised: the same by the yardstick; None where it does not apply or was not measured.
        judged_by: which of the two the verdict is from.
        verdict: `worse` is a regression: the nearer end of the interval is beyond the tolerance.
    """

    model: str
    texts: str
    engine: str
    measure: str
    value: str
    old: float
    new: float
    raw: Ratio
    normalised: Ratio | None
    judged_by: Literal["raw", "normalised"]
    verdict: Verdict


@dataclass(frozen=True)
class Lost:
    """An engine that OLD measured and NEW asked for, but has no result of."""

    model: str
    texts: str
    engine: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """The outcome.

    Attributes:
        changes: a row for each figure that both have.
        lost: engines that NEW asked for and has no result of.
        notes: what makes the comparison weaker.
    """

    changes: tuple[Change, ...]
    lost: tuple[Lost, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        """Whether anything became worse beyond the tolerance, or was lost."""
        return bool(self.lost) or any(change.verdict == "worse" for change in self.changes)


def compare(
    old: Sequence[RunSummary], new: Sequence[RunSummary], tolerance: float, absolute: bool = False
) -> Comparison:
    """Compare two results.

    Args:
        old: the runs of the earlier one; of several of a model on the same texts the last counts.
        new: the runs of the later one.
        tolerance: what may be lost unnoticed, such as 0.05.
        absolute: judge as measured, also where both have a yardstick.

    Raises:
        InputError: no model and texts are in both.
    """
    before, after = _by_subject(old), _by_subject(new)
    pairs = [Pair(*key, before[key], after[key]) for key in before if key in after]
    if not pairs:
        raise InputError(
            "nothing in common: OLD has "
            f"{_listed(before)}, NEW has {_listed(after)}; both must measure a model of the same "
            "name on texts of the same name"
        )
    changes = [change for pair in pairs for change in _changes(pair, tolerance, absolute)]
    lost = [loss for pair in pairs for loss in _lost(pair)]
    if not changes and not lost:
        raise InputError("nothing in common: the runs share no engine with a figure to compare")
    notes = [note for pair in pairs for note in notes_on(pair)]
    alone = {"OLD": before.keys() - after.keys(), "NEW": after.keys() - before.keys()}
    for where, keys in alone.items():
        notes += [
            f"{model} on {texts}: only in {where}, not compared" for model, texts in sorted(keys)
        ]
    return Comparison(tuple(changes), tuple(lost), tuple(notes))


def _by_subject(runs: Sequence[RunSummary]) -> dict[tuple[str, str], RunSummary]:
    return {(str(run.row.model.get("name")), str(run.row.texts.get("name"))): run for run in runs}


def _listed(runs: Mapping[tuple[str, str], RunSummary]) -> str:
    return ", ".join(f"{model} on {texts}" for model, texts in runs)


def _changes(pair: Pair, tolerance: float, absolute: bool) -> list[Change]:
    changes = []
    for engine in pair.old.engines:
        for judged in JUDGED:
            change = _change(pair, engine, judged, tolerance, absolute)
            if change is not None:
                changes.append(change)
    return changes


def _change(
    pair: Pair, engine: EngineRow, judged: Judged, tolerance: float, absolute: bool
) -> Change | None:
    name = engine.engine
    runs = (pair.old, pair.new)
    old, new = (positive_rounds(run, name, judged.measure, judged.value) for run in runs)
    if not old or not new:
        return None
    raw = _ratio(old, new, judged)
    corrected = None
    speeds = [yardstick(run, engine) for run in runs]
    if judged.arithmetic and all(speeds):
        before, after = (
            normalised(figures, speed, judged.value)
            for figures, speed in zip((old, new), speeds, strict=True)
        )
        corrected = _ratio(before, after, judged)
    as_measured = absolute or corrected is None
    ratio = raw if corrected is None or absolute else corrected
    return Change(
        *(pair.model, pair.texts, name, judged.measure, judged.value),
        *(median(old.values()), median(new.values()), raw, corrected),
        "raw" if as_measured else "normalised",
        _verdict(ratio, tolerance),
    )


def _ratio(old: Rounds, new: Rounds, judged: Judged) -> Ratio:
    if larger_is_better(judged.value):
        return unpaired_ratio([*old.values()], [*new.values()])
    return unpaired_ratio([*new.values()], [*old.values()])


def _verdict(ratio: Ratio, tolerance: float) -> Verdict:
    if ratio.rounds < ENOUGH_ROUNDS:
        return "too few rounds to tell"
    limit = 1 + tolerance
    if ratio.low > limit:
        return "worse"
    if ratio.high < 1 / limit:
        return "better"
    return "within tolerance" if 1 / limit <= ratio.low and ratio.high <= limit else "undecided"


def _lost(pair: Pair) -> list[Lost]:
    now = {engine.engine: engine for engine in pair.new.engines}
    unasked = not_asked(pair)
    lost = []
    for engine in pair.old.engines:
        name = engine.engine
        if name in unasked or not any(pair.old.point(name, each.measure) for each in JUDGED):
            continue
        found = now.get(name)
        if found is None:
            lost.append(Lost(pair.model, pair.texts, name, "no result in NEW"))
        # Whoever stopped a run by hand has broken nothing.
        elif found.status not in ("measured", "interrupted"):
            reason = f"{found.status} in NEW: {found.reason or '?'}"
            lost.append(Lost(pair.model, pair.texts, name, reason))
    return lost
