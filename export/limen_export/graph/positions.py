"""Positions of models that would derive them from the ids: RoBERTa and its kin.

There a padding id does not count. In a classifier file every token counts, one that the text itself
spells included, so those models are given their positions as a plain range.
"""

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import nn

_TABLE = "position_embeddings"


def counting_parts(model: nn.Module) -> Iterator[tuple[nn.Module, nn.Embedding]]:
    """Find the parts that derive positions from ids, and their tables.

    They are known by a position table with a padding row
    (https://github.com/huggingface/transformers/blob/main/src/transformers/models/roberta/modeling_roberta.py)
    in a module that can be told its positions instead.
    """
    for part in model.modules():
        table = getattr(part, _TABLE, None)
        if (
            isinstance(table, nn.Embedding)
            and table.padding_idx is not None
            and "position_ids" in inspect.signature(part.forward).parameters
        ):
            yield part, table


def position_offset(model: nn.Module) -> int:
    """Return the position of the first token: `padding_idx + 1` for RoBERTa and its kin, else 0."""
    return max((int(table.padding_idx or 0) + 1 for _, table in counting_parts(model)), default=0)


def positions(model: nn.Module) -> int | None:
    """Return how many tokens a model has positions for (RoBERTa's offset taken off), or None for no
    limit that its config states.

    Args:
        model: a transformers model, or a module that has one inside.
    """
    stated = [
        count
        for part in model.modules()
        if isinstance(count := _stated(getattr(part, "config", None)), int) and count > 0
    ]
    return min(stated) - position_offset(model) if stated else None


def _stated(config: object) -> object:
    return getattr(config, "max_position_embeddings", None)


@contextmanager
def every_token_counts(model: nn.Module, ranges: nn.Module) -> Iterator[None]:
    """Give the parts that would derive positions from ids a plain range, until the block ends.

    Args:
        model: any module.
        ranges: holds the buffers that `add_ranges` put there: a tracer knows a module's buffers,
            and takes other tensors for constants that it copies.
    """
    with ExitStack() as hooks:
        for part, table in counting_parts(model):
            hooks.enter_context(_told(part, _range_name(table), ranges))
        yield


def add_ranges(model: nn.Module, ranges: nn.Module) -> None:
    """Add the ranges that `every_token_counts` needs, int64 (1, positions), to a module."""
    for _, table in counting_parts(model):
        first = int(table.padding_idx or 0) + 1
        whole = torch.arange(first, table.num_embeddings).unsqueeze(0)
        ranges.register_buffer(_range_name(table), whole, persistent=False)


def _range_name(table: nn.Embedding) -> str:
    return f"positions_{table.padding_idx}_{table.num_embeddings}"


@contextmanager
def _told(part: nn.Module, name: str, ranges: nn.Module) -> Iterator[None]:
    def tell(
        _: nn.Module, given: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        ids = named["input_ids"] if "input_ids" in named else given[0]
        if named.get("position_ids") is None and ids is not None:
            whole = cast("torch.Tensor", getattr(ranges, name))
            named = {**named, "position_ids": whole[:, : ids.shape[1]]}
        return given, named

    handle = part.register_forward_pre_hook(tell, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
