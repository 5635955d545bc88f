"""The yardstick: how fast this machine multiplies matrices through onnxruntime, on one core.

`python -P -m limen_bench.gemm_rate --json` prints one JSON line. A process of its own, because idle
threads of another session would slow it.

A classifier's int8 products cannot run faster than MatMulInteger does; what its texts need in
multiply-adds (limen_bench.multiply_adds) over this rate is the shortest time they could take.
"""

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from limen.engine import quiet_onnxruntime
from limen.errors import EngineError, LimenError, reason
from limen.extras import require

require("bench", ("onnx",))

from onnx import TensorProto, helper, numpy_helper  # noqa: E402  (behind its gate)

Precision: TypeAlias = Literal["int8", "fp32"]
_WARM_UP_SECONDS = 0.1
_OPSET, _IR_VERSION = 17, 8  # any that every supported onnxruntime reads


@dataclass(frozen=True)
class Rate:
    """Rate of one precision, in 10^9 multiply-adds a second, on one core.

    Attributes:
        best: of the fastest run; the core undisturbed.
        median: of the run in the middle.
        runs: how many were timed.
    """

    best: float
    median: float
    runs: int


@dataclass(frozen=True)
class GemmShape:
    """A product (rows, inner) x (inner, columns).

    Attributes:
        rows: tokens that are multiplied at once; at 256 reading the weights costs next to nothing.
        inner, columns: of the weight matrix; the first feed-forward matrix of a base-size model.
    """

    rows: int = 256
    inner: int = 768
    columns: int = 3072


def gemm_rate(precision: Precision, shape: GemmShape, seconds: float = 0.5) -> Rate:
    """Measure one precision, one thread.

    Args:
        precision: `int8` is MatMulInteger, unsigned activations times signed weights; `fp32` is
            MatMul.
        shape: of the product.
        seconds: how long to measure; at least one run is timed.

    Raises:
        EngineError: onnxruntime does not run it.
    """
    try:
        session, binding = _bound_session(precision, shape)
        _times(session, binding, _WARM_UP_SECONDS)
        times = _times(session, binding, seconds)
    except Exception as error:
        raise EngineError(
            f"onnxruntime failed on a {precision} product ({reason(error)})"
        ) from error
    size = shape.rows * shape.inner * shape.columns / 1e9
    return Rate(size / min(times), size / float(np.median(times)), len(times))


def _bound_session(precision: Precision, shape: GemmShape) -> tuple[Any, Any]:
    """Return a session and its binding; input and output stay in place, so that no run copies or
    allocates.
    """
    onnxruntime = quiet_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        _graph(precision, shape), options, providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(7)
    size = (shape.rows, shape.inner)
    rows = (
        random.integers(0, 256, size, dtype=np.uint8)
        if precision == "int8"
        else random.standard_normal(size, dtype=np.float32)
    )
    out = np.zeros((shape.rows, shape.columns), np.int32 if precision == "int8" else np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input("rows", onnxruntime.OrtValue.ortvalue_from_numpy(rows))
    binding.bind_ortvalue_output("out", onnxruntime.OrtValue.ortvalue_from_numpy(out))
    return session, binding


def _graph(precision: Precision, shape: GemmShape) -> bytes:
    """One product with a constant right side, which onnxruntime packs once."""
    random = np.random.default_rng(8)
    size = (shape.inner, shape.columns)
    weight: npt.NDArray[Any]
    if precision == "int8":
        operator, left, right = "MatMulInteger", TensorProto.UINT8, TensorProto.INT32
        weight = random.integers(-128, 128, size, dtype=np.int8)
    else:
        operator, left, right = "MatMul", TensorProto.FLOAT, TensorProto.FLOAT
        weight = random.standard_normal(size, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node(operator, ["rows", "weight"], ["out"])],
        "gemm",
        [helper.make_tensor_value_info("rows", left, [shape.rows, shape.inner])],
        [helper.make_tensor_value_info("out", right, [shape.rows, shape.columns])],
        [numpy_helper.from_array(weight, "weight")],
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
    data: bytes = model.SerializeToString()
    return data


def _times(session: Any, binding: Any, seconds: float) -> list[float]:  # noqa: ANN401
    """Run for `seconds`, at least once; seconds of each run."""
    times: list[float] = []
    begin = now = perf_counter()
    while not times or now - begin < seconds:
        session.run_with_iobinding(binding)
        times.append(-now + (now := perf_counter()))
    return times


def main(arguments: list[str] | None = None) -> int:
    """Measure both precisions and print them; 2 for what cannot be measured."""
    parser = argparse.ArgumentParser(prog="limen_bench.gemm_rate", description="one core's GEMM")
    for name, value in asdict(GemmShape()).items():
        parser.add_argument(f"--{name}", type=_positive, default=value, metavar="N")
    parser.add_argument("--seconds", type=_seconds, default=0.5, help="for each precision")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    asked = parser.parse_args(arguments)
    shape = GemmShape(asked.rows, asked.inner, asked.columns)
    try:
        rates = {
            precision: gemm_rate(precision, shape, asked.seconds) for precision in ("int8", "fp32")
        }
    except LimenError as error:
        print(f"limen_bench.gemm_rate: {error}", file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps({**asdict(shape), **{name: asdict(r) for name, r in rates.items()}}))
        return 0
    for name, rate in rates.items():
        print(f"{name}: best {rate.best:.0f}, median {rate.median:.0f} GMAC/s ({rate.runs} runs)")
    return 0


def _positive(text: str) -> int:
    if not 1 <= (number := int(text)) <= 65_536:
        raise argparse.ArgumentTypeError("1 to 65,536 expected")
    return number


def _seconds(text: str) -> float:
    if not (math.isfinite(number := float(text)) and 0 <= number <= 600):
        raise argparse.ArgumentTypeError("0 to 600 expected")
    return number


if __name__ == "__main__":
    sys.exit(main())
