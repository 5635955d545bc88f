"""Tables of the measures with several axes: batch and threads, and load."""

from limen_bench.report import figures
from limen_bench.report.tables import Axis, Cell, Table, axis_table, figure_cell
from limen_bench.results import Value
from limen_bench.summary import Point, RunSummary

_THREADS = "request threads"


def sweep_table(summary: RunSummary) -> Table | None:
    """Texts a second of each engine by threads, order and batch size; its best is marked."""
    names = summary.names("sweep")
    places = {
        float(batch)
        for name in names
        for point in summary.along(name, "sweep")
        if (batch := point.at.get("batch")) is not None
    }
    if not places:
        return None
    batches = sorted(places)
    rows = tuple(row for name in names for row in _sweep_rows(summary, name, batches))
    header = ("engine", "threads", "order", *(f"{size:g}" for size in batches))
    groups = (("", 3), ("batch size", len(batches)))
    note = "Bulk speed on a part of the texts; * marks what is fastest for the engine."
    title = "Sweep of threads, order and batch sizes: texts/s"
    return Table(title, header, rows, groups, words=3, note=note, folded=True)


def latency_sweep_table(summary: RunSummary) -> Table | None:
    """Latency of each engine by threads."""
    axis = Axis("sweep_one", "p50_ms", "threads", "threads")
    return axis_table(summary, axis, "Sweep of threads, one text at a time: p50 in ms")


def load_table(summary: RunSummary) -> Table | None:
    """Latency of each engine under each rate of requests."""
    values = ("achieved_per_s", "p50_ms", "p90_ms", "p99_ms", "max_ms")
    threads = _any_servers(summary, "load")
    rows = tuple(
        (
            Cell(summary.title(name)),
            *([_servers(point)] if threads else []),
            Cell(_written(point.at.get("rate"))),
            *(figure_cell(point, value) for value in values),
        )
        for name in summary.names("load")
        for point in summary.along(name, "load")
    )
    header = ("engine", *([_THREADS] if threads else []), "asked, 1/s", "decided, 1/s")
    header += ("p50 ms", "p90 ms", "p99 ms", "max ms")
    note = (
        "Texts arrive at random moments at the rate asked, whether or not the last one is "
        "decided; the time counts from the arrival, so waiting is part of it."
    )
    return Table("Latency under load", header, rows, note=note, folded=True) if rows else None


def load_limit_table(summary: RunSummary) -> Table | None:
    """The rate at which each engine's p99 breaks the limit."""
    threads = _any_servers(summary, "load_limit")
    rows = tuple(
        (
            Cell(summary.title(name)),
            *([_servers(point)] if threads else []),
            figure_cell(point, "limit_ms"),
            figure_cell(point, "held_per_s"),
            Cell(*_broken(point)),
        )
        for name in summary.names("load_limit")
        for point in summary.along(name, "load_limit")
    )
    header = ("engine", *([_THREADS] if threads else []))
    header += ("limit on p99, ms", "highest rate that held, 1/s", "broke at, 1/s")
    return Table("Load at which the limit breaks", header, rows) if rows else None


def _any_servers(summary: RunSummary, measure: str) -> bool:
    """Whether any row says how many threads took requests; older results do not."""
    return any(
        _servers(point).text != figures.NOTHING
        for name in summary.names(measure)
        for point in summary.along(name, measure)
    )


def _servers(point: Point) -> Cell:
    at = point.at.get("servers")
    return Cell(_written(point.median("servers") if at is None else at))


def _broken(point: Point) -> tuple[str, str]:
    cell = figure_cell(point, "broken_per_s")
    return cell.text, "; ".join(point.notes) if cell.text == figures.NOTHING else cell.detail


def _sweep_rows(summary: RunSummary, name: str, batches: list[float]) -> list[tuple[Cell, ...]]:
    points = summary.along(name, "sweep")
    speeds = [speed for point in points if (speed := point.median("texts_per_s")) is not None]
    best = max(speeds, default=None)
    lines = dict.fromkeys((point.at.get("threads"), point.at.get("sorted")) for point in points)
    rows = []
    for threads, order in lines:
        place = {"threads": threads, "sorted": order}
        found = {
            point.at.get("batch"): point for point in points if point.at.items() >= place.items()
        }
        cells = (_speed(found.get(size), best) for size in batches)
        ordered = "by length" if order else "as given"
        rows.append((Cell(summary.title(name)), Cell(_written(threads)), Cell(ordered), *cells))
    return rows


def _speed(point: Point | None, best: float | None) -> Cell:
    cell = figure_cell(point, "texts_per_s")
    if point is None or point.median("texts_per_s") != best:
        return cell
    return Cell(f"{cell.text} *", cell.detail)


def _written(place: Value) -> str:
    return figures.NOTHING if place is None else figures.whole(place)
