"""The graph of linear models over features that they do not share: each feature counts for a few
columns only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from limen.arrays import FloatArray, IntArray, WideArray
from onnx import TensorProto

from limen_export.graph.gather_sum import (
    Ending,
    Nodes,
    finished,
    gather_sum,
    starting_sums,
    weighted_rows,
)


@dataclass(frozen=True, eq=False)
class WeightBlock:
    """Features that stand side by side, and the columns that they count for.

    Attributes:
        weights: float32, (features, own columns).
        columns: int64, (own columns,): which of all columns these are.
    """

    weights: FloatArray
    columns: IntArray


def block_sum(
    blocks: Sequence[WeightBlock], intercept: WideArray, ending: Ending
) -> onnx.ModelProto:
    """Return the graph from `indices`, `values`, `rows` and `texts` (docs/format.md) to `logits`.

    A row of the table holds the weights of one feature, as many as the widest block has; which
    columns they are for follows from the block, and so from where the feature stands. The table is
    as large as the parts, where one of all columns would be as many times larger as there are
    parts.

    Args:
        blocks: the features of each stand behind those of the one before.
        intercept: (columns,).
        ending: what becomes of the sums.
    """
    if len(blocks) == 1:
        order = np.argsort(blocks[0].columns)
        return gather_sum(blocks[0].weights[:, order], intercept, ending)
    width = max(len(block.columns) for block in blocks)
    nodes = Nodes()
    weighted = weighted_rows(nodes, np.concatenate([_wide(one, width) for one in blocks]))
    columns = _columns(nodes, blocks, width)
    one, two = nodes.constant(np.array([1], np.int64)), nodes.constant(np.array([2], np.int64))
    rows = nodes.add("Expand", nodes.add("Unsqueeze", "rows", one), nodes.add("Shape", columns))
    both = [nodes.add("Unsqueeze", place, two) for place in (rows, columns)]
    places = nodes.add("Concat", *both, axis=2)
    starts = starting_sums(nodes, intercept)
    sums = nodes.add("ScatterND", starts, places, weighted, reduction="add")
    return finished(nodes, sums, ending)


def _wide(block: WeightBlock, width: int) -> FloatArray:
    """Fill up with weights of 0, which leave the first column's sum as it is."""
    missing = width - block.weights.shape[1]
    return np.pad(block.weights, ((0, 0), (0, missing)))


def _columns(nodes: Nodes, blocks: Sequence[WeightBlock], width: int) -> str:
    """The columns of each feature that a text holds: int64, (features, width)."""
    sizes = [len(block.weights) for block in blocks]
    begins = nodes.constant(np.cumsum(sizes[:-1], dtype=np.int64))
    one = nodes.constant(np.array([1], np.int64))
    behind = nodes.add("GreaterOrEqual", nodes.add("Unsqueeze", "indices", one), begins)
    counted = nodes.add("Cast", behind, to=TensorProto.INT64)
    block = nodes.add("ReduceSum", counted, one, keepdims=0)
    table = np.stack([np.pad(one.columns, (0, width - len(one.columns))) for one in blocks])
    return nodes.add("Gather", nodes.constant(table.astype(np.int64)), block, axis=0)
