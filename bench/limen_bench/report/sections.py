"""The order of a run's report: which tables stand under which heading."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from limen_bench.report import facts, sweeps
from limen_bench.report.headline import headline
from limen_bench.report.tables import (
    ROUNDS_NOTE,
    Axis,
    Column,
    Table,
    axis_table,
    engine_table,
)
from limen_bench.summary import RunSummary

_Maker: TypeAlias = Callable[[RunSummary], Table | None]


@dataclass(frozen=True)
class Section:
    """A heading and its tables.

    Attributes:
        key: what plots name it by.
        title: the heading.
        tables: those that have data.
    """

    key: str
    title: str
    tables: tuple[Table, ...]


def sections(summary: RunSummary) -> tuple[Section, ...]:
    """Return every section of a run, also those without a table: a plot may belong to one."""
    made = []
    for key, title, makers in _SECTIONS:
        tables = (maker(summary) for maker in makers)
        made.append(Section(key, title, tuple(table for table in tables if table is not None)))
    return tuple(made)


def _columns(**headers: str) -> tuple[Column, ...]:
    return tuple(Column(value, header) for value, header in headers.items())


def _plain(measure: str, title: str, columns: tuple[Column, ...], note: str = "") -> _Maker:
    return lambda summary: engine_table(summary, measure, title, columns, note)


def _along(axis: Axis, title: str, note: str = "") -> _Maker:
    return lambda summary: axis_table(summary, axis, title, note)


def _by_length(summary: RunSummary) -> Table | None:
    axis = Axis("by_length", "p50_ms", summary.unit, f"{summary.unit}, at most")
    return axis_table(summary, axis, "p50 of one text at a time by length, ms")


_COLD = _columns(
    interpreter_ms="interpreter, ms",
    import_ms="imports, ms",
    load_ms="load, ms",
    first_ms="first text, ms",
    total_ms="total, ms",
)
_MEMORY = _columns(
    loaded_mb="after loading, MB", resident_mb="after the texts, MB", peak_mb="peak, MB"
)
_SIZE = _columns(
    file_mb="model, MB",
    install_mb="wheels to fetch, MB",
    installed_mb="installed, MB",
    distributions="distributions",
)
_STAGES = _columns(
    encode_ms="encode, ms", session_ms="session, ms", decide_ms="decide, ms", rest_ms="rest, ms"
)
_LIMIT = _columns(
    share="share of the limit",
    bulk_texts_per_s="bulk, texts/s",
    limit_texts_per_s="limit, texts/s",
    gmacs_per_text="GMAC a text",
    gemm_gmacs_per_core="GEMM, GMAC/s a core",
    cores="cores",
)
_LIMIT_NOTE = (
    "The limit: the texts a second that the cores would decide if they did nothing but the matrix "
    "products of the model, at the speed measured for a large one."
)
_CO_RUNNING = _columns(
    job_alone_per_s="job alone, 1/s",
    job_beside_idle_share="job beside the idle engine",
    job_beside_busy_share="job beside the busy engine",
    engine_beside_job_share="engine beside the job",
)
_CO_RUNNING_NOTE = "Shares of the rate that each has undisturbed."
_QUALITY = _columns(
    macro_f1="macro-F1",
    micro_f1="micro-F1",
    accuracy="accuracy",
    subset_accuracy="all labels right",
)
_AGREEMENT = _columns(
    texts_alike="texts alike",
    cells_alike="cells alike",
    max_logit_difference="largest logit difference",
    batch_logit_difference="alone against in a batch, largest logit difference",
    texts="texts",
)
_YARDSTICK = _columns(
    int8_gmacs_per_core="int8, GMAC/s a core",
    fp32_gmacs_per_core="fp32, GMAC/s a core",
    int8_all_cores_gmacs="int8 on all cores, GMAC/s",
)
_DISTURBANCE = _columns(foreign_share="other processes", steal_share="the hypervisor")
_DISTURBANCE_NOTE = (
    f"Share of the machine's CPU time that others took while the engine was measured. {ROUNDS_NOTE}"
)

_SECTIONS: tuple[tuple[str, str, tuple[_Maker, ...]], ...] = (
    ("run", "What was measured", (facts.run_table, facts.machine_table, facts.settings_table)),
    ("main", "Speed, size and decisions", (headline,)),
    (
        "length",
        "Latency by length",
        (
            _by_length,
            _along(
                Axis("lengths", "p50_ms", "tokens", "tokens"),
                "The bare onnxruntime session at fixed lengths: p50 in ms",
            ),
            _along(
                Axis("lengths", "p50_ms", "features", "features"),
                "The bare onnxruntime session at fixed numbers of features: p50 in ms",
            ),
        ),
    ),
    (
        "sweep",
        "How each engine was set up",
        (facts.set_up_table, sweeps.latency_sweep_table, sweeps.sweep_table),
    ),
    (
        "counts",
        "Bulk",
        (
            _along(
                Axis("counts", "texts_per_s", "texts", "texts in the call"),
                "Bulk: texts/s by number of texts",
            ),
            _along(
                Axis("threads", "texts_per_s", "threads", "threads"),
                "Bulk: texts/s by threads",
            ),
        ),
    ),
    ("load", "Under load", (sweeps.load_limit_table, sweeps.load_table)),
    ("cold", "Cold start", (_plain("cold", "Cold start by part", _COLD, ROUNDS_NOTE),)),
    (
        "memory",
        "Memory and size",
        (
            _plain("memory", "Memory of the process", _MEMORY, ROUNDS_NOTE),
            _plain("size", "Size on disk", _SIZE),
        ),
    ),
    (
        "inside",
        "Where the time goes",
        (
            _plain("stages", "Stages of one call", _STAGES),
            _plain("limit", "Share of the physical limit", _LIMIT, _LIMIT_NOTE),
            _plain("yardstick", "Speed of the machine during the run", _YARDSTICK),
            _plain("disturbance", "What else ran on the machine", _DISTURBANCE, _DISTURBANCE_NOTE),
        ),
    ),
    (
        "beside",
        "Beside another job",
        (_plain("co_running", "Cost of running together", _CO_RUNNING, _CO_RUNNING_NOTE),),
    ),
    (
        "quality",
        "Decisions",
        (
            _plain("quality", "Quality on the labelled texts", _QUALITY),
            _plain("agreement", "Agreement", _AGREEMENT),
        ),
    ),
    ("remarks", "Remarks", (facts.remarks_table,)),
)
