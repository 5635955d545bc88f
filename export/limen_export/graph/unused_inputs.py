"""Inputs that nothing reads."""

import onnx_ir as ir

from limen_export.graph.rewriting import Rewritten


def drop_unused_inputs(model: ir.Model) -> Rewritten:
    """Remove graph inputs that no node reads, so that nobody has to feed them.

    Counts the inputs removed.
    """
    copy = model.clone()
    unused = [
        value for value in copy.graph.inputs if not value.uses() and not value.is_graph_output()
    ]
    for value in unused:
        copy.graph.inputs.remove(value)
    return Rewritten(copy, len(unused))
