"""Loading runs the golden texts: what passes, what is repaired, what is refused."""

import platform
from math import inf, nan
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.engine import Engine, open_session, quiet_onnxruntime, session_options
from limen.errors import EngineError, FormatError
from limen.format import Golden, parse
from limen.opening import open_model
from limen.processor import read_processor
from limen.self_test import Deviation, deviation_of

GOLDEN = "limen.golden"
CPU_INFO = Path("/proc/cpuinfo")
VNNI = CPU_INFO.exists() and "vnni" in CPU_INFO.read_text(encoding="utf-8")
DISTANCES = st.floats(0, 1e6)


@given(st.lists(DISTANCES, min_size=1, max_size=8), DISTANCES)
def test_more_than_half_are_within_and_all_within_ten_times(differences, tolerance):
    found = deviation_of(differences)
    near = sum(one <= tolerance for one in differences)
    expected = 2 * near > len(differences) and max(differences) <= 10 * tolerance
    assert found.within(tolerance) is expected
    assert differences[found.worst] == found.largest == max(differences)


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 1e308])
def test_what_is_not_finite_is_never_within(tolerance):
    assert not deviation_of([inf, 0.0, 0.0]).within(tolerance)
    assert not Deviation(nan, nan, 0).within(tolerance)
    assert deviation_of([0.0, 0.0]).within(tolerance)
    assert deviation_of([]).within(tolerance)


def loaded(forge, tmp_path, **golden):
    (tmp_path / "x.onnx").write_bytes(forge.with_block(GOLDEN, **golden))
    return lambda **options: limen.load(tmp_path / "x.onnx", **options)


def test_no_texts_nothing_to_test(forge, tmp_path):
    load = loaded(forge, tmp_path, texts=[], ids=[], logits=[], tolerance=0)
    assert load().repaired is False


def test_tolerance_zero_wants_every_bit(forge, tmp_path, multilabel):
    texts = parse(forge.data, "x").metadata.golden.texts
    exact = [[float(value) for value in row] for row in multilabel.logits(texts)]
    assert loaded(forge, tmp_path, logits=exact, tolerance=0)().labels == multilabel.labels
    off = [[np.nextafter(np.float32(row[0]), np.float32(9)).item(), *row[1:]] for row in exact]
    with pytest.raises(EngineError, match="a logit is off by"):
        loaded(forge, tmp_path, logits=off, tolerance=0)()


def test_a_huge_tolerance_lets_any_finite_logit_pass_but_no_other_ids(forge, tmp_path):
    assert loaded(forge, tmp_path, logits=[[1e30] * 4] * 3, tolerance=1e308)()
    with pytest.raises(EngineError, match="other token ids"):
        loaded(forge, tmp_path, ids=[[2, 3]] * 3, tolerance=1e308)()


def test_golden_logits_that_are_not_finite_are_no_file(forge, tmp_path):
    for value in (nan, inf, -inf):
        with pytest.raises(FormatError, match=r"limen\.golden"):
            loaded(forge, tmp_path, logits=[[value] * 4] * 3)()
        block = Golden(("a",), ((1,),), ((value,),), 0.0)
        with pytest.raises(ValueError, match="JSON"):
            limen.format.json_block.dump(block.to_json())


@pytest.mark.parametrize("value", [None, 1, "true"])
def test_optimised_is_true_or_false(forge, value):
    with pytest.raises(FormatError, match="optimised: true or false"):
        parse(forge.with_block("limen.execution", optimised=value), "x")
    with pytest.raises(FormatError, match="'optimised' is missing"):
        parse(forge.without_field("limen.execution", "optimised"), "x")


def test_verify_false_skips_the_texts(forge, tmp_path):
    load = loaded(forge, tmp_path, logits=[[0.0] * 4] * 3, ids=[[2, 3]] * 3)
    assert load(verify=False)("a bright happy day!").labels
    with pytest.raises(EngineError):
        load()


def test_a_refusal_says_where_what_and_what_to_do(forge, tmp_path):
    with pytest.raises(EngineError) as caught:
        loaded(forge, tmp_path, logits=[[0.0] * 4] * 3)()
    message = str(caught.value)
    for part in (
        read_processor().name,
        "CPUExecutionProvider of onnxruntime 1.",
        "0.0001",
        "export",
    ):
        assert part in message, part
    assert "\n" not in message


@pytest.fixture(scope="module")
def files():
    pytest.importorskip("onnx")
    return SimpleNamespace(**run_path(str(Path(__file__).with_name("int8_files.py"))))


@pytest.fixture(scope="module")
def kernel():
    pytest.importorskip("onnx")
    return SimpleNamespace(**run_path(str(Path(__file__).with_name("saturating_kernel.py"))))


class Astray(Engine):
    """Computes wrongly unless weights are unsigned, and keeps how it was opened."""

    opened = None
    off = (0.5, "on_load", "none")

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.how = ([*arguments, "on_load"][4:] or ["on_load"])[0]
        self.opened.append(self.how)

    def logits(self, feeds):
        return super().logits(feeds) + np.float32(self.off[0] if self.how in self.off else 0)


