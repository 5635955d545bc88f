"""Weight matrices in 8 bits; activations quantised with scales that were fixed at export."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from limen_export.graph.int8_matrices import matrix_products, stored_by_column, with_bias
from limen_export.graph.rewriting import (
    MICROSOFT,
    Rewritten,
    add_node,
    drop_dead,
    replace,
    weight,
)

_STEPS = 255


@dataclass(frozen=True)
class Range:
    """Smallest and largest value that reaches a matrix; zero lies between them."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        """Size of one of the 255 steps."""
        return (self.high - self.low) / _STEPS or 1.0

    @property
    def zero_point(self) -> int:
        """The step that stands for zero, in [0, 255]."""
        return int(np.clip(np.rint(-self.low / self.scale), 0, _STEPS))


def int8_static(model: ir.Model, ranges: Mapping[str, Range]) -> Rewritten:
    """Quantise weight matrices as `int8_matrices` does, activations by ranges that are given
    (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulIntegerToFloat).

    A text's result no longer depends on what else runs with it: rows are quantised alike in any
    group. Values outside the range are cut off.

    Args:
        model: fp32; it is left as it is.
        ranges: by name of the matrix; a matrix without one stays in float.

    Returns:
        The graph and the number of products that now run in int8.
    """
    copy = model.clone()
    graph = copy.graph
    count = 0
    steps: dict[str, tuple[ir.Value, ir.Value]] = {}
    for name, node in matrix_products(graph):
        if name not in ranges:
            continue
        matrix, columns = stored_by_column(graph, name, node)
        if name not in steps:
            known = ranges[name]
            steps[name] = (
                weight(graph, f"{name}_step", np.array(known.scale, np.float32)),
                weight(graph, f"{name}_zero", np.array(known.zero_point, np.uint8)),
            )
        step, zero = steps[name]
        end, bias = with_bias(node)
        (rows,) = add_node(end, "QuantizeLinear", [node.inputs[0], step, zero])
        (result,) = add_node(
            end,
            "MatMulIntegerToFloat",
            [rows, matrix, step, columns, zero, None, bias],
            domain=MICROSOFT,
        )
        replace(end.outputs[0], result)
        count += 1
    drop_dead(graph)
    return Rewritten(copy, count)
