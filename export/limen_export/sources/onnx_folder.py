"""An ONNX graph that another tool made, with its tokenizer and config: what Optimum writes, the
`onnx` folders of model hubs, exports of SetFit.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import onnx
import onnx_ir as ir
from limen.errors import ExportError
from transformers import PreTrainedTokenizerFast

from limen_export.graph.constants import fold_constants
from limen_export.graph.passes import RewrittenGraph, rewrite
from limen_export.graph.stated_shapes import scale_once, stated_shapes
from limen_export.reference import Reference
from limen_export.sources.head import Head, decided_head, label_names
from limen_export.sources.onnx_branches import settle_branches
from limen_export.sources.onnx_file import check_operators, read_onnx
from limen_export.sources.onnx_layout import OnnxFolder, find_onnx, graph_of
from limen_export.sources.onnx_logits import OnnxLogits, longest_that_runs
from limen_export.sources.onnx_ml import in_single_precision
from limen_export.sources.onnx_ports import Ports, find_ports, with_file_ports
from limen_export.sources.onnx_trial import tried
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.tokens import encoder_block, longest_input, read_tokenizer
from limen_export.sources.torch_classifier import SourceWindows
from limen_export.versions import installed_versions

_QUANTISED = frozenset(
    """
    ConvInteger DequantizeLinear DynamicQuantizeLinear DynamicQuantizeMatMul MatMulInteger
    MatMulIntegerToFloat QAttention QGemm QLinearMatMul QuantizeLinear """.split()
)
"""Operators that a graph with weights in 8 bits holds, and no other does."""


def recognise(source: str) -> str | None:
    """Recognise a folder with a graph, or a .onnx file; not one that has the model's own weights as
    well, of which the exporter makes a faster graph.
    """
    graph = graph_of(source)
    if graph is None:
        return None
    folder = Path(source).expanduser()
    if folder.is_dir() and any(folder.glob("*.safetensors")):
        return None
    return f"ONNX graph {graph.name} of {folder.name}"


def read(source: str, wishes: SourceWishes) -> Reference:
    """Read a graph that another tool made.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    return read_folder(find_onnx(source), wishes)


def read_folder(folder: OnnxFolder, wishes: SourceWishes) -> Reference:
    """Read a folder that was found; errors as in `read`."""
    name = folder.name
    model = read_onnx(folder.graph, name)
    ports = find_ports(model, wishes.output, name)
    tokenizer = read_tokenizer(folder.path, name)
    _check_vocabulary(model, tokenizer, name)
    trial = tried(model, ports, tokenizer, name)
    ports = trial.ports
    head = _head(folder.config, ports, trial.outputs, wishes, name)
    longest = longest_input(tokenizer, _positions(folder.config), wishes.max_tokens, name)
    longest = longest_that_runs(trial.given, tokenizer, longest, wishes.max_tokens, name)
    graph = in_single_precision(with_file_ports(trial.shown, ports, trial.outputs))
    graph = settle_branches(graph, longest)
    check_operators(graph, name)
    precision = _precision(graph)
    simpler = _simplified(graph, longest) if precision == "fp32" else None
    windows = None if wishes.windows is None else SourceWindows(wishes.windows, head)
    return Reference(
        name=name,
        licence=folder.licence,
        labels=head.labels,
        rule=head.rule,
        link=head.link,
        encoder=encoder_block(tokenizer, longest, wishes.windows),
        logits=OnnxLogits(trial.given, tokenizer, longest, windows, logarithms=ports.link == "log"),
        graph=graph if simpler is None else ir.to_proto(simpler.model),
        versions=installed_versions(),
        notices=(*head.notices, *_notices(ports), *(() if simpler is None else simpler.left_out)),
        precision=precision,
    )


def _simplified(graph: onnx.ModelProto, longest: int) -> RewrittenGraph:
    """Leave out what the graph computes for nothing, so that the passes for all sources apply."""
    return rewrite(graph, longest, (fold_constants, stated_shapes(longest), scale_once))


def _head(
    config: dict[str, Any], ports: Ports, outputs: int, wishes: SourceWishes, name: str
) -> Head:
    stated = config.get("id2label")
    if wishes.labels is not None:
        labels = wishes.labels
    elif stated is None:
        labels = tuple(f"LABEL_{index}" for index in range(outputs))
    else:
        labels = label_names(_numbered(stated, name), name)
    problem = config.get("problem_type")
    if problem is None and ports.link is not None and outputs > 1:
        # What the graph itself does with its logits says what they are.
        multiclass = ports.link != "sigmoid"
        problem = f"{'single' if multiclass else 'multi'}_label_classification"
    head = decided_head(labels, outputs, wishes.rule, problem, name)
    return replace(head, link="log") if ports.link == "log" else head


def _numbered(stated: object, name: str) -> dict[int, str]:
    try:
        return {int(key): str(value) for key, value in dict(stated).items()}  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        raise ExportError(
            f"{name}: id2label in config.json is no object from 0, 1, 2, ... to names"
        ) from error


def _positions(config: dict[str, Any]) -> int | None:
    stated = config.get("max_position_embeddings")
    return stated if isinstance(stated, int) and stated > 0 else None


def _check_vocabulary(
    graph: onnx.ModelProto, tokenizer: PreTrainedTokenizerFast, name: str
) -> None:
    rows = {tensor.name: int(tensor.dims[0]) for tensor in graph.graph.initializer if tensor.dims}
    read = [
        rows[node.input[0]]
        for node in graph.graph.node
        if node.op_type == "Gather" and node.input[1] == "input_ids" and node.input[0] in rows
    ]
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if read and highest >= min(read):
        raise ExportError(
            f"{name}: its tokenizer has ids up to {highest:,}, the graph {min(read):,} embedding "
            "rows: tokenizer and graph belong to different models"
        )


def _precision(graph: onnx.ModelProto) -> Literal["fp32", "int8"]:
    return "int8" if any(node.op_type in _QUANTISED for node in graph.graph.node) else "fp32"


def _notices(ports: Ports) -> tuple[str, ...]:
    if ports.link == "log":
        return (f"output {ports.output} holds probabilities, of which logarithms are kept",)
    if ports.link is not None:
        return (f"output {ports.output} holds scores: the logits before its {ports.link} are kept",)
    if ports.output != "logits":
        return (f"output {ports.output} is taken for the logits",)
    return ()
