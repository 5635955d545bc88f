"""What reaches each weight matrix on real texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from limen.arrays import FloatArray

from limen_export.graph.int8_matrices import matrix_names, matrix_products
from limen_export.graph.running import open_graph
from limen_export.graph.static_scales import Range

_ROWS_OF_A_TEXT = 8
_AT_ONCE = 8
"""Matrices observed in one walk over the texts: what they are given is held in memory meanwhile."""


@dataclass(frozen=True)
class Activations:
    """What one matrix was given.

    Attributes:
        rows: float32 (rows, channels): some rows of each text, the first and last among them, since
            special tokens carry the largest values.
        text_of_row: int (rows,): the text of each.
        low, high: float32 (texts, channels): smallest and largest value of each channel, zero
            included.
    """

    rows: FloatArray
    text_of_row: npt.NDArray[np.intp]
    low: FloatArray
    high: FloatArray

    @property
    def largest(self) -> FloatArray:
        """Largest absolute value of each channel, float32 (channels,)."""
        found: FloatArray = np.maximum(-self.low, self.high).max(axis=0)
        return found

    @property
    def range(self) -> Range:
        """Smallest and largest value of all."""
        return Range(float(self.low.min()), float(self.high.max()))

    def divided_by(self, scale: FloatArray) -> "Activations":
        """Return what the matrix would be given if every channel were divided by its positive
        scale, float32 (channels,).
        """
        return Activations(self.rows / scale, self.text_of_row, self.low / scale, self.high / scale)


def observe(model: ir.Model, ids: Sequence[npt.NDArray[np.int64]]) -> dict[str, Activations]:
    """Run texts through an fp32 graph and note what its matrices are given.

    Args:
        model: fp32; it is left as it is.
        ids: token ids of each text, (1, tokens).

    Returns:
        Activations by name of the matrix; a matrix that several layers share has those of all.
    """
    names = matrix_names(model)
    found: dict[str, Activations] = {}
    for start in range(0, len(names), _AT_ONCE):
        found |= _observed(model, frozenset(names[start : start + _AT_ONCE]), ids)
    return found


def _observed(
    model: ir.Model, names: frozenset[str], ids: Sequence[npt.NDArray[np.int64]]
) -> dict[str, Activations]:
    copy = model.clone()
    given: dict[str, list[ir.Value]] = {}
    for name, node in matrix_products(copy.graph):
        rows = node.inputs[0]
        if name in names and rows is not None:
            given.setdefault(name, []).append(rows)
    values = list(dict.fromkeys(value for several in given.values() for value in several))
    for value in values:
        value.type = ir.TensorType(ir.DataType.FLOAT)
        value.shape = None
    copy.graph.outputs.extend(value for value in values if not value.is_graph_output())
    session = open_graph(copy)
    wanted = [str(value.name) for value in values]
    seen: dict[str, list[FloatArray]] = {name: [] for name in wanted}
    for row in ids:
        for name, array in zip(wanted, session.run(wanted, {"input_ids": row}), strict=True):
            seen[name].append(array.reshape(-1, array.shape[-1]))
    return {
        name: _noted([text for value in several for text in seen[str(value.name)]])
        for name, several in given.items()
    }


def _noted(texts: list[FloatArray]) -> Activations:
    generator = np.random.default_rng(5)
    rows, owners = [], []
    for index, text in enumerate(texts):
        middle = generator.permutation(max(len(text) - 2, 0))[: _ROWS_OF_A_TEXT - 2] + 1
        chosen = np.unique([0, len(text) - 1, *middle])
        rows.append(text[chosen])
        owners.append(np.full(len(chosen), index))
    return Activations(
        rows=np.concatenate(rows),
        text_of_row=np.concatenate(owners),
        low=np.minimum(np.stack([text.min(axis=0) for text in texts]), 0),
        high=np.maximum(np.stack([text.max(axis=0) for text in texts]), 0),
    )
