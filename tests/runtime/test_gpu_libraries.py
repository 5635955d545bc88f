"""What onnxruntime says while it loads the libraries of a GPU is kept; the host sees none of it."""

import threading
from types import ModuleType

import pytest
from limen.engine import Engine
from limen.errors import EngineError
from limen.gpu_libraries import load_gpu_libraries


def module(body):
    """A module named onnxruntime whose `preload_dlls` has this body."""
    made = ModuleType("onnxruntime")
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    exec(f"def preload_dlls():\n{lines}", vars(made))  # noqa: S102  (its functions print through its own names)
    return made


def test_what_is_printed_is_returned_in_one_line(capsys):
    made = module(
        "print('Failed to load libcublas.so.13:', 'no such\\n file')\nprint('Please follow')"
    )
    said = load_gpu_libraries(made)
    assert said == "Failed to load libcublas.so.13: no such file; Please follow"
    assert capsys.readouterr() == ("", "")
    assert "print" not in vars(made)


@pytest.mark.parametrize("error", ["OSError", "RuntimeError", "AttributeError", "UserWarning"])
def test_an_error_is_words_too(error):
    made = module(f"raise {error}('broken')")
    assert load_gpu_libraries(made) == "broken"
    assert "print" not in vars(made)


def test_an_older_one_loads_nothing():
    assert load_gpu_libraries(ModuleType("onnxruntime")) == ""


def test_threads_take_turns(capsys):
    made = module("import time\nprint('one')\ntime.sleep(0.01)\nprint('two')")
    said = []
    threads = [
        threading.Thread(target=lambda: said.append(load_gpu_libraries(made))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["one; two"] * 4
    assert capsys.readouterr() == ("", "")


def test_a_provider_that_cannot_start_says_what_was_missing(monkeypatch, path):
    monkeypatch.setattr("limen.engine.provider_settings", lambda *_: ["CPUExecutionProvider"])
    monkeypatch.setattr("limen.engine.load_gpu_libraries", lambda _: "Failed to load libcudart")
    with pytest.raises(EngineError, match=r"CPUExecutionProvider \(Failed to load libcudart\)"):
        Engine(path.read_bytes(), "m.onnx", 4, "cuda")
