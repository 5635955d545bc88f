"""A numeric job beside an engine: how much of its speed is left while the engine decides.

`python -P -m limen_bench.co_running --seconds 60` multiplies small matrices in one thread and
prints one JSON line for each window of 0.25 s: `begin_s` and `end_s` on the clock of
`time.perf_counter` (one clock for all processes of a machine), and `iterations`. It ends after its
seconds, or as soon as its standard input is closed, so it cannot outlive who started it.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import IO, Self

from limen.errors import EngineError

_WINDOW_SECONDS = 0.25
_LATE_SECONDS = 30
"""How much later than due a window may come on a machine that is overloaded."""
_START_SECONDS = 60
"""How long the first window may take: numpy is imported before it."""
_SIZE = 192
"""Three float32 matrices of 192 x 192 are 0.4 MB: they stay in a core's L2 cache, so that the job
asks for a core and not for memory."""
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)
"""numpy's matrix library reads these when it is loaded; nothing else in numpy starts threads."""


@dataclass(frozen=True)
class Window:
    """What the job did in one window.

    Attributes:
        begin_s, end_s: on the clock of `time.perf_counter`.
        iterations: done between them.
    """

    begin_s: float
    end_s: float
    iterations: int


class NumericJob:
    """The job in a process of its own; a context manager that starts and ends it."""

    def __init__(self, seconds: float = 3600) -> None:
        """Prepare a job; it starts on entering the context.

        Args:
            seconds: after which it ends by itself.
        """
        self._seconds = seconds
        self._windows: list[Window] = []
        self._changed = threading.Condition()
        self._ended = True
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start the job and wait for its first window.

        Raises:
            EngineError: it did not start.
        """
        self._ended = False
        command = [sys.executable, "-P", "-m", "limen_bench.co_running"]
        self._process = subprocess.Popen(  # noqa: S603  (our own module, in this interpreter)
            [*command, "--seconds", str(self._seconds)],
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        try:
            self._wait(lambda last: last.iterations > 0, _START_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the job."""
        self.stop()

    def stop(self) -> None:
        """End the job, if it runs; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self._reader.join()  # the end of the pipe ends it
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def rate(self, seconds: float) -> float:
        """Wait and return iterations a second over the windows that lie in the wait.

        Args:
            seconds: at least one whole window is waited for, however short.

        Raises:
            EngineError: the job has ended.
        """
        begin = perf_counter()
        end = begin + seconds
        limit = seconds + _LATE_SECONDS
        self._wait(lambda last: last.begin_s >= begin and last.end_s >= end, limit)
        first = next(window for window in self._windows if window.begin_s >= begin)
        return self.rate_between(begin, max(end, first.end_s))

    def rate_between(self, begin_s: float, end_s: float) -> float:
        """Return iterations a second over the windows that lie between two moments.

        Args:
            begin_s: on the clock of `time.perf_counter`, of this or another process.
            end_s: may lie ahead: it is waited for.

        Raises:
            EngineError: the job has ended before, or no whole window lies between them.
        """
        limit = end_s - perf_counter() + _LATE_SECONDS
        self._wait(lambda last: last.end_s >= end_s, limit)
        with self._changed:
            inside = [
                window
                for window in self._windows
                if begin_s <= window.begin_s and window.end_s <= end_s
            ]
        if not inside:
            raise EngineError(
                f"no whole window of the numeric job lies within {end_s - begin_s:.2f} s; a window "
                f"takes {_WINDOW_SECONDS} s"
            )
        spent = sum(window.end_s - window.begin_s for window in inside)
        return sum(window.iterations for window in inside) / spent

    def _read(self, lines: IO[str]) -> None:
        """Collect windows until the job ends; a full pipe would stop it."""
        try:
            for line in lines:
                window = Window(**json.loads(line))
                with self._changed:
                    self._windows.append(window)
                    self._changed.notify_all()
        except (OSError, ValueError):  # the pipe was closed, or the last line was cut off
            pass
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, enough: Callable[[Window], bool], seconds: float) -> None:
        """Wait until the last window is enough.

        Raises:
            EngineError: the job ended before, or took longer than `seconds`.
        """

        def done() -> bool:
            return bool(self._windows) and enough(self._windows[-1])

        with self._changed:
            self._changed.wait_for(lambda: done() or self._ended, max(seconds, 0))
            if not done():
                raise EngineError("the numeric job beside the engine has ended, or does not run")


def work(seconds: float, stopped: threading.Event, write: Callable[[str], object]) -> None:
    """Multiply until the time is up or the job is stopped; write a line for each window.

    Args:
        seconds: how long.
        stopped: set from another thread.
        write: takes a line of JSON with its end.
    """
    # After the environment was set: numpy's matrix library reads it when it is loaded.
    import numpy as np

    left = np.random.default_rng(1).standard_normal((_SIZE, _SIZE), dtype=np.float32) / _SIZE
    product = np.empty_like(left)
    last = begin = perf_counter()
    iterations = 0
    while not stopped.is_set():
        np.matmul(left, left, out=product)
        np.exp(product, out=product)
        iterations += 1
        now = perf_counter()
        if now - last >= _WINDOW_SECONDS:
            line = {"begin_s": last, "end_s": now, "iterations": iterations}
            write(json.dumps(line) + "\n")
            last, iterations = now, 0
        if now - begin >= seconds:
            return


def main(arguments: list[str] | None = None) -> int:
    """Run the job; the end of standard input ends it."""
    parser = argparse.ArgumentParser(prog="limen_bench.co_running", description="a numeric job")
    parser.add_argument("--seconds", type=float, required=True, help="ends by itself after these")
    asked = parser.parse_args(arguments)
    os.environ.update(_ONE_THREAD)
    stopped = threading.Event()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        stopped.set()

    def write(line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()

    threading.Thread(target=watch, daemon=True).start()
    try:
        work(asked.seconds, stopped, write)
    except BrokenPipeError:
        # Nobody reads; Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
