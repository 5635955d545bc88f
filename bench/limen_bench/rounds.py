"""The rounds: every engine in turn, each time in a new process."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from limen_bench.engines.table import EngineKind
from limen_bench.measuring import Measuring, Request, SampleFiles, tasks
from limen_bench.process import TaskRequest, own_python
from limen_bench.sweep import Chosen
from limen_bench.tasks.task import Found

_YARDSTICK_SECONDS = 60
MACHINE = "machine"
"""The name under which rows about the machine itself are written."""


def run_rounds(
    measuring: Measuring, chosen: Mapping[str, Chosen], files: SampleFiles, rounds: int
) -> None:
    """Measure all engines in turns, A B C, B C A, ..., so that none always follows the same one.

    A new process for each round makes differences between processes (memory layout, the moment)
    part of the spread, and gives a cold start each time.
    """
    for number in range(rounds):
        yardstick(measuring, number)
        standing = measuring.standing
        first = number % max(1, len(standing))
        for kind in (*standing[first:], *standing[:first]):
            measuring.told.step(f"round {number + 1} of {rounds}: {kind.name}")
            _round(measuring, kind, chosen[kind.name], files, number)


def _round(
    measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles, number: int
) -> None:
    """One process where both measures want the same setup, else one for each."""
    measures = measuring.settings.measures
    one = _one_tasks(measuring) if {"one", "stages"} & set(measures) else ()
    bulk = _bulk_tasks(measuring, chosen) if "bulk" in measures else ()
    cold = files.first_text
    if chosen.one.threads == chosen.bulk.threads or not (one and bulk):
        setup = chosen.one if one else chosen.bulk
        request = Request(kind, setup, one + bulk, files.measured, number, cold=True)
        measuring.do(request, cold)
        return
    measuring.do(Request(kind, chosen.one, one, files.measured, number, cold=True), cold)
    if kind.name not in measuring.dropped:
        measuring.do(Request(kind, chosen.bulk, bulk, files.measured, number))


def _one_tasks(measuring: Measuring) -> tuple[TaskRequest, ...]:
    patience, measures = measuring.settings.patience, measuring.settings.measures
    wanted: list[tuple[str, dict[str, Any]]] = [("warm_up", {"seconds": patience.warm_up})]
    if "one" in measures:
        wanted.append(("one_at_a_time", {"seconds": patience.timed}))
    if "stages" in measures:
        wanted.append(("stages", {"seconds": patience.timed / 4}))
    return tasks(*wanted)


def _bulk_tasks(measuring: Measuring, chosen: Chosen) -> tuple[TaskRequest, ...]:
    options = {
        "seconds": measuring.settings.patience.timed,
        "batch": chosen.bulk.batch,
        "open_batch": chosen.bulk.batch,
        "sorted": chosen.bulk.sorted,
    }
    return tasks(("bulk", options))


def yardstick(measuring: Measuring, number: int) -> None:
    """Measure the machine itself, in a process of its own: int8 and fp32 products on one core.

    The best run tells what the core can do, which the share of the limit is about; the median is
    slowed down by the same neighbours as the engines, which `bench compare` is about.
    """
    command = [str(own_python()), "-P", "-m", "limen_bench.gemm_rate", "--json"]
    try:
        done = subprocess.run(  # noqa: S603  (our own module, in this interpreter)
            command, capture_output=True, text=True, timeout=_YARDSTICK_SECONDS, check=True
        )
        rates = json.loads(done.stdout.splitlines()[-1])
        values = {
            f"{name}{kind}_gmacs_per_core": rates[name][which]
            for name in ("int8", "fp32")
            for kind, which in (("", "best"), ("_typical", "median"))
        }
    except (subprocess.SubprocessError, OSError, ValueError, LookupError) as error:
        measuring.told.step(f"the yardstick failed: {error}")
        return
    measuring.found(MACHINE, Found("yardstick", values), number)
