"""Processors without VNNI saturate int8 products: emulated in numpy, and run for real where VNNI
can be hidden from onnxruntime.
"""

import json
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limen.encoder import open_encoder
from limen.format import stamp
from limen.self_test import deviation_of

onnx = pytest.importorskip("onnx")
HERE = Path(__file__).parent
kernel, files, hidden = (
    SimpleNamespace(**run_path(str(HERE / f"{name}.py")))
    for name in ("saturating_kernel", "int8_files", "without_vnni")
)
TOLERANCE = 1e-3

PRODUCTS = """
import numpy as np, onnxruntime
given = np.load(sys.argv[3])
session = onnxruntime.InferenceSession(sys.argv[4], providers=["CPUExecutionProvider"])
np.savez(sys.argv[5], *[session.run(None, {"left": rows})[0] for rows in given.values()])
"""
LOAD = """
import json, limen
from limen.format import read
from limen.encoder import open_encoder
from limen.engine import Engine
from limen.self_test import deviation
file = read(sys.argv[3])
plain = Engine(file.data, file.name, file.metadata.decision.outputs)
found = deviation(file.metadata.golden, open_encoder(file.metadata.encoder), plain, file.name)
model = limen.load(sys.argv[3])
logits = model.logits(file.metadata.golden.texts).tolist()
unverified = limen.load(sys.argv[3], verify=False).repaired
print(json.dumps([found.typical, model.repaired, model.at().repaired, unverified, logits]))
"""


@st.composite
def matrices(draw, most):
    """u8 (rows, k) and s8 (k, columns) with weights up to `most`, often at their ends."""
    rows, k, columns = draw(st.tuples(*[st.integers(1, 9)] * 3))
    u8 = st.sampled_from([0, 1, 128, 254, 255]) | st.integers(0, 255)
    s8 = st.sampled_from([-most, most]) | st.integers(-most, most)
    left = draw(st.lists(u8, min_size=rows * k, max_size=rows * k))
    right = draw(st.lists(s8, min_size=k * columns, max_size=k * columns))
    return (
        np.array(left, np.uint8).reshape(rows, k),
        np.array(right, np.int8).reshape(k, columns),
    )


@given(matrices(64))
def test_weights_of_seven_bits_never_saturate(pair):
    assert np.array_equal(kernel.saturating_product(*pair), kernel.exact_product(*pair))


@given(matrices(127))
def test_the_emulation_is_a_sum_of_clipped_pairs(pair):
    left, right = (side.astype(np.int64) for side in pair)
    rows, columns = left.shape[0], right.shape[1]
    expected = np.zeros((rows, columns), np.int64)
    for at in range(0, left.shape[1], 2):
        both = left[:, at : at + 2] @ right[at : at + 2]
        expected += np.minimum(np.maximum(both, -32_768), 32_767)
    assert np.array_equal(kernel.saturating_product(*pair), expected)
    assert np.array_equal(kernel.exact_product(*pair), left @ right)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return hidden.built(tmp_path_factory.mktemp("hidden"))


@pytest.mark.parametrize("level", hidden.LEVELS)
def test_the_emulation_equals_the_real_kernels(fresh, library, tmp_path, level):
    random = np.random.default_rng(8)
    right = random.integers(-127, 128, (102, 37)).astype(np.int8)
    left = [random.integers(0, 256, (rows, 102)).astype(np.uint8) for rows in (1, 2, 3, 20, 65)]
    helper = onnx.helper
    body = helper.make_graph(
        [helper.make_node("MatMulInteger", ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", onnx.TensorProto.UINT8, ["rows", 102])],
        [helper.make_tensor_value_info("product", onnx.TensorProto.INT32, ["rows", 37])],
        [onnx.numpy_helper.from_array(right, "right")],
    )
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(body, ir_version=10, opset_imports=opset), tmp_path / "x.onnx")
    np.savez(tmp_path / "left.npz", *left)
    paths = (tmp_path / "left.npz", tmp_path / "x.onnx", tmp_path / "products.npz")
    hidden.run_hidden(fresh, library, level, PRODUCTS, *paths)
    with np.load(paths[2]) as found:
        for rows, product in zip(left, found.values(), strict=True):
            assert np.array_equal(product, kernel.saturating_product(rows, right))
            assert not np.array_equal(product, kernel.exact_product(rows, right))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_tolerance_catches_saturation_and_lets_other_arithmetic_pass(golden_folder, seed):
    model = files.int8_graph(3, seed)
    file = files.int8_file(golden_folder, model.SerializeToString(), TOLERANCE)
    encoder = open_encoder(file.metadata.encoder)
    feeds = [encoder.encode(text).feeds for text in files.TEXTS]
    expected = np.array(file.metadata.golden.logits)

    def deviation(product):
        logits = kernel.reference_logits(model, feeds, product)
        return deviation_of([float(one) for one in np.abs(logits - expected).max(1)])

    assert deviation(kernel.exact_product).within(TOLERANCE)
    assert deviation(kernel.saturating_product).typical > 10 * TOLERANCE


@pytest.mark.parametrize("level", hidden.LEVELS)
def test_load_repairs_a_file_that_saturates(fresh, library, golden_folder, tmp_path, level):
    file = files.int8_file(golden_folder, files.int8_graph(3).SerializeToString(), TOLERANCE)
    (tmp_path / "x.onnx").write_bytes(stamp(file.data, file.metadata))
    out = hidden.run_hidden(fresh, library, level, LOAD, tmp_path / "x.onnx")
    typical, repaired, at, unverified, logits = json.loads(out)
    assert typical > 10 * TOLERANCE
    assert (repaired, at, unverified) == (True, True, False)
    np.testing.assert_allclose(logits, file.metadata.golden.logits, rtol=0, atol=1e-4)
