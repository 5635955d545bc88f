"""The graph of each rung of the precision ladder."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
from limen.arrays import FloatArray
from limen.format import Precision

from limen_export.graph.activations import Activations, observe
from limen_export.graph.bias_correction import correct_biases
from limen_export.graph.int8_matrices import int8_matrices, matrix_names
from limen_export.graph.int8_rows import int8_rows
from limen_export.graph.offline import optimise_offline
from limen_export.graph.smoothing import choose_scales, smooth
from limen_export.graph.static_scales import int8_static


@dataclass(frozen=True)
class RungGraphs:
    """An fp32 graph and what is needed to make every rung of it.

    Attributes:
        fp32: after all passes.
        scales: by what to divide the channels that reach each matrix; see `choose_scales`.
        seen: what reaches each matrix of the fp32 graph.
    """

    fp32: ir.Model
    scales: Mapping[str, FloatArray]
    seen: Mapping[str, Activations]

    @classmethod
    def prepare(cls, fp32: ir.Model, ids: Sequence[npt.NDArray[np.int64]]) -> "RungGraphs":
        """Observe texts, int64 (1, tokens) each, and choose the scales."""
        seen = observe(fp32, ids)
        return cls(fp32, choose_scales(fp32, seen), seen)

    @property
    def matrices(self) -> tuple[str, ...]:
        """Names of the matrices that int8 rungs quantise, in the order of the graph."""
        return matrix_names(self.fp32)

    def build(
        self, precision: Precision, in_float: AbstractSet[str] = frozenset()
    ) -> onnx.ModelProto:
        """Make the graph of a rung, optimised offline.

        Args:
            precision: the rung.
            in_float: matrices that `int8-mixed` leaves in float.

        Raises:
            ExportError: onnxruntime refuses the graph.
        """
        return optimise_offline(ir.to_proto(self._built(precision, in_float)))

    def _built(self, precision: Precision, in_float: AbstractSet[str]) -> ir.Model:
        if precision == "fp32":
            return self.fp32
        scales = {name: scale for name, scale in self.scales.items() if name not in in_float}
        seen = {
            name: given.divided_by(scales[name]) if name in scales else given
            for name, given in self.seen.items()
            if name not in in_float
        }
        means = {name: given.mean for name, given in seen.items()}
        prepared = correct_biases(smooth(self.fp32, scales).graph, means).graph
        if precision == "int8-static":
            ranges = {name: given.range for name, given in seen.items()}
            return int8_rows(int8_static(prepared, ranges).graph).graph
        quantised = int8_matrices(prepared, in_float).graph
        return quantised if precision == "int8-float-rows" else int8_rows(quantised).graph