@pytest.fixture
def astray(monkeypatch):
    monkeypatch.setattr(Astray, "opened", [])
    monkeypatch.setattr("limen.opening.Engine", Astray)
    monkeypatch.setattr("limen.self_test.Engine", Astray)
    return Astray


@pytest.mark.parametrize("precision", ["int8", "int8-float-rows", "int8-mixed", "int8-static"])
@pytest.mark.parametrize("optimised", [False, True])
def test_an_int8_file_is_opened_again(files, astray, golden_folder, precision, optimised):
    data = files.int8_graph(3).SerializeToString()
    file = files.int8_file(golden_folder, data, 1e-3, precision=precision, optimised=optimised)
    model = open_model(file)
    assert model.repaired is True
    assert astray.opened == ["none" if optimised else "on_load", "unsigned_weights"]
    np.testing.assert_allclose(model.logits(files.TEXTS), file.metadata.golden.logits, atol=1e-5)


@pytest.mark.parametrize("off", [0.5, nan, inf])
def test_an_int8_file_that_stays_wrong_is_refused(files, astray, golden_folder, monkeypatch, off):
    monkeypatch.setattr(astray, "off", (off, "on_load", "unsigned_weights"))
    file = files.int8_file(golden_folder, files.int8_graph(3).SerializeToString(), 1e-3)
    with pytest.raises(EngineError, match=r"also with unsigned weights.*use the fp32 file"):
        open_model(file)
    assert astray.opened == ["on_load", "unsigned_weights"]


def test_an_fp32_file_is_not_opened_again(files, astray, golden_folder):
    data = files.int8_graph(3).SerializeToString()
    file = files.int8_file(golden_folder, data, 1e-3, precision="fp32")
    with pytest.raises(EngineError, match="off by"):
        open_model(file)
    assert astray.opened == ["on_load"]


def test_a_file_that_passes_is_opened_once(files, astray, golden_folder, monkeypatch):
    monkeypatch.setattr(astray, "off", (0.0,))
    file = files.int8_file(golden_folder, files.int8_graph(3).SerializeToString(), 1e-3)
    assert open_model(file).repaired is False
    assert open_model(file, verify=False).repaired is False
    assert astray.opened == ["on_load", "on_load"]


def saved(data, optimisation, target):
    """The graph that a session runs, and the session."""
    options = session_options(optimisation)
    options.optimized_model_filepath = str(target)
    return open_session(data, options), target.read_bytes()


def test_an_optimised_file_is_opened_as_it_is(files, tmp_path):
    plain = files.int8_graph(3)
    data = files.optimised_offline(plain, tmp_path / "offline.onnx")
    _, opened = saved(data, "none", tmp_path / "opened.onnx")
    onnx = pytest.importorskip("onnx")
    graphs = [onnx.load_from_string(one).graph for one in (data, opened)]
    assert [node.op_type for node in graphs[0].node] == [node.op_type for node in graphs[1].node]
    ids = np.array([[2, 9, 17, 30, 3]])
    engines = (
        Engine(data, "x", 3, optimisation="none"),
        Engine(data, "x", 3),
        Engine(plain.SerializeToString(), "x", 3),
    )
    logits = {engine.logits({"input_ids": ids}).tobytes() for engine in engines}
    assert len(logits) == 1


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="only x86 kernels saturate"
)
def test_unsigned_weights_changes_what_it_should_and_nothing_else(files, kernel, tmp_path):
    onnx = pytest.importorskip("onnx")
    data = files.optimised_offline(files.int8_graph(3), tmp_path / "offline.onnx")
    types, before = files.weight_types(data)
    assert {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"} <= before
    assert types == [onnx.TensorProto.INT8] * 3
    _, repaired = saved(data, "unsigned_weights", tmp_path / "repaired.onnx")
    types, after = files.weight_types(repaired)
    assert types == [onnx.TensorProto.UINT8] * 3
    assert after == before
    assert "SkipLayerNormalization" not in after
    fused = files.optimised_offline(data, tmp_path / "fused.onnx", disabled=())
    assert "SkipLayerNormalization" in files.weight_types(fused)[1]
    ids = np.array([[2, 9, 17, 30, 3]])
    logits = Engine(data, "x", 3, optimisation="unsigned_weights").logits({"input_ids": ids})
    feeds = [{"input_ids": ids}]
    exact = kernel.reference_logits(files.int8_graph(3), feeds, kernel.exact_product)[0]
    np.testing.assert_allclose(logits, exact, rtol=0, atol=1e-4)
    if VNNI:
        signed = Engine(data, "x", 3, optimisation="none").logits({"input_ids": ids})
        assert logits.tobytes() == signed.tobytes()


def test_at_basic_level_the_entry_would_do_nothing(files, tmp_path):
    onnx = pytest.importorskip("onnx")
    data = files.optimised_offline(files.int8_graph(3), tmp_path / "offline.onnx")
    options = session_options("none")
    options.graph_optimization_level = quiet_onnxruntime().GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.optimized_model_filepath = str(tmp_path / "basic.onnx")
    open_session(data, options)
    types, _ = files.weight_types((tmp_path / "basic.onnx").read_bytes())
    assert types == [onnx.TensorProto.INT8] * 3
