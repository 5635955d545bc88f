"""Which device a file takes, what is refused and why, and padded batches as a GPU is given them."""

import os
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import limen
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.devices import DEVICES, PROVIDERS, check_operators, choose, provider_settings
from limen.engine import Engine
from limen.errors import EngineError, InputError
from limen.format import ExecutionBlock, Golden
from limen.opening import Wishes, open_model, open_on

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
REPAIR = 'pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]"'
TEXTS = ["happy bright", "angry", "", "the day is a day and the day", "오늘 행복해요!", "angry"]
FP32, INT8 = ExecutionBlock("fp32"), ExecutionBlock("int8")
PADDED = ExecutionBlock.made_for("cuda", "fp32")
FP16 = ExecutionBlock.made_for("cuda", "fp16")


def offers(*names):
    return lambda: (*names, CPU)


def nobody_asks():
    raise AssertionError("onnxruntime was asked for its providers")


@pytest.mark.parametrize(
    ("execution", "asked"), [(FP32, "auto"), (INT8, "auto"), (INT8, "cpu"), (PADDED, "cpu")]
)
def test_the_cpu_is_chosen_without_asking_onnxruntime(execution, asked):
    assert choose("x", execution, asked, nobody_asks).devices == ("cpu",)


@pytest.mark.parametrize(
    ("execution", "asked", "devices"),
    [
        (FP16, "auto", ("cuda",)),
        (PADDED, "auto", ("cuda", "cpu")),
        (FP16, "cuda", ("cuda",)),
        (FP32, "cuda", ("cuda",)),
    ],
)
def test_with_cuda(execution, asked, devices):
    choice = choose("x", execution, asked, offers(CUDA))
    assert (choice.devices, choice.why) == (devices, "")


def test_openvino_by_name_alone():
    assert choose("x", FP32, "openvino", offers(PROVIDERS["openvino"])).devices == ("openvino",)
    assert choose("x", FP32, "auto", offers(PROVIDERS["openvino"])).devices == ("cpu",)


@pytest.mark.parametrize(
    ("device", "wheel"),
    [("cuda", '"onnxruntime-gpu[cuda,cudnn]"'), ("openvino", "onnxruntime-openvino")],
)
def test_a_named_device_that_cannot_be_had_is_an_error_with_the_repair(device, wheel):
    with pytest.raises(InputError) as caught:
        choose("m.onnx", FP32, device, offers())
    message = str(caught.value)
    assert message.startswith(f"m.onnx: device={device!r}: ")
    assert PROVIDERS[device] in message
    assert message.endswith(f"pip uninstall -y onnxruntime && pip install {wheel}")


@pytest.mark.parametrize(
    ("execution", "device", "why"),
    [
        (FP16, "cpu", "about 10 times slower than fp32 on the CPU"),
        (FP16, "openvino", "made for cuda"),
        (INT8, "cuda", "about 20 times slower than fp32"),
        (ExecutionBlock("int8-mixed"), "cuda", "the file is int8-mixed, made for the CPU"),
        (INT8, "openvino", "scaled while a text runs"),
    ],
)
def test_a_precision_of_another_device_is_refused_with_the_reason(execution, device, why):
    with pytest.raises(InputError, match=why) as caught:
        choose("m.onnx", execution, device, nobody_asks)
    assert "limen export CHECKPOINT" in str(caught.value)


@pytest.mark.parametrize("precision", ["fp32", "int8-static", "int8-float-rows", "int8-mixed"])
def test_openvino_takes_what_has_fixed_scales(precision):
    execution, offered = ExecutionBlock(precision), offers(PROVIDERS["openvino"])
    if precision in ("fp32", "int8-static"):
        assert choose("x", execution, "openvino", offered).devices == ("openvino",)
    else:
        with pytest.raises(InputError, match="scaled while a text runs"):
            choose("x", execution, "openvino", offered)


def test_openvino_is_not_given_what_it_computes_wrongly():
    check_operators("m.onnx", {"Gemm", "Tanh", "com.microsoft.BiasGelu"}, "openvino")
    check_operators("m.onnx", {"com.microsoft.FusedGemm"}, "cpu")
    with pytest.raises(InputError, match="leaves out; export the model again"):
        check_operators("m.onnx", {"com.microsoft.FusedGemm"}, "openvino")


def test_fp16_without_cuda_says_what_to_export_under_auto():
    with pytest.raises(InputError) as caught:
        choose("m.onnx", FP16, "auto", offers())
    for part in (REPAIR, CUDA, "export the model for the CPU", "about 10 times slower"):
        assert part in str(caught.value)


