"""Parts on one backbone: one pass of the body, and a head for each label or pair."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from limen.errors import ExportError, InputError, LimenError
from torch import nn
from transformers import PreTrainedModel

from limen_export.graph.calling import run_module
from limen_export.reference import Reference
from limen_export.sources import given_module
from limen_export.sources.composing import Composition, Part
from limen_export.sources.head import Head
from limen_export.sources.head_layers import linear
from limen_export.sources.pooling import PooledClassifier
from limen_export.sources.recognising import SourceWishes, recognise
from limen_export.sources.torch_classifier import TorchClassifier, reference_of

_SHOWN = 8
_REST = "rest"
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


def reference(composition: Composition, wishes: SourceWishes) -> Reference:
    """Load the parts and trace one graph; errors as in `load`."""
    return reference_of(load(composition, wishes), wishes.windows)


def load(composition: Composition, wishes: SourceWishes) -> TorchClassifier:
    """Load the parts one after the other; of each but the first the head alone is kept.

    Raises:
        ExportError: a part cannot be loaded, has more than two outputs, or another body or
            tokenizer than the first.
        InputError: a part is a module and there is no tokenizer, or of a kind without a body.
    """
    first: TorchClassifier | None = None
    tails, traced, longest, names = [], [], [], []
    for part in composition.parts:
        loaded = _loaded(part, composition, wishes)
        first = loaded if first is None else first
        _check_alike(first, loaded, (composition.parts[0].name, part.name))
        signs = _signs(loaded.head, part, composition.labels)
        tails.append(_tail(loaded.module, signs))
        traced.append(_tail(loaded.traced or loaded.module, signs))
        longest.append(loaded.max_tokens)
        names.append(loaded.name)
    if first is None:
        raise InputError("no parts to compose")
    body = getattr(first.module, _body_name(first.module))
    unlike = [*dict.fromkeys(names)]
    shown = ", ".join(unlike[:_SHOWN]) + (", ..." if len(unlike) > _SHOWN else "")
    told = (f"{len(tails)} parts on one body, which runs once a text",)
    return TorchClassifier(
        name=f"composed of {shown}",
        licence=first.licence,
        module=OnOneBody(body, tails).eval(),
        tokenizer=first.tokenizer,
        head=Head(len(tails), composition.labels, composition.rule, "sigmoid", told),
        max_tokens=min(longest),
        traced=_stacked(first.module, body, traced) or OnOneBody(body, traced).eval(),
    )


def _loaded(part: Part, composition: Composition, wishes: SourceWishes) -> TorchClassifier:
    own = replace(wishes, rule=None, labels=None, else_labels=(_REST, part.named[-1]))
    try:
        if isinstance(part.source, nn.Module):
            return _of_module(part.source, composition, own)
        found = recognise(part.source)
        loader = getattr(found.reader, "load", None)
        if loader is None:
            raise InputError(f"a source of kind {found.kind} cannot be a part on a backbone")
        classifier: TorchClassifier = loader(part.source, own)
        return classifier
    except LimenError as error:
        raise type(error)(f"part {part.name}: {error}") from error


def _of_module(
    module: nn.Module, composition: Composition, wishes: SourceWishes
) -> TorchClassifier:
    if composition.tokenizer is None:
        raise InputError("a module needs a tokenizer; pass compose(..., tokenizer=...)")
    labels = wishes.else_labels or ()
    return given_module.load(
        given_module.GivenModule(module, composition.tokenizer, labels), wishes
    )


def _tail(module: nn.Module, signs: torch.Tensor) -> Tail:
    """Take the body out of a copy that shares all else with the module."""
    held = Held()
    bare = copy.copy(module)
    bare._modules = {**module._modules, _body_name(module): held}
    return Tail(bare, held, signs)


def _signs(head: Head, part: Part, labels: tuple[str, ...]) -> torch.Tensor:
    """What the outputs of a part count for the logit of yes, of a pair for its later label."""
    if head.outputs > 2:
        raise ExportError(
            f"part {part.name}: {head.outputs} outputs; expected a classifier that says yes or no, "
            "of one or two"
        )
    yes, no = part.named[-1], part.named[0] if len(part.named) == 2 else _REST
    place = _place(head.labels, yes, no)
    if head.outputs == 1:
        row = [1.0 if place == len(head.labels) - 1 else -1.0, 0.0]
    elif head.rule == "multilabel":
        row = [float(place == 0), float(place == 1)]
    else:
        row = [1.0, -1.0] if place == 0 else [-1.0, 1.0]
    turned = len(part.named) == 2 and labels.index(yes) < labels.index(no)
    return torch.tensor(row) * (-1.0 if turned else 1.0)


def _place(labels: tuple[str, ...], yes: str, no: str) -> int:
    """Which of a part's labels its yes is; the last one where their names do not say it."""
    if yes in labels:
        return labels.index(yes)
    if no in labels and len(labels) == 2:
        return 1 - labels.index(no)
    return len(labels) - 1


def _body_name(module: nn.Module) -> str:
    """Return the attribute under which a module has its transformers model."""
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


def _check_alike(first: TorchClassifier, other: TorchClassifier, names: tuple[str, str]) -> None:
    if first is other:
        return
    said = f"parts {names[0]} and {names[1]}"
    if first.tokenizer.backend_tokenizer.to_str() != other.tokenizer.backend_tokenizer.to_str():
        raise ExportError(f"{said} have unlike tokenizers; expected one for all parts")
    one, two = _body_weights(first.module), _body_weights(other.module)
    unlike = [key for key in one if key not in two or not torch.equal(one[key], two[key])]
    unlike += [key for key in two if key not in one]
    if unlike:
        raise ExportError(
            f"{said} have unlike bodies ({len(unlike)} of {len(one)} weights, such as "
            f"{unlike[0]}), which would run one after the other; train the heads on one frozen "
            "backbone, or export each part alone"
        )


def _body_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    """The weights that a part reads; a pooler that it does not read may hold anything."""
    body: nn.Module = getattr(module, _body_name(module))
    unread = isinstance(module, PooledClassifier) and "pooler" not in module.poolings
    return {
        key: tensor
        for key, tensor in body.state_dict().items()
        if not (unread and key.startswith("pooler."))
    }


def _stacked(whole: nn.Module, body: nn.Module, tails: Sequence[Tail]) -> nn.Module | None:
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
    setattr(stacked, _body_name(whole), body)
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
