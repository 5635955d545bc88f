"""A body, and what several classifiers do behind it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from limen.errors import ExportError
from torch import nn
from transformers import PreTrainedModel

from limen_export.graph.calling import run_module
from limen_export.sources.head_layers import linear

_MERGED = 1e-3
"""How far stacked heads may be from the parts on random rows before they are left unstacked: far
above rounding, far below another head."""


class Held(nn.Module):
    """Stands where a part had its body, and gives what the shared one gave."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        super().__init__()
        self.output: Any = None

    def forward(self, *_: object, **__: object) -> Any:  # noqa: ANN401  (outputs share no type)
        """Return what the body gave for the text."""
        return self.output


class OnOneBody(nn.Module):
    """A body, and what each part does behind it: ids to one logit a part."""

    def __init__(self, body: nn.Module, tails: Sequence["Tail"]) -> None:
        """Put them together.

        Args:
            body: a transformers model without head.
            tails: the parts in the order of the outputs.
        """
        super().__init__()
        self.body = body
        self.tails = nn.ModuleList(tail.module for tail in tails)
        self._held = [tail.held for tail in tails]
        self.register_buffer("signs", torch.stack([tail.signs for tail in tails]), False)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return logits of yes, float32 (texts, parts)."""
        inputs = {"input_ids": input_ids}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask
        output = self.body(**inputs)
        logits = []
        for place, (tail, held) in enumerate(zip(self.tails, self._held, strict=True)):
            held.output = output
            signs = self.get_buffer("signs")[place]
            given = run_module(tail, inputs)
            logits.append((given * signs[: given.shape[1]]).sum(dim=1, keepdim=True))
            held.output = None
        return torch.cat(logits, dim=1)


class YesOrNo(nn.Module):
    """1 where a logit is above 0, else 0."""

    def __init__(self, whole: nn.Module) -> None:
        """Keep what gives the logits."""
        super().__init__()
        self.whole = whole

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return float32 (texts, parts)."""
        inputs = {"input_ids": input_ids}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask
        return (run_module(self.whole, inputs) > 0).to(torch.float32)


@dataclass(frozen=True, eq=False)
class Tail:
    """A part without its body.

    Attributes:
        module: the part, `held` in place of its body.
        held: gives the shared body's output.
        signs: float32, (2,): what its outputs count for the logit of yes.
    """

    module: nn.Module
    held: Held
    signs: torch.Tensor


def tail_of(module: nn.Module, signs: torch.Tensor) -> Tail:
    """Take the body out of a copy that shares all else with the module."""
    held = Held()
    bare = copy.copy(module)
    bare._modules = {**module._modules, body_name(module): held}
    return Tail(bare, held, signs)


def body_name(module: nn.Module) -> str:
    """Return the attribute under which a module has its transformers model; ExportError where none
    of its direct parts is one.
    """
    named = getattr(module, "base_model_prefix", None)
    if isinstance(named, str) and isinstance(getattr(module, named, None), nn.Module):
        return named
    for name, child in module.named_children():
        if isinstance(child, PreTrainedModel):
            return name
    raise ExportError(
        f"{type(module).__name__} has no transformers model as a direct part; parts are composed "
        "where they share one: expected a backbone with a head"
    )


def stacked_heads(whole: nn.Module, body: nn.Module, tails: Sequence[Tail]) -> nn.Module | None:
    """Return one classifier with the rows of all heads, where the parts are alike but for their
    last layer; None where they are not.
    """
    states = [tail.module.state_dict() for tail in tails]
    if any(state.keys() != states[0].keys() for state in states):
        return None
    unlike = {
        key.rpartition(".")[0]
        for key in states[0]
        if any(not torch.equal(state[key], states[0][key]) for state in states)
    }
    alike = all(_plain(tail.module) == _plain(tails[0].module) for tail in tails)
    if len(unlike) != 1 or not alike:
        return None
    (path,) = unlike
    layers = [tail.module.get_submodule(path) for tail in tails]
    rows = [_row(layer, tail) for layer, tail in zip(layers, tails, strict=True)]
    if any(row is None for row in rows):
        return None
    weights = torch.stack([row[0] for row in rows if row is not None])
    biases = torch.stack([row[1] for row in rows if row is not None])
    stacked = copy.deepcopy(tails[0].module)
    setattr(stacked, body_name(whole), body)
    parent, _, name = path.rpartition(".")
    setattr(stacked.get_submodule(parent), name, linear(weights, biases))
    return stacked.eval() if _agree(stacked, OnOneBody(body, tails).eval()) else None


def _plain(module: nn.Module) -> str:
    """What a module is made of, its weights aside."""
    poolings = getattr(module, "poolings", ())
    return f"{type(module)} {poolings} {module}"


def _row(layer: nn.Module, tail: Tail) -> tuple[torch.Tensor, torch.Tensor] | None:
    if not isinstance(layer, nn.Linear) or layer.out_features > 2:
        return None
    signs = tail.signs[: layer.out_features].double()
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
    weight = layer.weight.detach().double()
    return (signs @ weight).float(), (signs @ bias.double()).float()


def _agree(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules give the same logits; where the layer is not the last, they do not."""
    ids = torch.arange(2, 16).reshape(2, 7)
    try:
        with torch.inference_mode():
            found, expected = (
                run_module(one, {"input_ids": ids}),
                run_module(other, {"input_ids": ids}),
            )
    except Exception:
        return False
    return found.shape == expected.shape and bool((found - expected).abs().max() < _MERGED)
