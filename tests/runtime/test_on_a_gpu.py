"""What only a GPU can show; skipped where onnxruntime offers none."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from limen.engine import available_providers
from limen.errors import EngineError, InputError
from limen.opening import open_model

pytest.importorskip("onnx")
pytestmark = pytest.mark.skipif(
    "CUDAExecutionProvider" not in available_providers(), reason="no CUDAExecutionProvider"
)
TEXTS = ["happy bright", "angry", "", "the day is a day and the day", "오늘 행복해요!", "day " * 60]
MANY = [f"{one} {number % 40}" * (1 + number % 7) for number in range(200) for one in TEXTS]
TOLERANCE = {"fp32": 1e-4, "fp16": 0.02}


@pytest.fixture(scope="module")
def files():
    return SimpleNamespace(**run_path(str(Path(__file__).with_name("padded_files.py"))))


@pytest.fixture(scope="module")
def expected(files, golden_folder):
    """Logits of MANY on the CPU, each text alone."""
    return open_model(files.padded_file(golden_folder), device="cpu").logits(MANY)


@pytest.fixture(params=["fp32", "fp16"])
def precision(request):
    return request.param


@pytest.fixture
def model(files, golden_folder, precision):
    found = open_model(files.padded_file(golden_folder, precision))
    assert (found.device, found.device_reason) == ("cuda", "")
    return found


def test_batches_and_single_texts_give_what_the_cpu_gives(model, precision, expected):
    np.testing.assert_allclose(model.logits(MANY), expected, atol=TOLERANCE[precision])
    for place in range(0, len(MANY), 97):
        one = model.logits([MANY[place]])
        np.testing.assert_allclose(one[0], expected[place], atol=TOLERANCE[precision])


def test_many_threads_at_once(model, precision, expected):
    def work(start):
        return model.logits(MANY[start::8])

    with ThreadPoolExecutor(8) as pool:
        for start, found in enumerate(pool.map(work, range(8))):
            np.testing.assert_allclose(found, expected[start::8], atol=TOLERANCE[precision])


def test_what_is_no_text_keeps_its_place(model):
    found = model.predict(["happy", None, "angry", "\ud800"], errors="collect")
    assert [isinstance(one, InputError) for one in found] == [False, True, False, True]
    assert "text 1 " in str(found[1])


def test_a_closed_model_says_so(model):
    model.close()
    with pytest.raises(EngineError, match="was closed"):
        model("happy")


@pytest.mark.parametrize("texts", [["happy"], MANY[:60]])
def test_a_child_of_a_fork_is_told_to_load_again(model, texts):
    model.predict(texts)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            said = str(model.predict(texts, errors="collect")[0])
            os.write(write, said.encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert b"load the file again in this process" in os.read(read, 10_000)


def test_nothing_is_printed(fresh, files, golden_folder, tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(files.padded_file(golden_folder, "fp16").data)
    program = (
        "import sys, limen; model = limen.load(sys.argv[1]); "
        "model.predict(['a day'] * 3 + ['angry']); sys.stdout.write(model.device)"
    )
    done = fresh("-c", program, path, PYTHONPATH=os.environ.get("PYTHONPATH", ""))
    assert (done.stdout, done.stderr) == (b"cuda", b"")
