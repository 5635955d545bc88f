"""From a torch classifier to an fp32 ONNX graph without an attention mask."""

import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import onnx
import torch
from limen.errors import ExportError, reason
from torch import nn

from limen_export.graph.fused_attention import calls_without_mask, fused_attention

_TRACED_SHAPE = (2, 9)
"""Batch and length of the traced example; neither is 1, which torch.export would take for a
constant."""


class MaskFree(nn.Module):
    """A classifier from ids to logits that sees every token.

    Without a mask the graph has no mask arithmetic at all; it is right only for texts that run
    unpadded. Positions that a model would derive from the ids (RoBERTa: padding ids do not count)
    are given as a plain range, so that every token counts, one that the text itself spells
    included.
    """

    def __init__(self, model: nn.Module) -> None:
        """Wrap a transformers classifier."""
        super().__init__()
        self.model = model
        self.offset = position_offset(model)
        count = getattr(getattr(model, "config", None), "max_position_embeddings", self.offset)
        positions = torch.arange(self.offset, max(int(count), self.offset)).unsqueeze(0)
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Map ids, int64 (batch, tokens), to logits, float32 (batch, outputs)."""
        extra: dict[str, torch.Tensor] = {}
        if self.offset:
            positions = cast("torch.Tensor", self.positions)
            extra["position_ids"] = positions[:, : input_ids.shape[1]]
        return cast("torch.Tensor", self.model(input_ids=input_ids, **extra).logits)


def position_offset(model: nn.Module) -> int:
    """Return the position of the first token: `padding_idx + 1` for RoBERTa and its kin, else 0.

    They are known by a position table with a padding row
    (https://github.com/huggingface/transformers/blob/main/src/transformers/models/roberta/modeling_roberta.py).
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return 0
    for name, module in model.named_modules():
        if (
            name.endswith("position_embeddings")
            and getattr(module, "padding_idx", None) is not None
        ):
            return int(cast("int", module.padding_idx)) + 1
    return 0


def trace(model: nn.Module, longest: int) -> onnx.ModelProto:
    """Trace a classifier with torch.export.

    Args:
        model: a transformers classifier in evaluation mode.
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
