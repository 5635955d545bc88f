"""The best batch size and number of threads of each engine, found before the rounds."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from limen_bench.engines.engine_kind import EngineKind
from limen_bench.measuring import Measuring, Request, SampleFiles, Setup, tasks

_CLEARLY_WORSE = 0.9
_PATIENCE = 2


@dataclass(frozen=True)
class Chosen:
    """How an engine runs in the rounds.

    Attributes:
        one: for one text at a time.
        bulk: for bulk calls.
    """

    one: Setup
    bulk: Setup

    def to_json(self) -> dict[str, Any]:
        """Return what the row of an engine says."""
        bulk = {
            "threads": self.bulk.threads,
            "batch": self.bulk.batch,
            "sorted": self.bulk.sorted,
        }
        return {"one": {"threads": self.one.threads}, "bulk": bulk}


def without_sweep(kind: EngineKind, cores: int) -> Chosen:
    """Return all cores, batches of the engine's usual size in order of length; for engines that
    batch by themselves, no batch.
    """
    batches = kind.batches != (1,)
    bulk = Setup(cores, kind.usual_batch, sorted=True) if batches else Setup(cores)
    return Chosen(Setup(cores), bulk)


def sweep(measuring: Measuring, kind: EngineKind, files: SampleFiles, cores: int) -> Chosen | None:
    """Try every number of threads with every batch size; None where the engine dropped out.

    Batches larger than one are handed over in order of length, which spares padding; the best of
    them is tried in the given order as well. Larger batches are given up after two sizes in a row
    that reach less than 90 % of the best.
    """
    ones: dict[int, float] = {}
    bulks: dict[Setup, float] = {}
    # On a GPU threads encode and start kernels: one, or all of them.
    for threads in _threads(cores) if kind.device == "cpu" else sorted({1, cores}):
        measuring.told.step(f"{kind.name}: sweep with {threads} threads")
        _sweep_threads(measuring, kind, files, threads, ones, bulks)
        if kind.name in measuring.dropped and ones and bulks:
            # Large batches on few threads take long; what was found until then is enough.
            measuring.take_back(kind.name)
        if kind.name in measuring.dropped:
            return None
    best = max(bulks, key=lambda setup: bulks[setup])
    if best.sorted:
        unsorted = Setup(best.threads, best.batch)
        _try_unsorted(measuring, kind, files, unsorted, bulks)
        best = max(bulks, key=lambda setup: bulks[setup])
    if kind.name in measuring.dropped:
        return None
    # One call of limen keeps one core busy whatever it was opened with.
    one = best.threads if not kind.needs_source else min(ones, key=lambda threads: ones[threads])
    measuring.told.step(
        f"{kind.name}: best with {one} threads for one text ({ones[one]:.3g} ms); bulk "
        f"{best.threads} threads, batches of {best.batch} ({bulks[best]:,.0f} texts/s, of "
        f"{len(bulks)} tried)"
    )
    return Chosen(Setup(one), best)


def _threads(cores: int) -> list[int]:
    """Return 1, 2, 4, ... and all cores."""
    return sorted({cores, *(2**power for power in range(cores.bit_length()) if 2**power < cores)})


def _sweep_threads(
    measuring: Measuring,
    kind: EngineKind,
    files: SampleFiles,
    threads: int,
    ones: dict[int, float],
    bulks: dict[Setup, float],
) -> None:
    patience = measuring.settings.patience
    setups = [Setup(threads, batch, sorted=batch > 1) for batch in kind.batches]
    wanted = tasks(
        ("warm_up", {"seconds": patience.warm_up}),
        (
            "one_at_a_time",
            {
                "seconds": patience.swept,
                "measure": "sweep_one",
                "at": {"threads": threads},
            },
        ),
        *(("bulk", _bulk_options(setup, patience.swept)) for setup in setups),
    )
    worse, here = 0, 0.0
    with closing(measuring.listen(Request(kind, Setup(threads), wanted, files.measured))) as heard:
        for message in heard:
            if message.get("measure") == "sweep_one":
                ones[threads] = message["values"]["p50_ms"]
            elif message.get("measure") == "sweep":
                at, rate = message["at"], message["values"]["texts_per_s"]
                bulks[Setup(at["threads"], at["batch"], bool(at["sorted"]))] = rate
                worse = worse + 1 if rate < _CLEARLY_WORSE * here else 0
                here = max(here, rate)
                if worse >= _PATIENCE:
                    break


def _try_unsorted(
    measuring: Measuring,
    kind: EngineKind,
    files: SampleFiles,
    setup: Setup,
    bulks: dict[Setup, float],
) -> None:
    wanted = tasks(("bulk", _bulk_options(setup, measuring.settings.patience.swept)))
    for message in measuring.do(Request(kind, setup, wanted, files.measured)):
        if message.get("measure") == "sweep":
            bulks[setup] = message["values"]["texts_per_s"]


def _bulk_options(setup: Setup, seconds: float) -> dict[str, Any]:
    at = {"threads": setup.threads, "batch": setup.batch, "sorted": int(setup.sorted)}
    return {
        "seconds": seconds,
        "batch": setup.batch,
        "open_batch": setup.batch,
        "sorted": setup.sorted,
        "measure": "sweep",
        "at": at,
    }
