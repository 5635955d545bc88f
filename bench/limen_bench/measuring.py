"""A run under way: its engines, where its rows go, and who has dropped out."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limen.progress import Progress
from limen.threads import available_cores

from limen_bench.engines.engine import OpenJob
from limen_bench.engines.engine_kind import EngineKind
from limen_bench.process import EngineStopped, TaskRequest, WorkerJob, messages, own_python
from limen_bench.results import MeasurementRow, ResultsFile, Status
from limen_bench.settings import BenchSettings
from limen_bench.tasks.task import Found, LengthUnit

_BESIDE = ("logits", "idle", "capacity")
"""Findings that are no figures."""
_OF_A_PROCESS = ("cold", "memory", "disturbance")
"""Findings that every process reports, asked for or not."""


@dataclass(frozen=True)
class Setup:
    """What an engine is opened with: threads, texts in one run, and whether it is handed bulk texts
    in order of length.
    """

    threads: int
    batch: int = 1
    sorted: bool = False


@dataclass(frozen=True)
class SampleFiles:
    """The texts of a run, as JSON files for the measuring processes.

    Attributes:
        measured: a sample that rounds are timed on.
        checked: a smaller one that engines are compared on.
        every: all texts.
        first_text: one of median length, for cold starts.
        lengths: of `measured`.
        unit: what they count.
        places: places of `checked` in the user's texts.
        max_tokens: the longest input that the file takes; None for one that reads no tokens.
    """

    measured: Path
    checked: Path
    every: Path
    first_text: str
    lengths: tuple[int, ...]
    unit: LengthUnit
    places: tuple[int, ...]
    max_tokens: int | None


@dataclass(frozen=True)
class Request:
    """Tasks for one process of one engine.

    Attributes:
        kind: the engine.
        setup: what it is opened with.
        tasks: what it does; None converts the source.
        texts: a file of the run's samples.
        round: number of the round; None outside the rounds.
        own: which of the findings that every process reports are recorded.
    """

    kind: EngineKind
    setup: Setup
    tasks: tuple[TaskRequest, ...] | None
    texts: Path
    round: int | None = None
    own: frozenset[str] = frozenset()


class Measuring:
    """Runs requests, writes what they find, and keeps account of engines that dropped out."""

    def __init__(
        self,
        settings: BenchSettings,
        run: str,
        results: ResultsFile,
        folder: Path,
        told: Progress,
    ) -> None:
        """Begin.

        Args:
            settings: of the run.
            run: its identifier.
            results: where rows go.
            folder: for converted models, a folder for each engine.
            told: is told what happens.
        """
        self.settings = settings
        self.run = run
        self.folder = folder
        self.cores = available_cores()
        self.told = told
        self.rows: list[MeasurementRow] = []
        self.dropped: dict[str, tuple[Status, str]] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self._results = results

    @property
    def standing(self) -> tuple[EngineKind, ...]:
        """The engines that have not dropped out."""
        return tuple(kind for kind in self.settings.engines if kind.name not in self.dropped)

    def drop(self, engine: str, status: Status, reason: str) -> None:
        """Leave an engine out from now on; its rows so far stay."""
        self.dropped[engine] = (status, reason)
        self.told.step(f"{engine} is left out: {status}: {reason}")

    def take_back(self, engine: str) -> None:
        """Let an engine stay that had run out of time; one that failed is left out all the same."""
        if self.dropped[engine][0] == "timed out":
            del self.dropped[engine]

    def found(self, engine: str, found: Found, round_number: int | None = None) -> None:
        """Write a finding about an engine."""
        row = MeasurementRow(
            self.run,
            engine,
            found.measure,
            dict(found.values),
            dict(found.at),
            round_number,
            found.note,
        )
        self.rows.append(row)
        self._results.write(row)

    def python(self, kind: EngineKind) -> Path:
        """Return the interpreter of an engine."""
        return self.settings.pythons.get(kind.python, own_python())

    def open_job(self, kind: EngineKind, setup: Setup) -> OpenJob:
        """Return what a process is told about an engine."""
        folder = self.folder / kind.name
        return OpenJob(
            kind.name,
            self.settings.file.resolve(),
            None if self.settings.source is None else self.settings.source.resolve(),
            folder,
            setup.threads,
            setup.batch,
        )

    def listen(self, request: Request, first_text: str | None = None) -> Generator[dict[str, Any]]:
        """Run a request and yield its messages, each finding written as it comes.

        An engine that stops is dropped, and the messages end; closing the iterator ends the
        process.
        """
        patience = self.settings.patience
        job = WorkerJob(
            request.kind,
            self.python(request.kind),
            self.open_job(request.kind, request.setup),
            request.texts,
            request.tasks,
            first_text,
            patience.prepare if request.tasks is None else patience.process,
        )
        try:
            with closing(messages(job)) as heard:
                for message in heard:
                    self._keep(message, request)
                    yield message
        except EngineStopped as stopped:
            self.drop(request.kind.name, stopped.status, stopped.reason)

    def do(self, request: Request, first_text: str | None = None) -> list[dict[str, Any]]:
        """Run a request to its end and return its messages."""
        return list(self.listen(request, first_text))

    def _keep(self, message: dict[str, Any], request: Request) -> None:
        if "versions" in message:
            self.versions[request.kind.name] = message["versions"]
        elif "measure" in message:
            measure = message["measure"]
            if measure in _BESIDE or (measure in _OF_A_PROCESS and measure not in request.own):
                return
            found = Found(measure, message["values"], message["at"], message["note"])
            self.found(request.kind.name, found, request.round)


def tasks(*wanted: tuple[str, dict[str, Any]]) -> tuple[TaskRequest, ...]:
    """Return task requests from names and options."""
    return tuple(TaskRequest(name, options) for name, options in wanted)
