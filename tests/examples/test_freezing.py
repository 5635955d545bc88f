"""A program frozen with PyInstaller decides where there is no Python."""

import os
import runpy
import shutil
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import limen
import pytest
from limen._pyinstaller import hook_dirs

CHOSEN = (37, 99, 168)
"""The colour of a bar whose label is decided on."""


@pytest.fixture(scope="session")
def frozen(tmp_path_factory, examples, classifier):
    """The folder of the desktop program, moved away from where it was made."""
    pytest.importorskip("PyInstaller", reason="no PyInstaller")
    pytest.importorskip("tkinter")
    work = tmp_path_factory.mktemp("freezing")
    shutil.copy(classifier, work / "classifier.onnx")
    options = ["--noconfirm", "--windowed", "--name", "decide", "--add-data", "classifier.onnx:."]
    done = subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, str(examples / "desktop" / "app.py")],
        cwd=work,
        env={**os.environ, "PYINSTALLER_CONFIG_DIR": str(work / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Path(shutil.move(work / "dist" / "decide", work / "elsewhere"))


def say(folder, *words):
    """Run the frozen program without any environment."""
    return subprocess.run(
        [folder / "decide", *words], env={}, cwd=folder.parent, capture_output=True
    )


@pytest.mark.parametrize("text", ["happy bright day", "정말 행복해요 🙂", "", "day " * 500])
def test_it_decides_as_the_model_does(frozen, classifier, text):
    done = say(frozen, "--say", text)
    assert done.returncode == 0, done.stderr
    with limen.load(classifier) as model:
        assert done.stdout.decode() == f"{model(text)}\n"
    assert done.stderr == b""


def test_a_bad_file_is_an_error_in_one_line(frozen, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a classifier")
    done = say(frozen, str(broken), "--say", "day")
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("broken.onnx: ")


def test_what_only_training_needs_stays_out(frozen):
    held = {path.name for path in (frozen / "_internal").iterdir()}
    assert {"numpy", "onnxruntime", "tokenizers", "classifier.onnx"} <= held
    assert not held & {"torch", "transformers", "onnx", "scipy", "sklearn", "matplotlib", "yaml"}


def test_its_window_decides_what_is_typed(frozen, display, tmp_path):
    grab = pytest.importorskip("PIL.ImageGrab").grab
    if shutil.which("xdotool") is None:
        pytest.skip("no xdotool")
    environment = {"DISPLAY": display, "HOME": str(tmp_path)}
    program = subprocess.Popen([frozen / "decide"], env=environment)

    def pressed(*words):
        done = subprocess.run(
            ["xdotool", *words],
            env={**os.environ, "DISPLAY": display},
            capture_output=True,
            timeout=30,
        )
        return done.stdout.split()

    def until(condition):
        deadline = time.monotonic() + 30
        while not (found := condition()):
            assert program.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found

    def chosen():
        picture = grab(xdisplay=display)
        return CHOSEN in [colour for _, colour in picture.getcolors(picture.width * picture.height)]

    try:
        window = until(lambda: pressed("search", "--onlyvisible", "--name", "^limen: "))[0]
        assert not chosen()
        pressed("windowfocus", "--sync", window.decode())
        pressed("type", "happy bright day")
        until(chosen)
    finally:
        program.terminate()
        program.wait()


def test_pyinstaller_finds_the_hooks_by_itself():
    found = {entry.value: entry for entry in entry_points(group="pyinstaller40")}
    (folder,) = found["limen._pyinstaller:hook_dirs"].load()()
    assert [path.name for path in Path(folder).glob("hook-*.py")]


@pytest.mark.parametrize(
    ("hook", "file"),
    [
        ("hook-limen.corpus.py", "limen/corpus/emotions.en.jsonl"),
        ("hook-limen.evaluation.report.py", "limen/evaluation/report/style.css"),
    ],
)
def test_files_that_are_read_by_name_come_along(hook, file):
    pytest.importorskip("PyInstaller", reason="no PyInstaller")
    (folder,) = hook_dirs()
    datas = runpy.run_path(str(Path(folder) / hook))["datas"]
    assert file in {f"{place}/{Path(source).name}" for source, place in datas}
