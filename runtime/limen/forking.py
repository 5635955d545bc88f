"""A process forks only while no text is being computed, so that the child inherits whole sessions.

Locks that another thread holds at the moment of a fork stay locked in the child for ever: those of
onnxruntime's allocator, or of a tokenizer's cache. Sessions on the CPU run on the caller's thread
and have no threads of their own, so a child can go on with what it inherits, and shares the
weights' memory with its parent.
"""

import ctypes
import os
import threading
import time
import weakref
from types import TracebackType

_PAUSE_SECONDS = 0.0002


class ForkGate:
    """A context in which a fork waits. Entering it waits for a fork under way."""

    def __init__(self) -> None:
        """Open the gate."""
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        """Keep forks out."""
        with self._lock:
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let forks in."""
        with self._lock:
            self._inside -= 1

    def close(self) -> None:
        """Wait until nobody is inside, and let nobody enter until `open`."""
        self._lock.acquire()
        while self._inside:
            self._lock.release()
            time.sleep(_PAUSE_SECONDS)
            self._lock.acquire()

    def open(self) -> None:
        """Let others enter again: in the parent, or in the child, which has this thread alone."""
        self._lock.release()


computing = ForkGate()
"""Entered for each text by every model of the process."""

_kept: "weakref.WeakSet[object]" = weakref.WeakSet()


def kept_in_children(owner: object) -> None:
    """Never free an object in a child of a fork: what it holds waits, when it is freed, for threads
    that only the parent has.
    """
    _kept.add(owner)


def _in_child() -> None:
    for owner in [*_kept]:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))
    computing.open()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=computing.close, after_in_parent=computing.open, after_in_child=_in_child
    )
