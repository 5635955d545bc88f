"""What every pass over a graph has in common: what comes in, what goes out, how constants are read.

A pass is a function from a graph to a rewritten copy and the number of nodes that it replaced. It
computes what the graph before it computed, up to the rounding of float32 sums in another order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

Array: TypeAlias = npt.NDArray[Any]
MICROSOFT = "com.microsoft"
"""Domain of onnxruntime's own operators
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md)."""


@dataclass(frozen=True)
class Rewritten:
    """What a pass gives.

    Attributes:
        graph: the rewritten copy; the graph that came in is as it was.
        nodes: how many nodes (or groups of nodes, as the pass says) were replaced; 0 where it found
            nothing to do.
    """

    graph: ir.Model
    nodes: int


Pass: TypeAlias = Callable[[ir.Model], Rewritten]


def graph_pass(body: Callable[[ir.Graph], int]) -> Pass:
    """Make a pass of a function that edits a graph in place and counts what it replaced.

    Weights are shared with the copy, not copied; nodes that nobody reads any more are dropped.
    """

    @wraps(body)
    def apply(model: ir.Model) -> Rewritten:
        copy = model.clone()
        count = body(copy.graph)
        if count:
            drop_dead(copy.graph)
        return Rewritten(copy, count)

    return apply


def drop_dead(graph: ir.Graph) -> None:
    """Remove nodes whose outputs nobody reads, and weights that no node reads."""
    for node in reversed(list(graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[name]


def constant(value: ir.Value | None) -> Array | None:
    """Return the numbers of a weight or of a Constant node; None for what is computed."""
    if value is None:
        return None
    node = value.producer()
    stated = node is not None and node.op_type == "Constant" and "value" in node.attributes
    if node is not None and stated:
        # onnx_ir's own reading would rename these numbers, in the graph that came in as well.
        return node.attributes["value"].as_tensor().numpy()
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def numbers_of(value: ir.Value | None) -> Array:
    """Return the numbers of a value that is known to be constant.

    Raises:
        TypeError: it is computed; the caller is wrong.
    """
    found = constant(value)
    if found is None:
        raise TypeError(f"{'nothing' if value is None else value.name} is not constant")
    return found


def whole_number(value: ir.Value | None) -> int | None:
    """Return a constant of exactly one whole number; None for anything else."""
    found = constant(value)
    if found is None or found.size != 1 or not np.issubdtype(found.dtype, np.integer):
        return None
    return int(found.reshape(()))


def weight(graph: ir.Graph, name: str, numbers: Array) -> ir.Value:
    """Add a weight under `name`, or under a name derived from it where that one is taken."""
    free, count = name, 0
    while free in graph.initializers:
        count += 1
        free = f"{name}_{count}"
    # A single number would become a list of one.
    tensor = ir.tensor(np.ascontiguousarray(numbers).reshape(numbers.shape), name=free)
    value = ir.Value(
        name=free,
        const_value=tensor,
        shape=ir.Shape(numbers.shape),
        type=ir.TensorType(tensor.dtype),
    )
    graph.register_initializer(value)
    return value


def add_node(
    before: ir.Node,
    operator: str,
    inputs: list[ir.Value | None],
    attributes: dict[str, Any] | None = None,
    *,
    domain: str = "",
    outputs: int = 1,
) -> list[ir.Value]:
    """Insert a node before another and return its outputs, named after the node it precedes."""
    graph = cast("ir.Graph", before.graph)
    node = ir.node(operator, inputs, attributes=attributes, domain=domain, num_outputs=outputs)
    graph.insert_before(before, node)
    if domain:
        graph.opset_imports.setdefault(domain, 1)
    return list(node.outputs)


def nodes_of(graph: ir.Graph, *operators: str) -> Iterator[ir.Node]:
    """Walk the nodes of some operators, in the order of the graph at the time of the call."""
    yield from [node for node in graph if node.op_type in operators]


def attribute(node: ir.Node, name: str, default: Any = None) -> Any:  # noqa: ANN401
    """Return an attribute's value, or the default that its operator documents."""
    found = node.attributes.get(name)
    return default if found is None else found.value


def same_shape(one: ir.Value, other: ir.Value) -> bool:
    """Say whether two values are known to have the same dimensions, numbers or symbols."""
    if one.shape is None or other.shape is None or len(one.shape) != len(other.shape):
        return False
    pairs = zip(one.shape.dims, other.shape.dims, strict=True)
    return all(_known(mine) is not None and _known(mine) == _known(its) for mine, its in pairs)


def _known(dimension: int | ir.SymbolicDim) -> int | str | None:
    return dimension if isinstance(dimension, int) else dimension.value


def replace(old: ir.Value, new: ir.Value) -> None:
    """Let everybody who reads `old`, the graph's outputs included, read `new`; an output keeps its
    name.
    """
    if new.shape is None:
        new.shape = old.shape
    if new.type is None:
        new.type = old.type
    name = old.name if old.is_graph_output() else None
    ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
    if name is not None:
        old.name, new.name = f"{name}_before", name
