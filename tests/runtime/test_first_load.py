"""The first load of a process, from many threads at once."""

import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "golden" / "tiny_multilabel.onnx"
PROGRAM = """
import os, sys, threading
import limen
before = dict(os.environ)
barrier, failures = threading.Barrier(8), []
def work():
    barrier.wait()
    try:
        limen.load(sys.argv[1])("a day")
    except BaseException as error:
        failures.append(repr(error))
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failures, failures
assert dict(os.environ) == before
"""


def test_every_thread_gets_its_model_and_the_environment_stays():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(FILE)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
