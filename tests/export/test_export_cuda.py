"""`limen export --device cuda`, verified on the CPU."""

import json

import limen
import numpy as np
import pytest
from limen.command_line import main
from limen.errors import EngineError, ExportError, InputError
from limen.format import read
from limen.opening import open_on
from limen_export import ExportSettings, export
from limen_export.graph.half_precision import require_half_parity

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    for place in ("limen.opening", "limen_export.pipeline"):
        monkeypatch.setattr(f"{place}.available_providers", lambda: ("CPUExecutionProvider",))


@pytest.mark.parametrize("precision", ["auto", "fp16", "fp32"])
def test_a_file_for_cuda(tmp_path, traced, texts, easy, precision):
    path = tmp_path / "m.onnx"
    settings = ExportSettings(device="cuda", precision=precision, texts=texts, gate=easy)
    report = export("bert", path, settings)
    file = read(path)
    execution, rungs = file.metadata.execution, file.metadata.evidence.rungs
    assert execution.precision == report.precision == {"auto": "fp16"}.get(precision, precision)
    assert (execution.device, execution.shape, execution.optimised) == ("cuda", "padded", False)
    assert {port.name for port in file.graph.inputs} == {"input_ids", "attention_mask"}
    assert [rung.precision for rung in rungs] == (
        ["fp32"] if precision == "fp32" else ["fp16", "fp32"]
    )
    for rung in rungs:
        assert "verified on the CPU" in rung.detail
        assert "unmeasured" in rung.detail
        assert (rung.p50_ms, rung.texts_per_second) == (None, None)
    expected = traced.logits(texts.texts)
    for in_batches in (True, False):
        found = open_on(file, "cpu", in_batches=in_batches).logits(texts.texts)
        require_half_parity(expected, found, "bert")
    if execution.precision == "fp32":
        model = limen.load(path)
        assert (model.device, "made for cuda" in model.device_reason) == ("cpu", True)
        np.testing.assert_allclose(model.logits(texts.texts), expected, atol=1e-4, rtol=1e-4)
    else:
        with pytest.raises(InputError, match="export the model for the CPU"):
            limen.load(path)


def test_fp16_that_does_not_fit_leaves_fp32(tmp_path, traced, texts, easy, monkeypatch):
    def refuse(*_):
        raise ExportError("bert: weight w holds 1e+06; use --precision fp32")

    monkeypatch.setattr("limen_export.ladder.climb.half_precision", refuse)
    settings = ExportSettings(device="cuda", texts=texts, gate=easy)
    report = export("bert", tmp_path / "m.onnx", settings)
    assert report.precision == "fp32"
    assert any("fp16 is left out: bert: weight w" in notice for notice in report.notices)
    with pytest.raises(ExportError, match="weight w"):
        export("bert", tmp_path / "n.onnx", ExportSettings(device="cuda", precision="fp16"))
    assert not (tmp_path / "n.onnx").exists()


@pytest.mark.parametrize(
    ("device", "precision", "own"),
    [("cuda", "int8", "auto, fp32, fp16"), ("cpu", "fp16", "auto, fp32, int8")],
)
def test_a_precision_of_the_other_device_is_refused(tmp_path, device, precision, own):
    settings = ExportSettings(device=device, precision=precision)
    with pytest.raises(InputError, match=f"{precision} for device {device}; expected {own}"):
        export("nowhere", tmp_path / "m.onnx", settings)


def test_what_cannot_be_padded_leaves_no_file(tmp_path, checkpoint, untimed):
    with pytest.raises(ExportError, match="attention is not fused"):
        export(str(checkpoint("deberta-v2")), tmp_path / "m.onnx", ExportSettings(device="cuda"))
    assert not (tmp_path / "m.onnx").exists()


def test_where_there_is_a_gpu_the_file_is_opened_on_it(tmp_path, traced, texts, easy, monkeypatch):
    opened = []

    def fails(file, *, device):
        opened.append(device)
        raise EngineError(f"{file.name}: golden text 0: a logit is off by 3")

    monkeypatch.setattr("limen_export.pipeline.available_providers", lambda: PROVIDERS_OF_A_GPU)
    monkeypatch.setattr("limen_export.pipeline.open_model", fails)
    with pytest.raises(EngineError, match="golden text 0"):
        export("bert", tmp_path / "m.onnx", ExportSettings(device="cuda", texts=texts, gate=easy))
    assert opened == ["cuda"]
    assert not (tmp_path / "m.onnx").exists()


PROVIDERS_OF_A_GPU = ("CUDAExecutionProvider", "CPUExecutionProvider")


def test_the_command(tmp_path, traced, capsys):
    path = tmp_path / "m.onnx"
    given = ["export", "bert", "-o", str(path), "--device", "cuda", "--precision", "fp32", "--json"]
    assert main(given) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == "fp32"
    assert main(["inspect", str(path)]) == 0
    assert "fp32 for cuda, padded lengths" in capsys.readouterr().out
