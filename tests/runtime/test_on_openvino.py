"""What only OpenVINO's provider can show; skipped where onnxruntime offers none:

pip uninstall -y onnxruntime && pip install onnxruntime-openvino
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from runpy import run_path

import limen
import numpy as np
import pytest
from limen.engine import available_providers
from limen.errors import EngineError
from limen.opening import open_model

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FILES = ["tiny_binary", "tiny_multiclass", "tiny_multilabel", "tiny_one_vs_one", "tiny_one_vs_rest"]
TEXTS = ["happy bright", "angry", "", "the day is a day and the day", "오늘 행복해요!", "day " * 60]
MANY = [f"{one} {number % 40}" * (1 + number % 7) for number in range(20) for one in TEXTS]

pytestmark = pytest.mark.skipif(
    "OpenVINOExecutionProvider" not in available_providers(), reason="no OpenVINOExecutionProvider"
)


@pytest.fixture(params=FILES)
def both(request):
    path = GOLDEN / f"{request.param}.onnx"
    found = limen.load(path, device="openvino")
    assert (found.device, found.device_reason) == ("openvino", "")
    return found, limen.load(path, device="cpu")


def test_logits_are_those_of_the_cpu(both):
    found, cpu = both
    np.testing.assert_allclose(found.logits(MANY), cpu.logits(MANY), atol=1e-4)


def test_many_threads_at_once_get_the_bits_of_one_text_alone(both):
    found, _ = both
    alone = np.concatenate([found.logits([text]) for text in MANY])
    np.testing.assert_array_equal(found.logits(MANY), alone)
    with ThreadPoolExecutor(8) as pool:
        for start, rows in enumerate(pool.map(lambda at: found.logits(MANY[at::8]), range(8))):
            np.testing.assert_array_equal(rows, alone[start::8])


def test_a_file_for_cuda_runs_in_batches(golden_folder):
    pytest.importorskip("onnx")
    padded = run_path(str(Path(__file__).with_name("padded_files.py")))["padded_file"]
    file = padded(golden_folder)
    found = open_model(file, device="openvino").logits(MANY)
    np.testing.assert_allclose(found, open_model(file, device="cpu").logits(MANY), atol=1e-4)


def test_a_child_of_a_fork_is_told_to_load_again(both, monkeypatch):
    monkeypatch.setattr("limen.engine.os.getpid", lambda: -1)
    with pytest.raises(EngineError, match="load the file again in this process"):
        both[0]("happy")
    assert both[1]("happy")
