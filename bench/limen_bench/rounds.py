"""The rounds: every engine in turn, each time in a new process."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import numpy as np

from limen_bench.engines.engine_kind import EngineKind
from limen_bench.measuring import Measuring, Request, SampleFiles, tasks
from limen_bench.process import TaskRequest, own_python
from limen_bench.sweep import Chosen
from limen_bench.tasks.task import Found

_YARDSTICK_SECONDS = 60
_SEED = 5
MACHINE = "machine"
"""The name under which rows about the machine itself are written."""


def run_rounds(
    measuring: Measuring, chosen: Mapping[str, Chosen], files: SampleFiles, rounds: int
) -> None:
    """Measure all engines in turns, in a new random order each round, so that no engine always
    follows the same one.

    A new process for each round makes differences between processes (memory layout, the moment)
    part of the spread, and gives a cold start each time.
    """
    for number in range(rounds):
        yardstick(measuring, number)
        order = np.random.default_rng([_SEED, number]).permutation(len(measuring.settings.engines))
        for place in order:
            kind = measuring.settings.engines[place]
            if kind.name not in measuring.dropped:
                measuring.told.step(f"round {number + 1} of {rounds}: {kind.name}")
                _round(measuring, kind, chosen[kind.name], files, number)


def _round(
    measuring: Measuring, kind: EngineKind, chosen: Chosen, files: SampleFiles, number: int
) -> None:
    """One process where single texts and bulk want the same threads, else one for each.

    The cold start is that of the first; the memory that of the process that did the bulk work.
    """
    measures = measuring.settings.measures
    one = _one_tasks(measuring, files) if "one" in measures else ()
    bulk = _bulk_tasks(measuring, chosen) if "bulk" in measures else ()
    cold = files.first_text
    if chosen.one.threads == chosen.bulk.threads or not (one and bulk):
        # How an engine decides one text does not depend on the size of its batches.
        setup = chosen.bulk if bulk else chosen.one
        own = frozenset({"cold", "memory", "disturbance"})
        measuring.do(Request(kind, setup, one + bulk, files.measured, number, own), cold)
        return
    own = frozenset({"cold"})
    measuring.do(Request(kind, chosen.one, one, files.measured, number, own), cold)
    if kind.name not in measuring.dropped:
        own = frozenset({"memory", "disturbance"})
        measuring.do(Request(kind, chosen.bulk, bulk, files.measured, number, own))


def _one_tasks(measuring: Measuring, files: SampleFiles) -> tuple[TaskRequest, ...]:
    patience = measuring.settings.patience
    return tasks(
        ("warm_up", {"seconds": patience.warm_up}),
        ("one_at_a_time", {"seconds": patience.timed, "unit": files.unit}),
    )


def _bulk_tasks(measuring: Measuring, chosen: Chosen) -> tuple[TaskRequest, ...]:
    options = {
        "seconds": measuring.settings.patience.timed,
        "batch": chosen.bulk.batch,
        "sorted": chosen.bulk.sorted,
    }
    return tasks(("bulk", options))


def yardstick(measuring: Measuring, number: int) -> None:
    """Measure the machine itself, in processes of their own: int8 and fp32 products on one core,
    and int8 on all cores at once, which shows a neighbour that one core does not feel.

    The best run tells what the core can do, which the share of the limit is about; the median is
    slowed down by the same neighbours as the engines, which `bench compare` is about.
    """
    try:
        (rates,) = _gemm_rates(1)
        values = {
            f"{name}{kind}_gmacs_per_core": rates[name][which]
            for name in ("int8", "fp32")
            for kind, which in (("", "best"), ("_typical", "median"))
        }
        together = _gemm_rates(measuring.cores)
        values["int8_all_cores_gmacs"] = sum(each["int8"]["median"] for each in together)
    except (subprocess.SubprocessError, OSError, ValueError, LookupError) as error:
        measuring.told.step(f"the yardstick failed: {error}")
        return
    measuring.found(MACHINE, Found("yardstick", values), number)


def _gemm_rates(processes: int) -> list[dict[str, Any]]:
    command = [str(own_python()), "-P", "-m", "limen_bench.gemm_rate", "--json", "--seconds", "0.3"]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  (our own module)
        for _ in range(processes)
    ]
    try:
        printed = [process.communicate(timeout=_YARDSTICK_SECONDS)[0] for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    return [json.loads(lines.splitlines()[-1]) for lines in printed]
