"""The seam between the harness and everything it measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from limen.arrays import FloatArray


class Engine(Protocol):
    """One way to decide about texts, opened, its threads and batch size fixed."""

    def decide(self, texts: Sequence[str]) -> object:
        """Do all the work that a user waits for, from the texts to their labels, in order.

        One text means one at a time; several are a bulk call, which the engine cuts into batches
        of the size it was opened with.
        """
        ...

    def logits(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs): what the graph gives, before any link."""
        ...


class Staged(Protocol):
    """An engine that can say where the time of a call goes."""

    def stages(self, text: str) -> dict[str, float]:
        """Decide about one text and return milliseconds by stage: `encode`, `session`, `decide`,
        and `rest` where it can be told apart.
        """
        ...


class FixedLengths(Protocol):
    """An engine that can run its graph alone on a made-up text of any length."""

    def run_length(self, length: int) -> FloatArray:
        """Run one text of this many tokens, or features; float32 (outputs,)."""
        ...


@dataclass(frozen=True)
class OpenJob:
    """What an engine is opened with.

    Attributes:
        name: name of the engine in the table; a module may serve several.
        model: the classifier file. Every engine decides by its labels, link and thresholds.
        source: the checkpoint, folder or file that the classifier file was made from; None where
            the user gave none.
        folder: where `prepare` put the engine's own form of the source; may be absent for engines
            that need none.
        threads: threads that the engine may keep busy, at least 1.
        batch: texts in one run of a bulk call, at least 1.
    """

    name: str
    model: Path
    source: Path | None
    folder: Path
    threads: int
    batch: int


class EngineModule(Protocol):
    """What a module of this folder offers."""

    def prepare(self, job: OpenJob) -> None:
        """Convert the source into `job.folder`; runs once, in a process of its own, untimed.

        The folder exists and is empty. Nothing is to be done where an engine reads the source or
        the classifier file itself.
        """
        ...

    def open_engine(self, job: OpenJob) -> Engine:
        """Open the engine; the first call in a process is timed as the load of a cold start.
        A sweep calls again for other batch sizes, after the last engine was let go.

        The libraries are imported at the head of the module: that is timed as the import.
        """
        ...
