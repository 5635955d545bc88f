"""int8 for the CPU: matrices in 8 bits, activations quantised as they come."""

import logging
import tempfile
import warnings
from pathlib import Path

import onnx
from limen.errors import ExportError, reason
from onnxruntime.quantization import QuantType, quantize_dynamic

_FLOAT = onnx.TensorProto.FLOAT


def to_int8(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Quantise the weight matrices of the body.

    Signed 8-bit weights with one scale for each output channel, unsigned 8-bit activations with a
    scale found at run time
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html). The matrices of
    the head (traced as Gemm, one row for each text) stay in float: they cost next to nothing and
    are closest to the decision.

    Args:
        graph: fp32; it is left as it is.

    Returns:
        A graph with the same inputs and outputs.

    Raises:
        ExportError: onnxruntime's quantiser does not take the graph.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    # Shape inference inside the quantiser contradicts the tracer's own value_info ("(384) vs (8)").
    del copy.graph.value_info[:]
    with tempfile.TemporaryDirectory(prefix="limen-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = Path(folder) / "int8.onnx"
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                copy,
                str(target),
                per_channel=True,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["MatMul"],
                nodes_to_exclude=_head_nodes(copy),
                extra_options={"MatMulConstBOnly": True, "DefaultTensorType": _FLOAT},
            )
        except OSError:
            raise
        except Exception as error:
            raise ExportError(
                f"onnxruntime cannot quantise this graph ({reason(error)}); use --precision fp32"
            ) from error
        finally:
            root.setLevel(level)
        return onnx.load(str(target))


def _head_nodes(graph: onnx.ModelProto) -> list[str]:
    """Name the Gemm nodes, and the MatMul into which the quantiser turns each before it looks at
    names.
    """
    gemms = [node.name for node in graph.graph.node if node.op_type == "Gemm"]
    return [*gemms, *(f"{name}_MatMul" for name in gemms)]
