"""Shared by the tests of the examples: where they are, and a display that nobody sees."""

import gc
import importlib.util
import os
import shutil
import subprocess
import time
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def examples():
    return ROOT / "examples"


@pytest.fixture(scope="session")
def classifier():
    return ROOT / "tests" / "golden" / "tiny_multilabel.onnx"


@pytest.fixture(scope="session")
def display():
    """The name of an X display of its own; skips where Xvfb or tkinter is missing."""
    pytest.importorskip("tkinter")
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1000x900x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL
    )
    os.close(writing)
    with os.fdopen(reading) as numbers:
        number = numbers.readline().strip()
    if not number:
        server.wait()
        pytest.skip("Xvfb does not start")
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def example(examples):
    """Import a file of the examples under a name of its own."""

    def load(path):
        name = "example_" + path.replace("/", "_").removesuffix(".py")
        spec = importlib.util.spec_from_file_location(name, examples / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


class Screen:
    """A window on a classifier, as its user sees it."""

    def __init__(self, root, window):
        self.root, self.window = root, window
        self.longest, self._last = 0.0, time.monotonic()

    def turn(self):
        """Handle what waits; remember the longest time between two turns."""
        self.root.update()
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now

    def until(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, f"still {self.said!r}, {self.note!r}"
            self.turn()
            time.sleep(0.002)

    def ready(self):
        self.until(lambda: self.note == "type a sentence")
        return self.focused()

    def focused(self):
        """Give the keyboard to the window, as a window manager does with a new one."""
        self.until(self.root.winfo_viewable)
        self.window.field.focus_force()
        self.until(lambda: self.root.focus_get() is self.window.field)
        return self

    def type(self, text):
        """Press a key for each character; the window handles each of them."""
        for character in text:
            named = {" ": "space", "\b": "BackSpace"}.get(character, character)
            self.window.field.event_generate("<Key>", keysym=named)
            self.turn()

    def settled(self):
        """Wait until the newest text is answered."""
        self.until(lambda: not self.window.polling)
        return self

    def drawn(self, tag):
        rows = self.window.rows
        return [rows.itemcget(item, "text") for item in rows.find_withtag(tag)]

    @property
    def exists(self):
        from tkinter import TclError

        try:
            return bool(self.root.winfo_exists())
        except TclError:
            return False

    @property
    def text(self):
        return self.window.field.get("1.0", "end-1c")

    @property
    def said(self):
        return self.window.said["text"]

    @property
    def note(self):
        return self.window.note["text"]


@pytest.fixture
def desktop(monkeypatch, examples):
    """Import a module of the desktop program."""
    monkeypatch.syspath_prepend(str(examples / "desktop"))
    return import_module


@pytest.fixture
def opened(display, desktop):
    """Open windows; afterwards all of them and their threads end."""
    import tkinter as tk

    screens = []

    def open_one(file):
        root = tk.Tk(screenName=display)
        screens.append(Screen(root, desktop("window").Window(root, file)))
        return screens[-1]

    yield open_one
    for screen in screens:
        screen.window.decider.close()
        if screen.exists:
            screen.root.destroy()
    screens.clear()
    # What is left of Tk must not be collected by another thread.
    gc.collect()