def test_a_padded_fp32_file_goes_to_the_cpu_and_says_why():
    choice = choose("x", PADDED, "auto", offers())
    assert choice.devices == ("cpu",)
    assert "made for cuda" in choice.why
    assert REPAIR in choice.why


@pytest.mark.parametrize("device", ["gpu", "CPU", "", None, 0, ["cpu"]])
def test_unknown_names_are_refused(device):
    with pytest.raises(InputError, match="expected one of 'auto', 'cpu', 'cuda', 'openvino'"):
        choose("x", FP32, device, nobody_asks)


def test_every_device_falls_back_to_the_cpu_for_single_operators():
    for device in DEVICES:
        first, *others = provider_settings(device)
        assert (first if isinstance(first, str) else first[0]) == PROVIDERS[device]
        assert others == ([] if device == "cpu" else [CPU])


def test_attention_on_cuda_builds_no_plan_for_every_length():
    (_, settings), _ = provider_settings("cuda")
    cudnn = 8
    assert int(settings["sdpa_kernel"]) > 0
    assert not int(settings["sdpa_kernel"]) & cudnn


def test_a_provider_that_cannot_start_is_an_error(monkeypatch, path):
    monkeypatch.setattr("limen.engine.provider_settings", lambda *_: [CPU])
    with pytest.raises(EngineError, match=f"asked for {CUDA}, onnxruntime obtained {CPU}"):
        Engine(path.read_bytes(), "m.onnx", 4, "cuda")
    monkeypatch.setattr("limen.opening.available_providers", offers(CUDA))
    with pytest.raises(EngineError, match="limen doctor"):
        limen.load(path, device="cuda")


def test_the_model_says_what_is_in_use(multilabel):
    assert (multilabel.device, multilabel.device_reason) == ("cpu", "")
    assert multilabel.at("half").device == "cpu"


def test_the_cpu_path_imports_nothing_of_padded_files(fresh, path):
    program = (
        "import sys, limen; limen.load(sys.argv[1])('a day'); "
        "print([name for name in sys.modules if 'padded' in name])"
    )
    assert fresh("-c", program, path).stdout.strip() == b"[]"


@pytest.fixture(scope="module")
def files():
    pytest.importorskip("onnx")
    return SimpleNamespace(**run_path(str(Path(__file__).with_name("padded_files.py"))))


@pytest.fixture(scope="module")
def alone(files, golden_folder):
    """The padded fp32 file on the CPU, texts one by one."""
    return open_model(files.padded_file(golden_folder), device="cpu")


@pytest.fixture
def pretended(monkeypatch):
    """A machine whose CUDA provider is the CPU's, under the other's name; returns what it adds to
    each logit.
    """
    from limen.padded_engine import PaddedEngine

    off = SimpleNamespace(by=0.0)

    def run(engine, given):
        rows = engine._session.run(["logits"], given)[0]
        return rows + np.float32(off.by)

    monkeypatch.setattr("limen.opening.available_providers", offers(CUDA))
    monkeypatch.setattr("limen.engine.provider_settings", lambda *_: [CPU])
    monkeypatch.setattr("limen.engine.PROVIDERS", {"cpu": CPU, "cuda": CPU})
    monkeypatch.setattr(PaddedEngine, "_run_bound", run)
    return off


def golden_of(files, golden_folder, texts):
    """The golden texts of the padded fp32 file."""
    file = files.padded_file(golden_folder)
    model = open_on(file, "cpu")
    encoder = model._inference._open_parts()[0]
    ids = tuple(tuple(encoder.encode(one).feeds["input_ids"][0].tolist()) for one in texts)
    logits = tuple(tuple(float(x) for x in row) for row in model.logits(texts))
    return Golden(tuple(texts), ids, logits, 1e-4)


def test_padded_batches_give_what_a_text_alone_gives(files, golden_folder, alone, pretended):
    model = open_model(files.padded_file(golden_folder))
    assert (model.device, model.device_reason) == ("cuda", "")
    np.testing.assert_allclose(model.logits(TEXTS), alone.logits(TEXTS), atol=1e-5)
    np.testing.assert_allclose(model.logits(TEXTS[:1]), alone.logits(TEXTS[:1]), atol=1e-5)
    assert [one.labels for one in model.predict(TEXTS)] == [
        one.labels for one in alone.predict(TEXTS)
    ]
    assert model.predict([]) == []
    assert [one.truncated for one in model.stream(["day " * 40, "day"])] == [True, False]


