"""Threads that compute for `asyncio`, and wait between its calls."""

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class WaitingThreads:
    """Threads of one open file, started when first asked for, in each process anew: a child of a
    fork has none of its parent's.
    """

    def __init__(self, threads: int) -> None:
        """Start none yet; there will be at most `threads`."""
        self._threads = threads
        self._lock = threading.Lock()
        self._started: tuple[int, ThreadPoolExecutor] | None = None

    def pool(self) -> "ThreadPoolExecutor":
        """Return them, started."""
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._started is None or self._started[0] != os.getpid():
                self._started = os.getpid(), ThreadPoolExecutor(self._threads, "limen-async")
            return self._started[1]

    def close(self) -> None:
        """End them; texts that are being computed end first, and what waits is cancelled."""
        with self._lock:
            if self._started is not None and self._started[0] == os.getpid():
                self._started[1].shutdown(wait=False, cancel_futures=True)
            self._started = None
