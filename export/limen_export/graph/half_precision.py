"""fp32 to fp16, for GPUs."""

import numpy as np
import onnx
import onnx_ir as ir
from limen.arrays import FloatArray
from limen.errors import ExportError
from onnx import numpy_helper

LARGEST = float(np.finfo(np.float16).max)
"""65504; a larger number is infinite in fp16."""
HALF_ABSOLUTE, HALF_RELATIVE = 0.05, 0.01
"""How far a logit of an fp16 graph may be from the source's: 0.05 and 1 % of itself. fp16 keeps 11
bits, so each rounding moves a number by up to 0.05 %, and a logit is behind some dozens of them.
Whether decisions change is the gate's question; this finds a graph that does not fit into fp16."""


def half_precision(model: ir.Model, name: str) -> onnx.ModelProto:
    """Return a graph whose weights and activations are fp16 and whose logits are float32.

    The conversion is onnxruntime's own (onnxruntime/transformers/float16.py). Every operator is
    converted: LayerNormalization and the softmax inside MultiHeadAttention add up in float32
    whatever their inputs are, on CUDA as on the CPU.

    Args:
        model: fp32, with a mask; it is left as it is.
        name: of the source, for messages.

    Raises:
        ExportError: a weight is not finite or too large for fp16.
    """
    graph = ir.to_proto(model)
    _require_range(graph, name)
    # Part of the wheel, and heavier than the rest of the exporter's imports need to be.
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted: onnx.ModelProto = convert_float_to_float16(
        graph, keep_io_types=["logits"], disable_shape_infer=True, op_block_list=[]
    )
    # Types inferred for the fp32 graph; onnxruntime infers its own.
    del converted.graph.value_info[:]
    return converted


def require_half_parity(expected: FloatArray, found: FloatArray, name: str) -> None:
    """Refuse an fp16 graph whose logits, float32 (texts, outputs), are further from the source's
    than HALF_ABSOLUTE and HALF_RELATIVE allow.

    Raises:
        ExportError: one is, or is not finite.
    """
    difference = np.abs(expected - found)
    excess = difference - HALF_RELATIVE * np.abs(expected)
    if not (excess <= HALF_ABSOLUTE).all():
        text = int(np.unravel_index(np.argmax(excess), excess.shape)[0])
        raise ExportError(
            f"{name}: the fp16 graph differs from the source by {float(difference.max()):.3g} "
            f"(text {text}), allowed are {HALF_ABSOLUTE:g} and {HALF_RELATIVE:.0%} of the logit; "
            "use --precision fp32"
        )


def _require_range(graph: onnx.ModelProto, name: str) -> None:
    for tensor in graph.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        numbers = numpy_helper.to_array(tensor)
        if numbers.size and not np.abs(numbers).max() <= LARGEST:
            raise ExportError(
                f"{name}: weight {tensor.name} holds {float(np.abs(numbers).max()):.3g}, and the "
                f"largest number of fp16 is {LARGEST:,.0f}; use --precision fp32"
            )
