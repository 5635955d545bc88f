"""The numeric job: it starts, tells, and never stays behind. Nothing here judges a speed."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from limen.errors import EngineError
from limen_bench import co_running as module
from limen_bench.co_running import NumericJob, Window

COMMAND = [sys.executable, "-P", "-m", "limen_bench.co_running", "--seconds"]


@pytest.fixture
def job():
    with NumericJob(30) as job:
        yield job


def start(seconds):
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, seconds], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_lines_of_json_until_the_time_is_up():
    with start("0.8") as process:
        lines = list(process.stdout)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    windows = [Window(**json.loads(line)) for line in lines]
    assert windows
    for earlier, later in pairwise(windows):
        assert earlier.end_s == later.begin_s
    assert all(window.iterations > 0 and window.end_s > window.begin_s for window in windows)


def test_the_end_of_its_input_ends_it():
    with start("60") as process:
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_reader_that_left_ends_it():
    with start("60") as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_it_dies_with_its_parent():
    code = (
        "import time\nfrom limen_bench.co_running import NumericJob\n"
        "with NumericJob(60) as job:\n"
        "    print(job._process.pid, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 30
    while time.monotonic() < end and runs(child):
        time.sleep(0.05)
    assert not runs(child)


def runs(process):
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(process, 0)
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return True


def test_rates(job):
    begin = time.perf_counter()
    assert job.rate(0.3) > 0
    assert job.rate(0) > 0
    assert job.rate_between(begin, time.perf_counter()) > 0


def test_a_time_without_a_window(job):
    now = time.perf_counter()
    with pytest.raises(EngineError, match="no whole window"):
        job.rate_between(now, now + 0.01)


def test_windows_are_those_between_the_moments():
    job = NumericJob()
    job._windows = [Window(0.0, 1.0, 10), Window(1.0, 2.0, 30), Window(2.0, 4.0, 30)]
    assert job.rate_between(0.5, 4.0) == 20
    assert job.rate_between(0.0, 2.5) == 20


def test_a_job_that_ended_is_an_error(job):
    job.stop()
    with pytest.raises(EngineError, match="ended"):
        job.rate(0)
    job.stop()
    with pytest.raises(EngineError, match="does not run"):
        NumericJob().rate(1)


def test_a_job_that_does_not_start_is_an_error(monkeypatch):
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="ended, or does not run"), NumericJob():
        pass


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="Linux")
def test_numpy_starts_no_threads(job):
    # The job's own and the one that watches standard input.
    assert len(os.listdir(f"/proc/{job._process.pid}/task")) == 2
