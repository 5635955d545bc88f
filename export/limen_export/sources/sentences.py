"""Sentence embeddings with a head: a folder of sentence-transformers with a head of scikit-learn or
torch, or a SetFit folder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from limen.errors import ExportError
from torch import nn

from limen_export.given_labels import label_names
from limen_export.graph.positions import positions
from limen_export.reference import Reference
from limen_export.sources.backbone import load_backbone, read_config
from limen_export.sources.checkpoint_folder import check_tokenizer, find_folder
from limen_export.sources.fitted_head import fitted_head
from limen_export.sources.head import Head, decided_head
from limen_export.sources.head_facts import (
    head_facts,
    json_map,
    required_labels,
    required_pooling,
)
from limen_export.sources.head_layers import head_layers, linear
from limen_export.sources.pooling import Normalised, PooledClassifier, TracedNormalised
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.sentence_folder import MODULES_FILE, read_sentence_folder
from limen_export.sources.tokens import longest_input, read_tokenizer
from limen_export.sources.torch_classifier import TorchClassifier, check_vocabulary, reference_of
from limen_export.sources.torch_head import outputs_of, width_of
from limen_export.sources.trusted_files import ESTIMATOR_SUFFIXES, read_estimator
from limen_export.sources.weights_file import WEIGHT_SUFFIXES, read_weights

SETFIT_FILE = "config_setfit.json"
_HEADS = ("model_head", "head")


@dataclass(frozen=True, eq=False)
class _OwnHead:
    """A head as its library runs it, as it is traced, and what it means."""

    own: nn.Module
    traced: nn.Module
    head: Head
    thresholds: tuple[float, ...] | None = None
    notices: tuple[str, ...] = ()


class SetFitLogits(nn.Module):
    """The logits of SetFit's own torch head, which gives (logits, probabilities)."""

    def __init__(self, head: Any) -> None:  # noqa: ANN401  (setfit may not be installed)
        """Keep a trained SetFitHead."""
        super().__init__()
        self.head = head

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Map float32 (texts, width) to logits, float32 (texts, outputs)."""
        logits: torch.Tensor = self.head(rows)[0]
        return logits


def recognise(source: str) -> str | None:
    """Recognise a folder by its modules.json."""
    path = Path(source).expanduser()
    if not (path / MODULES_FILE).is_file():
        return None
    if (path / SETFIT_FILE).is_file() or (path / "model_head.pkl").is_file():
        return f"SetFit folder {path.name}"
    return f"sentence embeddings and head, {path.name}"


def read(source: str, wishes: SourceWishes) -> Reference:
    """Load body and head, and trace their graph.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    return reference_of(load(source, wishes), wishes.windows)


