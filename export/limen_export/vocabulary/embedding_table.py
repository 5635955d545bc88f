"""The rows of the word-embedding table in a graph."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from limen.arrays import IntArray
from limen.errors import ExportError
from onnx import numpy_helper

_IDS = "input_ids"
_INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


@dataclass(frozen=True)
class TrimmedGraph:
    """A graph with fewer rows in its embedding table.

    Attributes:
        graph: it.
        rows_before: rows of the table as it was.
        bytes_saved: of float32.
    """

    graph: onnx.ModelProto
    rows_before: int
    bytes_saved: int


def trim_rows(graph: onnx.ModelProto, kept: IntArray, name: str) -> TrimmedGraph:
    """Take the rows of the embedding table that stay, in their new order.

    Args:
        graph: reads `input_ids` by Gather from a float32 table; it is not changed.
        kept: int64, (rows,): the old row of each new one.
        name: of the checkpoint, for messages.

    Raises:
        ExportError: token ids are read in another way, the table is read by others too or not an
            initializer, or it has fewer rows than there are ids.
    """
    tables = _tables(graph.graph, name)
    trimmed = onnx.ModelProto()
    trimmed.CopyFrom(graph)
    rows_before = saved = 0
    for initializer in trimmed.graph.initializer:
        if initializer.name not in tables:
            continue
        table = numpy_helper.to_array(initializer)
        _check_table(table.shape, kept, name)
        left = np.ascontiguousarray(table[kept])
        initializer.CopyFrom(numpy_helper.from_array(left, initializer.name))
        rows_before = max(rows_before, len(table))
        saved += table.nbytes - left.nbytes
    for stated in [*trimmed.graph.value_info, *trimmed.graph.input]:
        if stated.name in tables:
            stated.type.tensor_type.shape.dim[0].dim_value = len(kept)
    return TrimmedGraph(trimmed, rows_before, saved)


def _check_table(shape: tuple[int, ...], kept: IntArray, name: str) -> None:
    highest = int(kept.max())
    if highest >= shape[0]:
        raise ExportError(
            f"{name}: its tokenizer has ids up to {highest:,}, its graph {shape[0]:,} embedding "
            "rows: tokenizer and weights belong to different models"
        )


def _tables(graph: onnx.GraphProto, name: str) -> set[str]:
    """Names of the initializers that are read by token ids and by nothing else."""
    ids = {_IDS}
    tables = set()
    # Nodes of a graph are in order: what a node reads was made before it.
    for node in graph.node:
        reads = [place for place, read in enumerate(node.input) if read in ids]
        if not reads or node.op_type == "Shape":
            continue
        if _passes_on(node):
            ids.update(node.output)
        elif node.op_type == "Gather" and reads == [1] and _axis(node) == 0:
            tables.add(node.input[0])
        else:
            raise ExportError(
                f"{name}: this graph reads token ids elsewhere than in its embedding table "
                f"({node.op_type}); they cannot be renumbered; export without --keep-vocabulary"
            )
    if ids & {read for node in graph.node for read in _inner_reads(node)}:
        raise ExportError(
            f"{name}: this graph reads token ids elsewhere than in its embedding table (in a "
            "subgraph); export without --keep-vocabulary"
        )
    _check_readers(graph, tables, ids, name)
    return tables


def _passes_on(node: onnx.NodeProto) -> bool:
    if node.op_type == "Identity":
        return True
    return node.op_type == "Cast" and any(
        attribute.name == "to" and attribute.i in _INTEGERS for attribute in node.attribute
    )


def _axis(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)


def _inner_reads(node: onnx.NodeProto) -> Iterator[str]:
    """Names that the subgraphs of a node read."""
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                yield from inner.input
                yield from _inner_reads(inner)


def _check_readers(graph: onnx.GraphProto, tables: set[str], ids: set[str], name: str) -> None:
    if not tables:
        raise ExportError(f"{name}: its graph has no embedding table that is read by {_IDS}")
    missing = sorted(tables - {initializer.name for initializer in graph.initializer})
    if missing:
        raise ExportError(
            f"{name}: its embedding table {missing[0]!r} is computed in the graph, not stored; "
            "export without --keep-vocabulary"
        )
    for node in graph.node:
        reads = {*node.input, *_inner_reads(node)}
        by_ids = node.op_type == "Gather" and len(node.input) > 1 and node.input[1] in ids
        if reads & tables and not by_ids:
            raise ExportError(
                f"{name}: its embedding table is read by {node.op_type} as well, which needs every "
                "row; export without --keep-vocabulary"
            )
