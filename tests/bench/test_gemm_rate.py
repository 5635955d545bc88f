"""The GEMM yardstick: it runs, and multiplies."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from limen.errors import EngineError
from limen_bench import gemm_rate as module
from limen_bench.gemm_rate import GemmShape, gemm_rate

SMALL = GemmShape(8, 32, 16)


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_rates_are_positive(precision):
    rate = gemm_rate(precision, SMALL, 0.01)
    assert 0 < rate.median <= rate.best < math.inf
    assert rate.runs >= 1
    assert gemm_rate(precision, SMALL, 0).runs == 1


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_what_is_timed_is_the_product(precision):
    from onnx import load_model_from_string, numpy_helper

    (weight,) = load_model_from_string(module._graph(precision, SMALL)).graph.initializer
    session, binding = module._bound_session(precision, SMALL)
    session.run_with_iobinding(binding)
    random = np.random.default_rng(7)
    rows = (
        random.integers(0, 256, (8, 32), dtype=np.uint8).astype(np.int32)
        if precision == "int8"
        else random.standard_normal((8, 32), dtype=np.float32)
    )
    expected = rows @ numpy_helper.to_array(weight).astype(rows.dtype)
    np.testing.assert_allclose(binding.get_outputs()[0].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_refusal_of_onnxruntime_is_translated(monkeypatch):
    monkeypatch.setattr(module, "_graph", lambda *_: b"no graph")
    with pytest.raises(EngineError, match="failed on a int8 product"):
        gemm_rate("int8", SMALL, 0.01)
    assert module.main(["--seconds", "0"]) == 2


def test_the_command_prints_one_json_line():
    command = [sys.executable, "-P", "-m", "limen_bench.gemm_rate", "--json", "--seconds", "0.01"]
    command += ["--rows", "8", "--inner", "32", "--columns", "16"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["rows"], found["inner"], found["columns"]) == (8, 32, 16)
    for precision in ("int8", "fp32"):
        assert found[precision].keys() == {"best", "median", "runs"}


@pytest.mark.parametrize("wrong", [["--rows", "0"], ["--seconds", "nan"], ["--seconds", "x"]])
def test_wrong_arguments_are_refused(wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        module.main(wrong)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
