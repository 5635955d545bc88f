"""Parts put together: those on one backbone share its pass, and have a head for each label or pair;
pipelines of scikit-learn are read by `sklearn_composed`.
"""

from dataclasses import replace

import torch
from limen.errors import ExportError, InputError, LimenError
from limen.format import Link
from torch import nn

from limen_export.reference import Reference
from limen_export.sources import given_module, sklearn_composed, sklearn_pipeline
from limen_export.sources.composing import REST, Composition, Part
from limen_export.sources.head import Head
from limen_export.sources.one_body import (
    OnOneBody,
    YesOrNo,
    body_name,
    stacked_heads,
    tail_of,
)
from limen_export.sources.pooling import PooledClassifier
from limen_export.sources.recognising import SourceWishes, recognise
from limen_export.sources.torch_classifier import TorchClassifier, reference_of


def reference(composition: Composition, wishes: SourceWishes) -> Reference:
    """Load the parts and make one graph.

    Raises:
        InputError: some parts are pipelines of scikit-learn, and others are not.
        ExportError: as in `load`, or in `sklearn_composed.reference`.
    """
    pipelines = [sklearn_pipeline.recognise(part.source) is not None for part in composition.parts]
    if all(pipelines):
        return sklearn_composed.reference(composition, wishes)
    if any(pipelines):
        one, other = (composition.parts[pipelines.index(kind)].name for kind in (True, False))
        raise InputError(
            f"part {one} is of scikit-learn, and part {other} is not; expected parts on one "
            "backbone, or pipelines of scikit-learn alone"
        )
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
        tails.append(tail_of(loaded.module, signs))
        traced.append(tail_of(loaded.traced or loaded.module, signs))
        longest.append(loaded.max_tokens)
        names.append(loaded.name)
    if first is None:
        raise InputError("no parts to compose")
    body = getattr(first.module, body_name(first.module))
    whole: nn.Module = OnOneBody(body, tails)
    stacked = stacked_heads(first.module, body, traced) or OnOneBody(body, traced)
    if composition.only_labels:
        whole, stacked = YesOrNo(whole), YesOrNo(stacked)
    link: Link = "labels" if composition.only_labels else "sigmoid"
    told = (f"{len(tails)} parts on one body, which runs once a text",)
    return TorchClassifier(
        name=composition.name_of(names),
        licence=first.licence,
        module=whole.eval(),
        tokenizer=first.tokenizer,
        head=Head(len(tails), composition.labels, composition.rule, link, told),
        max_tokens=min(longest),
        traced=stacked.eval(),
    )


def _loaded(part: Part, composition: Composition, wishes: SourceWishes) -> TorchClassifier:
    own = replace(wishes, rule=None, labels=None, else_labels=(REST, part.yes))
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


def _signs(head: Head, part: Part, labels: tuple[str, ...]) -> torch.Tensor:
    """What the outputs of a part count for the logit of yes, of a pair for its later label."""
    if head.outputs > 2:
        raise ExportError(
            f"part {part.name}: {head.outputs} outputs; expected a classifier that says yes or no, "
            "of one or two"
        )
    place = part.place_of_yes(head.labels)
    if head.outputs == 1:
        row = [1.0 if place == len(head.labels) - 1 else -1.0, 0.0]
    elif head.rule == "multilabel":
        row = [float(place == 0), float(place == 1)]
    else:
        row = [1.0, -1.0] if place == 0 else [-1.0, 1.0]
    return torch.tensor(row) * (-1.0 if part.is_turned(labels) else 1.0)


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
    body: nn.Module = getattr(module, body_name(module))
    unread = isinstance(module, PooledClassifier) and "pooler" not in module.poolings
    return {
        key: tensor
        for key, tensor in body.state_dict().items()
        if not (unread and key.startswith("pooler."))
    }
