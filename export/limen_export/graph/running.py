"""Running a graph as it is, nothing optimised."""

from typing import Any

import onnx_ir as ir
from limen.engine import open_session, session_options


def open_graph(model: ir.Model) -> Any:  # noqa: ANN401  (onnxruntime has no types)
    """Open an onnxruntime session that computes the nodes of a graph one by one, as they are.

    Whatever onnxruntime raises is the caller's to translate.
    """
    return open_session(ir.to_proto(model).SerializeToString(), session_options("none"))
