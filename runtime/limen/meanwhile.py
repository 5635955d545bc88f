"""One piece of work on a thread of its own, while the caller does another."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Meanwhile(Generic[Result]):
    """Does a piece of work that leaves Python's lock to others; leaving the context waits for it,
    so that no thread outlives a call.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        """Start the work."""
        self._work = work
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._do, name="limen", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Meanwhile[Result]":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the end of the work, whatever became of it."""
        self._thread.join()

    def result(self) -> Result:
        """Wait for the work and return what it gave, or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _do(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error
