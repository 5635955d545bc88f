"""One piece of work on a thread of its own, while the caller does another."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Meanwhile(Generic[Result]):
    """Does a piece of work that leaves Python's lock to others; leaving the context waits for it,
    so that no thread outlives a call, however it ends.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        """Take the work; it starts with the context, or with `start`."""
        self._work: Callable[[], Result] | None = work
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._do, name="limen", daemon=True)

    def start(self) -> "Meanwhile[Result]":
        """Start the work; it is done here and now where the system gives no thread."""
        try:
            self._thread.start()
        except RuntimeError:
            self._do()
        return self

    def wait(self) -> None:
        """Wait for the end of the work, whatever becomes of it; Ctrl-C is raised after that."""
        interrupted: BaseException | None = None
        while self._thread.is_alive():
            try:
                self._thread.join()
            except BaseException as error:
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def result(self) -> Result:
        """Wait for the work and return what it gave, or raise what it raised; once."""
        self.wait()
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            # An error holds the frames that it came through, this one too, and what they hold.
            del error
        return self._results.pop()

    def __enter__(self) -> "Meanwhile[Result]":
        """Start the work."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Wait for it."""
        self.wait()

    def _do(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        try:
            self._results.append(work())
        except BaseException as error:
            self._error = error