def test_an_fp16_file_runs_in_batches(files, golden_folder, alone, pretended):
    model = open_model(files.padded_file(golden_folder, "fp16"))
    np.testing.assert_allclose(model.logits(TEXTS), alone.logits(TEXTS), atol=0.02)


def test_on_the_cpu_a_padded_file_keeps_its_bits_in_any_company(alone):
    together = alone.logits(TEXTS)
    for row, text in zip(together, TEXTS, strict=True):
        assert np.array_equal(alone.logits([text])[0], row)


def test_windows_and_cache_in_batches(files, golden_folder, pretended):
    file = files.padded_file(golden_folder)
    texts = ["the day is " * 20, "angry", "happy bright day " * 9, "angry"]
    windows = limen.Windows(stride=4, aggregate="mean")
    expected = open_on(file, "cpu", Wishes(windows=windows)).logits(texts)
    model = open_model(file, windows=windows, cache=2)
    for _ in range(2):
        np.testing.assert_allclose(model.logits(texts), expected, atol=1e-5)


def test_errors_keep_their_place_in_batches(files, golden_folder, pretended):
    model = open_model(files.padded_file(golden_folder))
    found = model.predict(["happy", None, "angry", "\ud800"], errors="collect")
    assert [isinstance(one, InputError) for one in found] == [False, True, False, True]
    assert "text 1 " in str(found[1])
    with pytest.raises(InputError, match="text 1 is of type NoneType"):
        model.predict(["happy", None, "angry"])
    stream = model.stream(["happy", None, "angry"])
    assert next(stream) == model("happy")
    with pytest.raises(InputError, match="text 1"):
        next(stream)


def test_a_provider_that_fails_midway_takes_only_its_batch(
    files, golden_folder, pretended, monkeypatch
):
    from limen.padded_engine import PaddedEngine

    model = open_model(files.padded_file(golden_folder))
    works = PaddedEngine._run_bound

    def fails(engine, given):
        if given["input_ids"].shape[1] > 8:
            raise RuntimeError("CUDA out of memory\nmore")
        return works(engine, given)

    monkeypatch.setattr(PaddedEngine, "_run_bound", fails)
    monkeypatch.setattr("limen.padded_inference.batches", one_by_one)
    found = model.predict(["happy", "the day is a day and the day", "angry"], errors="collect")
    assert [isinstance(one, EngineError) for one in found] == [False, True, False]
    assert "failed on 1 texts" in str(found[1])
    assert "(CUDA out of memory)" in str(found[1])
    pretended.by = np.nan
    with pytest.raises(EngineError, match="text 0"):
        open_model(files.padded_file(golden_folder)).predict(["happy", "angry"])


def one_by_one(lengths):
    return [[place] for place in range(len(lengths))]


def test_auto_leaves_a_device_whose_self_test_fails(files, golden_folder, pretended):
    golden = golden_of(files, golden_folder, TEXTS[:3])
    file = files.padded_file(golden_folder, golden=golden)
    assert open_model(file).device == "cuda"
    pretended.by = 0.5
    for verify in (True, False):
        model = open_model(file, verify=verify)
        assert model.device == "cpu"
        assert "golden text" in model.device_reason
        assert model.at("half").device_reason == model.device_reason
    with pytest.raises(EngineError, match="cuda with"):
        open_model(file, device="cuda")
    assert open_model(file, device="cuda", verify=False).device == "cuda"


def test_the_self_test_runs_a_padded_batch(files, golden_folder, pretended):
    golden = golden_of(files, golden_folder, TEXTS[:4])
    broken = files.padded_file(golden_folder, golden=golden, masked=False)
    assert open_on(broken, "cpu").device == "cpu"
    with pytest.raises(EngineError, match="golden text"):
        open_model(broken, device="cuda")


def test_a_forked_process_is_told_to_load_again(files, golden_folder, pretended, monkeypatch):
    model = open_model(files.padded_file(golden_folder))
    monkeypatch.setattr("limen.engine.os.getpid", lambda: -1)
    with pytest.raises(EngineError, match="load the file again in this process"):
        model("happy")