def load(source: str, wishes: SourceWishes) -> TorchClassifier:
    """Load body and head: as their own libraries run them, and in the form that is traced.

    Args:
        source: folder or hub name.
        wishes: the head's file, labels and rule, where the folder does not say them.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    folder = find_folder(source)
    name = folder.name
    found = read_sentence_folder(folder)
    poolings = found.poolings or (required_pooling(wishes.head.pooling, name),)
    config = read_config(found.backbone)
    check_tokenizer(found.backbone.path, name)
    tokenizer = read_tokenizer(found.backbone.path, name)
    setfit = json_map(folder.path / SETFIT_FILE)
    layers = [*found.layers, *([Normalised()] if setfit.get("normalize_embeddings") else [])]
    width = _width(layers, len(poolings) * width_of(config, name), name)
    head = _head(_head_file(folder.path, name, wishes), width, setfit, wishes, name)
    model = load_backbone(found.backbone, config, {}, poolings)
    check_vocabulary(model, tokenizer, name)
    longest = longest_input(tokenizer, positions(model), wishes.max_tokens, name)
    if wishes.max_tokens is None and found.max_tokens is not None:
        longest = min(longest, found.max_tokens)

    as_traced = [TracedNormalised() if isinstance(one, Normalised) else one for one in layers]
    layers_traced = nn.Sequential(*as_traced, head.traced)
    return TorchClassifier(
        name=name,
        licence=folder.licence,
        module=PooledClassifier(model, poolings, nn.Sequential(*layers, head.own)).eval(),
        tokenizer=tokenizer,
        head=head.head,
        max_tokens=longest,
        thresholds=head.thresholds,
        notices=head.notices,
        traced=PooledClassifier(model, poolings, layers_traced).eval(),
    )


def _width(layers: list[nn.Module], width: int, name: str) -> int:
    for layer in layers:
        if isinstance(layer, nn.Linear):
            if layer.in_features != width:
                raise ExportError(
                    f"{name}: a Dense module takes {layer.in_features:,} numbers a text and gets "
                    f"{width:,}; expected what the module before it gives"
                )
            width = layer.out_features
    return width


def _head_file(folder: Path, name: str, wishes: SourceWishes) -> Path:
    if wishes.head.file is not None:
        return wishes.head.file
    suffixes = (*ESTIMATOR_SUFFIXES, *WEIGHT_SUFFIXES)
    names = (folder / f"{stem}{suffix}" for suffix in suffixes for stem in _HEADS)
    file = next((each for each in names if each.is_file()), None)
    if file is None:
        raise ExportError(
            f"{name}: sentence embeddings without a head; pass --head FILE, a head of scikit-learn "
            "(.skops, .pkl with --trust) or weights (.safetensors, .pt)"
        )
    return file


def _head(
    file: Path, width: int, setfit: dict[str, object], wishes: SourceWishes, name: str
) -> _OwnHead:
    labels = wishes.labels or label_names(setfit.get("labels"))
    if file.suffix.lower() in WEIGHT_SUFFIXES:
        return _of_weights(file, width, labels, wishes, name)
    if file.suffix.lower() not in ESTIMATOR_SUFFIXES:
        raise ExportError(
            f"{file.name}: expected a head ending in "
            f"{', '.join((*ESTIMATOR_SUFFIXES, *WEIGHT_SUFFIXES))}"
        )
    stored = read_estimator(file, trust=wishes.trust)
    if isinstance(stored.estimator, nn.Module):
        own = _of_setfit(
            stored.estimator,
            width,
            required_labels(labels or wishes.else_labels, name),
            wishes,
            name,
        )
        return _OwnHead(own.own, own.traced, own.head, notices=stored.notices)
    fitted = fitted_head(stored.estimator, labels, width, name)
    if wishes.rule not in (None, fitted.head.rule):
        raise ExportError(
            f"{name}: the head was fitted as {fitted.head.rule}; leave --rule {wishes.rule} out"
        )
    return _OwnHead(fitted.own, fitted.layer, fitted.head, notices=stored.notices)


def _of_weights(
    file: Path, width: int, labels: tuple[str, ...] | None, wishes: SourceWishes, name: str
) -> _OwnHead:
    stored = read_weights(file)
    facts = head_facts(stored.facts, file, wishes)
    layers = head_layers(stored.tensors, width, facts.activation, name)
    names = required_labels(labels or facts.labels or wishes.else_labels, name)
    head = decided_head(names, outputs_of(layers), facts.rule, None, name)
    return _OwnHead(layers, layers, head, facts.thresholds)


def _of_setfit(
    module: Any,  # noqa: ANN401  (setfit may not be installed)
    width: int,
    labels: tuple[str, ...],
    wishes: SourceWishes,
    name: str,
) -> _OwnHead:
    if type(module).__name__ != "SetFitHead":
        raise ExportError(
            f"{name}: a head of {type(module).__name__} is not supported; save its state_dict()"
        )
    if module.linear.in_features != width:
        raise ExportError(
            f"{name}: the head takes {module.linear.in_features:,} numbers a text, the embeddings "
            f"have {width:,}: they belong to different models"
        )
    divisor = float(module.temperature) + float(module.eps)
    bias = module.linear.bias
    layer = linear(
        module.linear.weight.detach() / divisor, None if bias is None else bias.detach() / divisor
    )
    rule = wishes.rule or ("multilabel" if module.multitarget else "multiclass")
    head = decided_head(labels, layer.out_features, rule, None, name)
    return _OwnHead(SetFitLogits(module.float().eval()), layer, head)
