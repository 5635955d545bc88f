"""`limen bench`: how fast is this file here, is it faster than what I would use instead, and what
does it cost in quality?
"""

import argparse
import sys
from pathlib import Path

from limen.errors import EngineError
from limen.progress import progress

from limen_bench.commands.bench_arguments import add_arguments, settings_of
from limen_bench.report.terminal import as_json, as_text
from limen_bench.results import read_results
from limen_bench.run import run_bench
from limen_bench.summary import RunSummary, summarise

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Measure, then print the main table."""
    settings = settings_of(arguments)
    told = progress()
    told.step(f"results are added to {arguments.output}")
    for which in settings.left_out:
        told.step(f"left out: {which}")
    try:
        name = run_bench(settings, arguments.output, told)
    except KeyboardInterrupt:
        print(f"finished rounds are kept in {arguments.output}", file=sys.stderr)
        raise
    summary = _summary(arguments.output, name)
    print(as_json(summary) if arguments.json else as_text(summary))
    _require_baseline(summary)
    return 0


def _summary(output: Path, run_name: str) -> RunSummary:
    rows = [row for row in read_results([output]) if row.run == run_name]
    (summary,) = summarise(rows)
    return summary


def _require_baseline(summary: RunSummary) -> None:
    """The file itself must have been measured; a rival that failed is a row with its reason."""
    base = next(row for row in summary.engines if row.engine == summary.row.baseline)
    if base.status != "measured":
        raise EngineError(f"{base.engine}: {base.status}: {base.reason}")
