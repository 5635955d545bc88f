"""Rows of results brought together: the figures of each engine at each point of each measure, over
the rounds of its run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from limen.errors import InputError

from limen_bench.results import EngineRow, MeasurementRow, Row, RunRow, Value
from limen_bench.statistics import Ratio, Spread, paired_ratio, spread

_OF_AN_ENGINE = {"one", "bulk", "cold", "memory"}
"""Measures that only an engine under comparison has; `machine` and `raw-session` have none."""


@dataclass(frozen=True)
class Point:
    """The figures of one engine at one point of a measure.

    Attributes:
        at: where on the measure's axis; empty for a single point.
        figures: name of a value to its figure in each round (None: measured once).
        notes: the remarks of its rows, each once.
    """

    at: Mapping[str, Value]
    figures: Mapping[str, Mapping[int | None, float]]
    notes: tuple[str, ...]

    def spread(self, value: str) -> Spread | None:
        """Return the median and quartiles over the rounds; None where no round has the value."""
        figures = self.figures.get(value)
        return spread([*figures.values()]) if figures else None

    def median(self, value: str) -> float | None:
        """Return the median over the rounds; None where no round has the value."""
        figures = self.figures.get(value)
        return median(figures.values()) if figures else None


@dataclass(frozen=True)
class RunSummary:
    """One run: its engines and what was measured of each.

    Attributes:
        row: what was run, on what.
        engines: the engines under comparison, in the order of the file; the baseline first, those
            without any figure last.
        points: (engine, measure) to its points, ordered along the measure's axis.
    """

    row: RunRow
    engines: tuple[EngineRow, ...]
    points: Mapping[tuple[str, str], tuple[Point, ...]]

    @property
    def unit(self) -> str:
        """What lengths of texts count; results from before this was said count tokens."""
        return str(self.row.texts.get("unit", "tokens"))

    def along(self, engine: str, measure: str) -> tuple[Point, ...]:
        """Return the points of a measure; none where the engine was not measured so."""
        return self.points.get((engine, measure), ())

    def point(
        self, engine: str, measure: str, at: Mapping[str, Value] | None = None
    ) -> Point | None:
        """Return the point at one place of the axis; by default that of a measure without axis."""
        wanted = dict(at or {})
        found = (point for point in self.along(engine, measure) if point.at == wanted)
        return next(found, None)

    def names(self, measure: str) -> tuple[str, ...]:
        """Return the names of those that have the measure: engines first, then the others."""
        known = [engine.engine for engine in self.engines]
        others = {name for name, _ in self.points} - {*known}
        return tuple(name for name in [*known, *sorted(others)] if self.along(name, measure))

    def title(self, name: str) -> str:
        """Return what tables call an engine."""
        titles = {engine.engine: engine.title for engine in self.engines}
        return titles.get(name) or name

    def ratio(
        self, engine: str, measure: str, value: str, at: Mapping[str, Value] | None = None
    ) -> Ratio | None:
        """Return how many times better the baseline is: above 1 where the baseline needs less time
        or decides more texts a second, below 1 where the engine does.

        The rounds that both have are paired. None where there is none with two positive figures.
        """
        mine = self.point(engine, measure, at)
        base = self.point(self.row.baseline, measure, at)
        if mine is None or base is None or engine == self.row.baseline:
            return None
        rounds = mine.figures.get(value, {}), base.figures.get(value, {})
        pairs = [(rounds[0][key], rounds[1][key]) for key in rounds[0] if key in rounds[1]]
        pairs = [pair for pair in pairs if min(pair) > 0]
        if not pairs:
            return None
        engines, bases = zip(*pairs, strict=True)
        if larger_is_better(value):
            return paired_ratio(bases, engines)
        return paired_ratio(engines, bases)


def larger_is_better(value: str) -> bool:
    """Say which way a value points, by the unit in its name: rates up, times and sizes down."""
    return value.endswith("_per_s")


def summarise(rows: Iterable[Row]) -> tuple[RunSummary, ...]:
    """Bring the rows of any number of runs together, in the order of the runs.

    A row that comes twice (a file given twice) counts once: the last one.

    Raises:
        InputError: there is no run, or a row belongs to a run whose own row is not there.
    """
    runs: dict[str, RunRow] = {}
    engines: dict[str, dict[str, EngineRow]] = {}
    measured: dict[str, list[MeasurementRow]] = {}
    for row in rows:
        if isinstance(row, RunRow):
            runs[row.run] = row
        elif isinstance(row, EngineRow):
            engines.setdefault(row.run, {})[row.engine] = row
        else:
            measured.setdefault(row.run, []).append(row)
    if not runs:
        raise InputError("no run in these results; give whole files that `limen bench` wrote")
    for run in [*engines, *measured]:
        if run not in runs:
            raise InputError(f"run {run!r}: the row that describes it is missing; give whole files")
    return tuple(
        _summary(row, engines.get(run, {}), measured.get(run, [])) for run, row in runs.items()
    )


def _summary(
    row: RunRow, engines: Mapping[str, EngineRow], measured: list[MeasurementRow]
) -> RunSummary:
    known = dict(engines)
    grouped: dict[tuple[str, str], dict[tuple[tuple[str, Value], ...], list[MeasurementRow]]] = {}
    for one in measured:
        at = tuple(sorted(one.at.items()))
        grouped.setdefault((one.engine, one.measure), {}).setdefault(at, []).append(one)
        if one.engine not in known and one.measure in _OF_AN_ENGINE:
            known[one.engine] = _unfinished(row.run, one.engine)
    points = {
        key: tuple(_point(rows) for _, rows in sorted(places.items(), key=_along_the_axis))
        for key, places in grouped.items()
    }
    measured_names = {name for name, _ in points}
    ordered = sorted(
        known.values(),
        key=lambda each: (each.engine != row.baseline, each.engine not in measured_names),
    )
    return RunSummary(row, tuple(ordered), points)


def _unfinished(run: str, engine: str) -> EngineRow:
    reason = "the run ended before it said how this engine fared"
    return EngineRow(run, engine, engine, "", "interrupted", reason)


def _along_the_axis(place: tuple[tuple[tuple[str, Value], ...], object]) -> list[tuple[str, float]]:
    return [(name, float("-inf") if value is None else value) for name, value in place[0]]


def _point(rows: list[MeasurementRow]) -> Point:
    figures: dict[str, dict[int | None, float]] = {}
    for row in rows:
        for name, value in row.values.items():
            if value is not None:
                figures.setdefault(name, {})[row.round] = float(value)
    notes = dict.fromkeys(row.note for row in rows if row.note)
    return Point(dict(rows[0].at), figures, tuple(notes))
