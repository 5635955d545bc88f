"""Telling a person at a terminal what a long job is doing; silent in a pipe."""

import sys
from time import monotonic
from typing import Protocol

_COUNT_EVERY_S = 0.2


class Progress(Protocol):
    """Told what happens next."""

    def step(self, what: str) -> None:
        """Begin a step."""
        ...

    def count(self, what: str) -> None:
        """Say how far the step has come; called as often as one likes."""
        ...


class Silent:
    """Says nothing."""

    def step(self, what: str) -> None:
        """Begin a step."""

    def count(self, what: str) -> None:
        """Say how far the step has come."""


class OnTerminal:
    """Writes one line a step to standard error, with the seconds since the start. Counts are
    written over each other, at most five times a second.
    """

    def __init__(self) -> None:
        """Start the clock."""
        self._start = monotonic()
        self._counted = -_COUNT_EVERY_S
        self._width = 0

    def step(self, what: str) -> None:
        """Begin a step."""
        print(f"{self._line(what):<{self._width}}", file=sys.stderr, flush=True)
        self._counted, self._width = -_COUNT_EVERY_S, 0

    def count(self, what: str) -> None:
        """Say how far the step has come."""
        now = monotonic()
        if now - self._counted < _COUNT_EVERY_S:
            return
        line = self._line(what)
        # The cursor goes back to the start: whatever is written next stands over the count.
        print(f"{line:<{self._width}}", end="\r", file=sys.stderr, flush=True)
        self._counted, self._width = now, len(line)

    def _line(self, what: str) -> str:
        return f"[{monotonic() - self._start:5.1f} s] {what}"


def progress() -> Progress:
    """Return the progress that suits standard error."""
    return OnTerminal() if sys.stderr.isatty() else Silent()
