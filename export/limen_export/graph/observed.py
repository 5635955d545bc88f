"""What a graph computes of shapes alone, seen by running it.

Older exporters write out how they find the sizes of everything, a mask included, so nothing in such
a graph has a size that is known beforehand. What is seen here at a few shapes is used by passes,
which are checked at other ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from limen_export.graph.int8_rows import vocabulary_size
from limen_export.graph.rewriting import Array, constant
from limen_export.graph.running import open_graph

_SAMPLES = ((2, 5), (3, 7), (5, 3))
"""Batches and lengths: no two alike, none 1, so that sizes are told apart."""


@dataclass(frozen=True)
class Observed:
    """A graph at several shapes.

    Attributes:
        shapes: of every computed value: a number, `batch`, `tokens`, or None for another size.
        types: of every computed value.
        fixed: what is computed of shapes alone and read by what is computed of ids: the results at
            every sample, the last of which is one text of the longest length.
    """

    shapes: Mapping[ir.Value, tuple[int | str | None, ...]]
    types: Mapping[ir.Value, ir.DataType]
    fixed: Mapping[ir.Value, tuple[Array, ...]]


def observe_shapes(model: ir.Model, longest: int) -> Observed | None:
    """Run a graph of `input_ids` alone on random ids.

    Args:
        model: it is left as it is.
        longest: the most tokens that it takes.

    Returns:
        What was seen, by the values of this very model; None where the longest text is too short to
        tell sizes apart.
    """
    if longest <= max(length for _, length in _SAMPLES):
        return None
    values = [value for node in model.graph for value in node.outputs if value.name]
    border = _border(model.graph)
    seen = _run(model, values, _SAMPLES)
    last = _run(model, border, ((1, longest),))
    shapes = {
        value: _dimensions([array.shape for array in arrays])
        for value, arrays in zip(values, zip(*seen, strict=True), strict=True)
    }
    types = {
        value: ir.DataType.from_numpy(array.dtype)
        for value, array in zip(values, seen[0], strict=True)
    }
    place = {value: number for number, value in enumerate(values)}
    fixed = {
        value: (*(run[place[value]] for run in seen), last[0][number])
        for number, value in enumerate(border)
    }
    return Observed(shapes, types, fixed)


def _border(graph: ir.Graph) -> list[ir.Value]:
    """Name what no token id has a part in, where it is read by what has one."""
    touched = set(graph.inputs)
    for node in graph:
        if node.op_type != "Shape" and any(value in touched for value in node.inputs):
            touched |= set(node.outputs)
    return [
        value
        for node in graph
        for value in node.outputs
        if value.name
        and value not in touched
        and constant(value) is None
        and any(output in touched for use in value.uses() for output in use.node.outputs)
    ]


def _run(
    model: ir.Model, values: list[ir.Value], samples: tuple[tuple[int, int], ...]
) -> list[list[Array]]:
    copy = model.clone()
    names = [str(value.name) for value in values]
    if not names:
        return [[] for _ in samples]
    made = {value.name: value for node in copy.graph for value in node.outputs}
    for name in names:
        value = made[name]
        if not value.is_graph_output():
            # onnxruntime infers both.
            value.shape = value.type = None
            copy.graph.outputs.append(value)
    session = open_graph(copy)
    generator = np.random.default_rng(3)
    rows = vocabulary_size(model) or 1
    return [
        session.run(names, {"input_ids": generator.integers(0, rows, sample, dtype=np.int64)})
        for sample in samples
    ]


def _dimensions(shapes: list[tuple[int, ...]]) -> tuple[int | str | None, ...]:
    if len({len(shape) for shape in shapes}) != 1:
        return ()
    return tuple(size_of(sizes) for sizes in zip(*shapes, strict=True))


def size_of(sizes: tuple[int, ...]) -> int | str | None:
    """Say what a size is that was seen at every sample: a number, `batch`, `tokens`, or None."""
    if len(set(sizes)) == 1:
        return int(sizes[0])
    for name, axis in (("batch", 0), ("tokens", 1)):
        if sizes == tuple(sample[axis] for sample in _SAMPLES):
            return name
    return None
