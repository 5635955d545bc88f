"""Telling a person at a terminal what a long job is doing; silent in a pipe."""

import sys
from time import monotonic
from typing import Protocol


class Progress(Protocol):
    """Told what happens next."""

    def step(self, what: str) -> None:
        """Begin a step."""
        ...


class Silent:
    """Says nothing."""

    def step(self, what: str) -> None:
        """Begin a step."""


class OnTerminal:
    """Writes one line a step to standard error, with the seconds since the start."""

    def __init__(self) -> None:
        """Start the clock."""
        self._start = monotonic()

    def step(self, what: str) -> None:
        """Begin a step."""
        print(f"[{monotonic() - self._start:5.1f} s] {what}", file=sys.stderr, flush=True)


def progress() -> Progress:
    """Return the progress that suits standard error."""
    return OnTerminal() if sys.stderr.isatty() else Silent()
