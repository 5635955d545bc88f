"""fp16 graphs: what they hold, how far they are from fp32, what is refused."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from limen.engine import open_session, session_options
from limen.errors import ExportError
from limen.padded_engine import padded
from limen_export.graph.half_precision import LARGEST, half_precision, require_half_parity
from limen_export.graph.padded_attention import padded_graph
from limen_export.graph.passes import rewrite

ROWS = [np.arange(6, 6 + length) % 40 for length in (1, 9, 30, 4)]


@pytest.fixture(scope="module")
def fp32(reference):
    source = reference("bert")
    longest = source.encoder.max_tokens
    return padded_graph(rewrite(source.graph, longest).model, longest, "bert")


def logits(graph):
    session = open_session(graph.SerializeToString(), session_options())
    return session.run(["logits"], padded(ROWS))[0]


def with_weight(model, value):
    """A copy with one weight of its last matrix set."""
    copy = ir.from_proto(ir.to_proto(model))
    matrices = [one for one in copy.graph.initializers.values() if len(one.shape) == 2]
    numbers = matrices[-1].const_value.numpy().copy()
    numbers[0, 0] = value
    matrices[-1].const_value = ir.tensor(numbers, name=matrices[-1].name)
    return copy


def test_weights_are_fp16_and_logits_float32(fp32):
    made = half_precision(fp32, "bert")
    onnx.checker.check_model(made)
    kinds = {tensor.data_type for tensor in made.graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    assert onnx.TensorProto.FLOAT16 in kinds
    found, exact = logits(made), logits(ir.to_proto(fp32))
    assert found.dtype == np.float32
    require_half_parity(exact, found, "bert")
    assert 0 < np.abs(found - exact).max() < 0.05
    assert len(made.SerializeToString()) < 0.6 * len(ir.to_proto(fp32).SerializeToString())


def test_it_has_the_operators_of_the_fp32_graph_and_casts(fp32):
    made = {node.op_type for node in half_precision(fp32, "bert").graph.node}
    assert made == {node.op_type for node in fp32.graph} | {"Cast"}


@pytest.mark.parametrize("value", [65_520.0, -1e6, np.inf, np.nan])
def test_a_weight_that_fp16_cannot_hold_is_refused(fp32, value):
    with pytest.raises(ExportError, match=r"largest number of fp16 is 65,504.*--precision fp32"):
        half_precision(with_weight(fp32, value), "bert")


def test_the_largest_weight_and_the_smallest_are_kept(fp32):
    assert LARGEST == 65_504
    for value in (LARGEST, -LARGEST, 1e-30, -1e-30, 0.0):
        made = half_precision(with_weight(fp32, value), "bert")
        assert all(
            np.isfinite(onnx.numpy_helper.to_array(tensor)).all()
            for tensor in made.graph.initializer
        )


def test_parity_has_an_absolute_and_a_relative_part():
    exact = np.array([[0.0, 100.0], [1.0, -1.0]], np.float32)
    require_half_parity(exact, exact + np.float32([[0.049, 1.0], [0.05, -0.05]]), "x")
    for off in ([[0.06, 0], [0, 0]], [[0, 1.2], [0, 0]], [[0, 0], [np.nan, 0]]):
        with pytest.raises(ExportError, match=r"differs from the source.*--precision fp32"):
            require_half_parity(exact, exact + np.float32(off), "x")
