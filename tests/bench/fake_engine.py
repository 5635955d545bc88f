"""An engine of known speed and noise, on a clock of its own.

Its name says how it behaves: `fake-FACTOR-NOISE[-FAULT]`. One text takes FACTOR milliseconds times
the noise of that call (log-normal, sigma NOISE), times a slowness that all engines of a round
share, as on a busy machine. The clock is virtual: it advances by what a call is said to take, so
what the harness finds depends on no real machine.

Faults: `prepare`, `open`, `segfault` (in a bulk call), `hang` (in a bulk call), `other` (computes
something else), `shape` (logits of another width), `nan`; and what must not count as one: `exit`
(hangs while the process ends), `fork` (a child keeps the process's output open).
"""

import atexit
import itertools
import os
import signal
import subprocess
import threading
import time

import numpy as np
from limen.format import read

_ROUND_SLOWNESS = 0.3


class Clock:
    """Stands in for time.perf_counter, perf_counter_ns and sleep in the measuring process."""

    def __init__(self):
        self.now = 1000.0

    def perf_counter(self):
        return self.now

    def perf_counter_ns(self):
        return round(self.now * 1e9)

    def sleep(self, seconds):
        self.now += seconds


CLOCK = Clock()
REAL_SLEEP = time.sleep


class FakeEngine:
    def __init__(self, job):
        _, factor, noise, *fault = job.name.split("-")
        self.fault = fault[0] if fault else ""
        self.factor, self.noise = float(factor), float(noise)
        self.outputs = read(job.model).metadata.decision.outputs
        opened = _opened_before(job)
        # Processes of one engine come in rounds, so this number tells the round to all engines.
        shared = np.random.default_rng(opened)
        self.slowness = np.exp(shared.normal(0, _ROUND_SLOWNESS))
        self.random = np.random.default_rng([opened, sum(job.name.encode())])
        if self.fault == "exit":
            atexit.register(threading.Event().wait, 300)
        if self.fault == "fork":
            subprocess.Popen(["sleep", "300"])
        if self.fault == "open":
            raise RuntimeError("weights are not what they should be")

    def decide(self, texts):
        if len(texts) > 1:
            self.fail_in_bulk()
        for _ in texts:
            noise = np.exp(self.random.normal(0, self.noise))
            CLOCK.now += self.factor * 1e-3 * self.slowness * noise
        return [()] * len(texts)

    def fail_in_bulk(self):
        if self.fault == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.fault == "hang":
            threading.Event().wait(300)

    def logits(self, texts):
        rows = [np.resize([float(len(text) % 7) - 3], self.outputs) for text in texts]
        logits = np.array(rows, dtype=np.float32)
        if self.fault == "other":
            return -logits
        if self.fault == "shape":
            return np.zeros((len(texts), self.outputs + 1), dtype=np.float32)
        return np.full_like(logits, np.nan) if self.fault == "nan" else logits


def _opened_before(job):
    folder = job.folder.parent / f"{job.name}.opened"
    folder.mkdir(exist_ok=True)
    for number in itertools.count():
        try:
            (folder / str(number)).touch(exist_ok=False)
        except FileExistsError:
            continue
        return number


def prepare(job):
    if job.name.endswith("-prepare"):
        raise RuntimeError("this architecture is not supported")


def open_engine(job):
    time.perf_counter = CLOCK.perf_counter
    time.perf_counter_ns = CLOCK.perf_counter_ns
    time.sleep = CLOCK.sleep
    return FakeEngine(job)
