"""One text on several kernel threads, where that was measured to be faster than on one."""

import os
import threading
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from limen.arrays import Feeds, FloatArray
from limen.engine import Engine
from limen.forking import kept_in_children
from limen.format import ClassifierFile

_LENGTHS = (16, 32, 64, 128)
_RUNS = 5
_LEAST_GAIN = 1.1
"""Less is within what two measurements of the same thing differ by."""


@dataclass(frozen=True)
class KernelThreads:
    """How one text alone is run.

    Attributes:
        threads: kernel threads of a text that is long enough; 1 where one is the faster at every
            length, or was not asked to be more.
        from_tokens: the shortest text, in tokens, that they are used for; 0 with one thread.
        why: for a person.
    """

    threads: int = 1
    from_tokens: int = 0
    why: str = "one thread a text, as usual"


class LoneTexts:
    """A second session of the same file, whose kernels share one text among threads.

    Its weights are a second copy: onnxruntime packs them anew for each session.
    """

    def __init__(self, engine: Engine | None, found: KernelThreads) -> None:
        """Keep a session that was measured.

        Args:
            engine: the session with several kernel threads; None for none.
            found: when to use it.
        """
        self.found = found
        self._engine = engine
        self._free = threading.Lock()
        self._pid = os.getpid()
        if engine is not None:
            # Its threads do not exist in a child, where closing it would wait for them for ever.
            kept_in_children(engine)

    def logits(self, feeds: Feeds, tokens: int) -> FloatArray | None:
        """Run one text, or return None where the usual session is the better one: the text is
        short, another one is being run here, or this is a child of a fork; errors as
        `Engine.logits`.
        """
        engine = self._engine
        if engine is None or tokens < self.found.from_tokens or os.getpid() != self._pid:
            return None
        if not self._free.acquire(blocking=False):
            return None
        try:
            return engine.logits(feeds)
        finally:
            self._free.release()


ONE_THREAD = LoneTexts(None, KernelThreads())
"""Every text on one thread."""


def measured(file: ClassifierFile, most_tokens: int, usual: Engine, threads: int) -> LoneTexts:
    """Open a second session, compare it with the usual one on this machine, and keep it only where
    it pays: at least 1.1 times faster from some length on, and the same bits.

    Args:
        file: the file of the usual session, which has golden texts.
        most_tokens: the longest text that it takes.
        usual: a session whose kernels use one thread.
        threads: kernel threads of the second, at least 2.

    Raises:
        EngineError: the second session cannot be opened or run.
    """
    ids = [one for text in file.metadata.golden.ids for one in text]
    if not ids:
        return LoneTexts(None, KernelThreads(why="the file has no golden texts to measure with"))
    second = usual.with_kernel_threads(file.data, file.name, threads)
    lengths = [length for length in _LENGTHS if length <= most_tokens] or [most_tokens]
    gains = []
    for length in lengths:
        feeds = {"input_ids": np.resize(np.array(ids, dtype=np.int64), (1, length))}
        if usual.logits(feeds).tobytes() != second.logits(feeds).tobytes():
            why = f"{threads} threads give other bits than one"
            return LoneTexts(None, KernelThreads(why=why))
        gains.append(_gain(usual, second, feeds))
    paying = len(gains)
    while paying and gains[paying - 1] >= _LEAST_GAIN:
        paying -= 1
    shown = ", ".join(f"{gain:.2f} at {n}" for n, gain in zip(lengths, gains, strict=True))
    why = f"{threads} threads against one, times faster by tokens: {shown}"
    if paying == len(gains):
        return LoneTexts(None, KernelThreads(why=why))
    return LoneTexts(second, KernelThreads(threads, lengths[paying], why))


def _gain(usual: Engine, second: Engine, feeds: Feeds) -> float:
    """Median time on one thread over that on several, measured in turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(_RUNS):
        for engine, own in zip((usual, second), taken, strict=True):
            # The first run finds the caches full of the other session's weights.
            engine.logits(feeds)
            start = perf_counter()
            engine.logits(feeds)
            own.append(perf_counter() - start)
    usual_time, second_time = (float(np.median(times)) for times in taken)
    return usual_time / second_time