def test_binding_gives_what_a_plain_run_gives(files, golden_folder):
    from limen.padded_engine import PaddedEngine, padded

    file = files.padded_file(golden_folder)
    engine = PaddedEngine(file.data, file.name, 4, "cpu")
    given = padded([np.arange(5), np.arange(2), np.arange(9)])
    assert np.array_equal(engine._run_bound(given), engine._run_on_cpu(given))
    assert engine.each([]) == []
    narrow = PaddedEngine(file.data, file.name, 3, "cpu")
    with pytest.raises(EngineError, match="declares 3 outputs"):
        narrow.each([{"input_ids": np.array([[1, 2]])}])


@given(st.lists(st.integers(1, 600), max_size=60), st.integers(1, 4_000))
def test_batches_hold_every_text_once_within_the_budget(lengths, budget):
    from limen.padded_engine import batches

    found = batches(lengths, budget)
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    longest = [max(lengths[place] for place in batch) for batch in found]
    assert longest == sorted(longest, reverse=True)
    for batch, most in zip(found, longest, strict=True):
        assert len(batch) == 1 or len(batch) * most <= budget


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9))
def test_padding_is_on_the_right_and_masked(lengths):
    from limen.padded_engine import padded

    rows = [np.arange(1, length + 1) for length in lengths]
    given_arrays = padded(rows)
    for row, ids, mask in zip(
        rows, given_arrays["input_ids"], given_arrays["attention_mask"], strict=True
    ):
        assert ids[: len(row)].tolist() == row.tolist()
        assert mask.tolist() == [1] * len(row) + [0] * (max(lengths) - len(row))


def test_a_closed_model_gives_every_text_the_same_error(files, golden_folder, pretended):
    model = open_model(files.padded_file(golden_folder))
    model.close()
    found = model.predict(["happy", "angry"], errors="collect")
    assert [type(one) for one in found] == [EngineError, EngineError]
    with pytest.raises(EngineError, match="was closed"):
        model.predict(["happy", "angry"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("variable", [None, "true"])
def test_a_forked_child_does_not_wait_for_the_tokenizers_threads(
    fresh, files, golden_folder, tmp_path, variable
):
    path = tmp_path / "padded.onnx"
    path.write_bytes(files.padded_file(golden_folder).data)
    # On the CPU a padded file is run in batches by the exporter alone.
    program = (
        "import os, sys\nfrom limen.format import read\nfrom limen.opening import open_on, Wishes\n"
        "import limen.padded_inference as padded\npadded.available_cores = lambda: 2\n"
        "model = open_on(read(sys.argv[1]), 'cpu', Wishes(threads=2), in_batches=True)\n"
        "texts = [f'a day {n}' for n in range(40)]\nmodel.predict(texts)\n"
        "if (child := os.fork()) == 0:\n"
        "    try:\n        model.predict(texts)\n    finally:\n        os._exit(0)\n"
        "os.waitpid(child, 0); print('done')\n"
    )
    given = {} if variable is None else {"TOKENIZERS_PARALLELISM": variable}
    assert fresh("-c", program, path, **given).stdout.strip() == b"done"


@given(st.lists(st.integers(0, 3_000_000), max_size=2_000))
def test_pieces_hold_every_place_and_not_too_much(lengths):
    from limen.padded_inference import PIECE_CHARACTERS, PIECE_TEXTS, _pieces

    pieces = _pieces(range(len(lengths)), lengths)
    assert [place for piece in pieces for place in piece] == [*range(len(lengths))]
    for piece in pieces:
        assert 0 < len(piece) <= PIECE_TEXTS
        assert sum(lengths[place] for place in piece[:-1]) < PIECE_CHARACTERS


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("piece", [1, 3, 100])
def test_pieces_of_any_size_give_every_text_its_own(
    files, golden_folder, alone, pretended, monkeypatch, cores, piece
):
    monkeypatch.setattr("limen.padded_inference.available_cores", lambda: cores)
    monkeypatch.setattr("limen.padded_inference.PIECE_TEXTS", piece)
    monkeypatch.setattr("limen.padded_inference._LEAST_TOGETHER", 2)
    model = open_model(files.padded_file(golden_folder), threads=2, cache=3)
    for _ in range(2):
        np.testing.assert_allclose(model.logits(TEXTS), alone.logits(TEXTS), atol=1e-5)
    mixed = ["happy", None, *TEXTS, "\ud800", "angry"]
    found = model.predict(mixed, errors="collect")
    wrong = [place for place, one in enumerate(found) if isinstance(one, InputError)]
    assert wrong == [1, len(mixed) - 2]
    stream = model.stream(mixed)
    assert next(stream) == model("happy")
    with pytest.raises(InputError, match="text 1 "):
        next(stream)
