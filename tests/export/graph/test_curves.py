"""Curves of a calibration as nodes of a graph, beside numpy and scikit-learn."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limen_export.graph.curves import (
    LineCurves,
    LogOddsCurves,
    Shares,
    SigmoidCurves,
    side_by_side,
)
from limen_export.graph.gather_sum import Nodes
from onnx import TensorProto, helper
from sklearn.isotonic import IsotonicRegression


def run(curves, values):
    """Values, float64 (texts, columns), through the nodes of a curve."""
    nodes = Nodes()
    last = curves(nodes, "values")
    ports = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["texts", curves.columns])
        for name in ("values", last)
    ]
    graph = helper.make_graph(nodes.nodes, "curves", ports[:1], ports[1:], nodes.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"values": np.asarray(values, np.float64)})[0]


PLACES = st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=9, unique=True).map(
    lambda found: np.sort(np.array(found, np.float64)) / 64
)


@settings(max_examples=60)
@given(st.lists(PLACES, min_size=1, max_size=4), st.integers(0, 2**31))
def test_lines_are_numpys(columns, seed):
    """Also on knots, before the first and behind the last, with one knot or many beside few."""
    draw = np.random.default_rng(seed)
    heights = [np.sort(draw.uniform(size=len(places))) for places in columns]
    values = draw.uniform(-20, 20, (30, len(columns)))
    for at, places in enumerate(columns):
        values[: len(places), at] = places
    found = run(LineCurves.through([*zip(columns, heights, strict=True)]), values)
    for at, (places, own) in enumerate(zip(columns, heights, strict=True)):
        assert np.abs(found[:, at] - np.interp(values[:, at], places, own)).max() < 1e-12


def test_lines_are_those_of_isotonic_regression():
    draw = np.random.default_rng(0)
    values = draw.normal(size=300)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(
        values, draw.uniform(size=300) < 1 / (1 + np.exp(-values))
    )
    curves = LineCurves.through([(fitted.X_thresholds_, fitted.y_thresholds_)])
    asked = np.concatenate([values, draw.normal(scale=3, size=300)])
    assert np.abs(run(curves, asked[:, np.newaxis])[:, 0] - fitted.predict(asked)).max() < 1e-12


SIGMOIDS = SigmoidCurves(np.array([-1.0, 2.0, -0.5]), np.array([0.1, -0.2, 0.0]))
LINES = LineCurves.through(
    [
        (np.array([0.0]), np.array([0.3])),
        (np.array([-1.0, 1.0]), np.array([0.1, 0.9])),
        (np.array([0.1, 0.2, 0.7, 0.9]), np.array([0.0, 0.5, 0.5, 1.0])),
    ]
)
ODDS = LogOddsCurves(np.array([0.5, 1.0, 3.0]))


@pytest.mark.parametrize("curves", [SIGMOIDS, LINES, ODDS])
def test_columns_can_be_ordered_turned_and_put_side_by_side(curves):
    values = np.random.default_rng(1).uniform(size=(40, 3))
    values[0], values[1] = 0.0, 1.0
    found, order = run(curves, values), np.array([2, 0, 1])
    assert np.allclose(run(curves.ordered(order), values[:, order]), found[:, order], atol=1e-12)
    turned = run(curves.turned(np.array([1.0, -1.0, -1.0])), values)
    assert np.allclose(turned[:, 0], found[:, 0], atol=1e-12)
    assert np.allclose(turned[:, 1:], 1 - found[:, 1:], atol=1e-12)
    both = run(side_by_side([curves, curves.ordered(order)]), np.hstack([values, values[:, order]]))
    assert np.allclose(both, np.hstack([found, found[:, order]]), atol=1e-12)


def test_curves_of_several_kinds_do_not_stand_side_by_side():
    with pytest.raises(TypeError, match="several kinds"):
        side_by_side([SIGMOIDS, LINES])


@pytest.mark.parametrize("logarithms", [False, True])
def test_shares_are_of_each_fold(logarithms):
    values = np.random.default_rng(2).uniform(size=(5, 6))
    values[0] = 0.0
    found = run(Shares(np.array([0.5, 3.0]), 3, logarithms=logarithms), values)
    logits = np.log(values + 1e-12) if logarithms else values
    scaled = np.exp(logits.reshape(5, 2, 3) * np.array([0.5, 3.0])[:, np.newaxis])
    expected = scaled / scaled.sum(axis=2, keepdims=True)
    assert np.allclose(found, expected.reshape(5, 6), atol=1e-12)
