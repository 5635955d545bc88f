"""What Trainer trains: a backbone under a new head, its optimizer, and its folder at the end."""

import inspect
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from limen_export.sources.checkpoint_folder import CheckpointFolder
from limen_export.sources.head_wishes import Pooling
from limen_export.sources.pooling import PooledClassifier
from limen_export.sources.torch_classifier import check_vocabulary
from limen_export.training.backbones import (
    HeadSaid,
    load_whole,
    save_with_head,
    trainable_tokenizer,
    trained_tokens,
    with_new_head,
    with_own_head,
)
from limen_export.training.recipes import FinetuneRecipe

BINARY_POOLING: Pooling = "cls"
"""Of binary heads, where the recipe names none."""


class Trainee(nn.Module):
    """A classifier as Trainer wants it: named inputs to named outputs."""

    def __init__(self, classifier: nn.Module) -> None:
        """Keep the classifier, and which inputs it takes."""
        super().__init__()
        self.classifier = classifier
        self.taken = frozenset(inspect.signature(classifier.forward).parameters)

    def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return float32 logits, (texts, outputs)."""
        found = self.classifier(**{key: inputs[key] for key in inputs if key in self.taken})
        return {"logits": found if isinstance(found, torch.Tensor) else found.logits}


@dataclass(frozen=True, eq=False)
class Untrained:
    """A classifier before its training.

    Attributes:
        classifier: a checkpoint of transformers, or a backbone with a head.
        tokenizer: the backbone's own.
        said: labels, rule, and the row that a head reads.
        max_tokens: the longest text in training.
    """

    classifier: nn.Module
    tokenizer: PreTrainedTokenizerFast
    said: HeadSaid
    max_tokens: int


def untrained(recipe: FinetuneRecipe, folder: CheckpointFolder, wanted: HeadSaid) -> Untrained:
    """Load a backbone and put a head on it.

    Args:
        recipe: pooling and longest text.
        folder: the backbone's.
        wanted: labels and rule; its pooling does not count.

    Raises:
        ExportError: it cannot be loaded, or its tokenizer does not fit.
    """
    binary = wanted.rule in ("one_vs_rest", "one_vs_one")
    if recipe.pooling is None and not binary:
        tokenizer = trainable_tokenizer(folder)
        model = with_own_head(folder, wanted)
        check_vocabulary(model, tokenizer, folder.name)
        longest = trained_tokens(model, tokenizer, recipe.max_tokens, folder.name)
        return Untrained(model, tokenizer, wanted, longest)
    said = HeadSaid(wanted.labels, wanted.rule, recipe.pooling or BINARY_POOLING)
    backbone = load_whole(folder, said.pooling, recipe.max_tokens)
    module = with_new_head(backbone, said)
    return Untrained(module, backbone.tokenizer, said, backbone.max_tokens)


def optimizer_of(classifier: nn.Module, recipe: FinetuneRecipe) -> torch.optim.Optimizer:
    """Return AdamW with two rates; Trainer adds the schedule."""
    backbone: list[nn.Parameter] = []
    head: list[nn.Parameter] = []
    prefix = f"{classifier.base_model_prefix}."
    for name, weight in classifier.named_parameters():
        if weight.requires_grad:
            own = name.startswith(prefix) and ".pooler." not in name
            (backbone if own else head).append(weight)
    return torch.optim.AdamW(
        [
            {"params": backbone, "lr": recipe.learning_rate},
            {"params": head, "lr": recipe.head_learning_rate},
        ],
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def freeze_embeddings(classifier: nn.Module) -> None:
    """Leave the embedding tables out of training."""
    for module in classifier.modules():
        if isinstance(module, nn.Embedding):
            module.requires_grad_(False)


def save_trained(classifier: nn.Module, begun: Untrained, output: Path) -> None:
    """Write what `limen export` takes; OSError where it cannot be written."""
    tokenizer = begun.tokenizer
    if isinstance(classifier, PreTrainedModel):
        classifier.save_pretrained(output)
        tokenizer.save_pretrained(output)
        return
    if not isinstance(classifier, PooledClassifier):
        raise TypeError(type(classifier).__name__)
    layer = classifier.layers[-1]
    backbone = classifier.backbone
    if not isinstance(layer, nn.Linear) or not isinstance(backbone, PreTrainedModel):
        raise TypeError(type(layer).__name__)
    save_with_head(backbone, tokenizer, layer, begun.said, output)
