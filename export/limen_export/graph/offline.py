"""onnxruntime's own rewrites, made while exporting, so that loading makes none."""

import tempfile
from pathlib import Path

import onnx
from limen.engine import SLOW_FUSIONS, quiet_onnxruntime
from limen.errors import ExportError, reason

# OpenVINO's provider leaves the activation of a FusedGemm out (onnxruntime-openvino 1.24.1, Tanh of
# BERT's pooler), and one row a text gains nothing by it.
_DISABLED = [*SLOW_FUSIONS, "GemmActivationFusion"]


def optimise_offline(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Let onnxruntime optimise a graph at its extended level and return what it made.

    What is left to it are folded constants, GELU with its bias (fp32) and transpositions in
    architectures whose attention is not fused. Level and names of the disabled fusions:
    https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html.

    Args:
        graph: it is left as it is.

    Raises:
        ExportError: onnxruntime does not accept the graph.
        OSError: no room for the temporary file.
    """
    runtime = quiet_onnxruntime()
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        given, made = Path(folder) / "given.onnx", Path(folder) / "made.onnx"
        onnx.save(graph, given)
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(made)
        try:
            runtime.InferenceSession(
                str(given),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_DISABLED,
            )
        except Exception as error:
            raise ExportError(f"onnxruntime refused the graph ({reason(error)})") from error
        result = onnx.load(made)
    _keep_used_domains(result)
    return result


def _keep_used_domains(graph: onnx.ModelProto) -> None:
    """Onnxruntime names every operator set that it knows; a reader should see those in use."""
    used = {node.domain for node in graph.graph.node} | {""}
    kept = [item for item in graph.opset_import if item.domain in used]
    del graph.opset_import[:]
    graph.opset_import.extend(kept)
    del graph.graph.value_info[:]
