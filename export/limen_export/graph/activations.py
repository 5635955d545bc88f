"""What reaches each weight matrix on real texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from limen.arrays import FloatArray

from limen_export.graph.int8_matrices import matrix_products
from limen_export.graph.running import open_graph
from limen_export.graph.static_scales import Range

_ROWS_OF_A_TEXT = 8


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
    def mean(self) -> FloatArray:
        """Mean of the rows kept, float32 (channels,)."""
        found: FloatArray = self.rows.mean(axis=0)
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
        ids: token ids of each text, (1, tokens); at least one.

    Returns:
        Activations by name of the matrix; a matrix that several layers share has those of all.
    """
    copy = model.clone()
    given: dict[str, list[ir.Value]] = {}
    for name, node in matrix_products(copy.graph):
        if node.inputs[0] is not None:
            given.setdefault(name, []).append(node.inputs[0])
    values = list(dict.fromkeys(value for several in given.values() for value in several))
    for value in values:
        value.type = ir.TensorType(ir.DataType.FLOAT)
        value.shape = None
    copy.graph.outputs.extend(value for value in values if not value.is_graph_output())
    wanted = [str(value.name) for value in values]
    seen: dict[str, list[_Text]] = {name: [] for name in wanted}
    if not wanted:
        return {}
    session = open_graph(copy)
    for row in ids:
        for name, array in zip(wanted, session.run(wanted, {"input_ids": row}), strict=True):
            seen[name].append(_noted(array.reshape(-1, array.shape[-1]), len(seen[name])))
    return {
        name: _together([text for value in several for text in seen[str(value.name)]])
        for name, several in given.items()
    }


@dataclass(frozen=True)
class _Text:
    rows: FloatArray
    low: FloatArray
    high: FloatArray


def _noted(rows: FloatArray, index: int) -> _Text:
    """Keep a few rows of a text, and the range of each channel."""
    middle = np.random.default_rng(index).permutation(max(len(rows) - 2, 0)) + 1
    chosen = np.unique([0, len(rows) - 1, *middle[: _ROWS_OF_A_TEXT - 2]])
    return _Text(rows[chosen], np.minimum(rows.min(axis=0), 0), np.maximum(rows.max(axis=0), 0))


def _together(texts: list[_Text]) -> Activations:
    owners = [np.full(len(text.rows), index) for index, text in enumerate(texts)]
    return Activations(
        rows=np.concatenate([text.rows for text in texts]),
        text_of_row=np.concatenate(owners),
        low=np.stack([text.low for text in texts]),
        high=np.stack([text.high for text in texts]),
    )
