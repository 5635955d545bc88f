"""limen in somebody else's process: it loads little, writes nothing and reaches nowhere."""

import json

import pytest

HEAVY = ["torch", "transformers", "onnx", "sklearn", "huggingface_hub", "matplotlib"]

WATCH = """
import json, os, sys

written, reached = [], []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if set(mode or "") & set("wax+") or (flags or 0) & WRITING:
            written.append(str(path))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "os.link"):
        written.append(event)
    elif event.startswith("socket.") or event in ("subprocess.Popen", "os.system", "os.exec"):
        reached.append(event)
        raise RuntimeError(f"limen must not: {event}")


import socket


def refuse(*arguments, **options):
    raise RuntimeError("limen must not open a socket")


socket.socket = socket.create_connection = refuse
environment = dict(os.environ)
sys.addaudithook(watch)
"""

REPORT = """
import threading
print(json.dumps({
    "modules": sorted(sys.modules),
    "written": written,
    "reached": reached,
    "same_environment": dict(os.environ) == environment,
    "threads": threading.active_count(),
}))
"""

PREDICT = """
import limen
model = limen.load({path!r})
assert model("happy bright").labels
assert model.predict(["day", "오늘", ""] * 20)
assert list(model.stream(iter(["day"] * 3)))
model.at("half").scores(["day"])
"""

INSPECT = """
import contextlib, io
from limen.command_line import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["inspect", {path!r}]) == 0
    assert main(["inspect", {path!r}, "--json"]) == 0
"""


@pytest.fixture(params=["import", "predict", "inspect"])
def work(request, path):
    body = {"import": "import limen", "predict": PREDICT, "inspect": INSPECT}[request.param]
    return request.param, body.replace("{path!r}", repr(str(path)))


@pytest.fixture
def watched(fresh, work, tmp_path):
    """The report of a new process in an empty folder, which does the work under watch."""
    home = tmp_path / "home"
    home.mkdir()
    script = WATCH + work[1] + REPORT
    done = fresh("-B", "-c", script, cwd=home, HOME=str(home), TMPDIR=str(home))
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return json.loads(done.stdout) | {"work": work[0], "left": [*home.rglob("*")]}


def test_quiet(watched):
    assert [name for name in HEAVY if name in watched["modules"]] == []
    assert [name for name in watched["modules"] if name.startswith("limen_")] == []
    assert ("onnxruntime" in watched["modules"]) is (watched["work"] == "predict")
    assert watched["written"] == []
    assert watched["reached"] == []
    assert watched["same_environment"] is True
    assert watched["threads"] == 1


def test_no_library_below_leaves_a_file_in_the_home_folder(watched):
    """Python's audit events do not see what C++ writes: onnxruntime's telemetry keeps an identifier
    of the device and a database below HOME unless it is told not to before it is imported.
    """
    assert watched["left"] == []


def test_the_watch_sees_what_it_watches(fresh, tmp_path):
    """The same watch over a process that does what limen must not."""
    bad = """
open("x.txt", "w").close()
os.close(os.open("y.txt", os.O_WRONLY | os.O_CREAT))
os.environ["TOKENIZERS_PARALLELISM"] = "0"
try:
    socket.getaddrinfo("localhost", 80)
except RuntimeError:
    pass
"""
    found = json.loads(fresh("-B", "-c", WATCH + bad + REPORT, cwd=tmp_path).stdout)
    assert found["written"] == ["x.txt", "y.txt"]
    assert found["reached"] == ["socket.getaddrinfo"]
    assert found["same_environment"] is False
