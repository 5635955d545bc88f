"""From a torch classifier to an fp32 ONNX graph without an attention mask."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import onnx
import torch
from limen.errors import ExportError, reason
from torch import nn

from limen_export.graph.calling import requires_mask, run_module
from limen_export.graph.fused_attention import calls_without_mask, fused_attention
from limen_export.graph.positions import add_ranges, every_token_counts

_TRACED_SHAPE = (2, 9)
"""Batch and length of the traced example; neither is 1, which torch.export would take for a
constant."""


class MaskFree(nn.Module):
    """A classifier from ids to logits that sees every token.

    Without a mask the graph has no mask arithmetic at all; it is right only for texts that run
    unpadded. A module that insists on a mask gets one of ones. Positions that a model would derive
    from the ids are given as a plain range (`graph.positions`).
    """

    def __init__(self, model: nn.Module) -> None:
        """Wrap a classifier: one of transformers, or any module whose first argument are ids."""
        super().__init__()
        self.model = model
        self.needs_mask = requires_mask(model)
        add_ranges(model, self)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Map ids, int64 (batch, tokens), to logits, float32 (batch, outputs)."""
        inputs = {"input_ids": input_ids}
        if self.needs_mask:
            inputs["attention_mask"] = torch.ones_like(input_ids)
        with every_token_counts(self.model, self):
            return run_module(self.model, inputs)


def trace(model: nn.Module, longest: int) -> onnx.ModelProto:
    """Trace a classifier with torch.export.

    Args:
        model: a classifier in evaluation mode: one of transformers, or any module from ids to
            logits.
        longest: the most tokens that it takes.

    Returns:
        A graph from `input_ids`, int64 (batch, tokens), to `logits`, float32 (batch, outputs), both
        axes free.

    Raises:
        ExportError: torch.export cannot trace this architecture.
    """
    example = torch.full(_TRACED_SHAPE, 5, dtype=torch.int64)
    wrapped = MaskFree(model).eval()
    try:
        without_mask = calls_without_mask(wrapped, longest)
        with _quiet(), torch.no_grad(), fused_attention(without_mask):
            program = torch.onnx.export(
                wrapped,
                (example,),
                dynamo=True,
                dynamic_shapes={"input_ids": {0: "batch", 1: "tokens"}},
                input_names=["input_ids"],
                output_names=["logits"],
                verbose=False,
            )
    except ExportError:
        raise
    except Exception as error:
        name = type(model).__name__
        raise ExportError(f"{name} cannot be traced by torch.export ({reason(error)})") from error
    graph = cast("onnx.ModelProto", cast("Any", program).model_proto)
    _strip(graph)
    return graph


def _strip(graph: onnx.ModelProto) -> None:
    """Take off what only a debugger reads: source positions (with paths of this machine) and other
    tools' notes. Inferred types stay, for the passes.
    """
    del graph.metadata_props[:]
    del graph.graph.metadata_props[:]
    graph.doc_string = ""
    graph.graph.doc_string = ""
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [
        *graph.graph.input,
        *graph.graph.output,
        *graph.graph.initializer,
        *graph.graph.value_info,
    ]:
        value.doc_string = ""
        del value.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of what is none of the user's business (torchvision is absent, renamed
    symbols).
    """
    logger = logging.getLogger("torch.onnx")
    script_logger = logging.getLogger("onnxscript")
    levels = logger.level, script_logger.level
    logger.setLevel(logging.ERROR)
    script_logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(levels[0])
        script_logger.setLevel(levels[1])
