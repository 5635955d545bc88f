"""A transformers checkpoint for sequence classification: a folder or a hub name."""

from typing import Any

import torch
from limen.errors import ExportError, InputError, reason
from limen.format import Rule, Windows
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from limen_export.graph.positions import positions
from limen_export.reference import Reference
from limen_export.sources.checkpoint_folder import CheckpointFolder, find_checkpoint
from limen_export.sources.head import Head, read_head
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.tokens import longest_input, read_tokenizer
from limen_export.sources.torch_classifier import TorchClassifier, check_vocabulary, reference_of


def recognise(source: str) -> str:
    """Take whatever no other kind recognised: a folder or a hub name, checked when it is read."""
    return f"transformers checkpoint {source}"


def read(source: str, wishes: SourceWishes) -> Reference:
    """Load a checkpoint and trace its graph; errors as in `read_checkpoint`."""
    if wishes.head.file is not None or wishes.head.backbone is not None:
        raise InputError(
            f"{source} is a checkpoint, and --head or --backbone are of a head of its own; for "
            "weights of a head: limen export WEIGHTS --backbone FOLDER --pooling cls"
        )
    if wishes.labels is not None:
        return reference_of(load(source, wishes), wishes.windows)
    return read_checkpoint(source, wishes.rule, wishes.max_tokens, wishes.windows)


def read_checkpoint(
    checkpoint: str, rule: Rule | None, max_tokens: int | None, windows: Windows | None = None
) -> Reference:
    """Load a checkpoint and trace its graph.

    Args:
        checkpoint: a folder that `save_pretrained` wrote, or a hub name.
        rule: overrides `problem_type`.
        max_tokens: overrides the longest input.
        windows: how longer texts are read; None truncates them.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    return reference_of(load(checkpoint, SourceWishes(rule, max_tokens)), windows)


def load(checkpoint: str, wishes: SourceWishes) -> TorchClassifier:
    """Load a checkpoint.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    folder = find_checkpoint(checkpoint)
    config = _config(folder)
    if wishes.labels is not None:
        config.id2label = dict(enumerate(wishes.labels))
    tokenizer = read_tokenizer(folder.path, folder.name)
    head = read_head(config, folder.path, folder.name, wishes.rule)
    model = _model(folder, config, head)
    check_vocabulary(model, tokenizer, folder.name)
    return TorchClassifier(
        name=folder.name,
        licence=folder.licence,
        module=model,
        tokenizer=tokenizer,
        head=head,
        max_tokens=longest_input(tokenizer, positions(model), wishes.max_tokens, folder.name),
    )


def _config(folder: CheckpointFolder) -> PretrainedConfig:
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            str(folder.path), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ExportError(
            f"{folder.name}: its config.json is not understood ({reason(error)})"
        ) from error
    if type(config) not in AutoModelForSequenceClassification._model_mapping:
        raise ExportError(
            f"{folder.name}: transformers has no text classifier of type {config.model_type!r}"
        )
    return config


def _model(folder: CheckpointFolder, config: PretrainedConfig, head: Head) -> PreTrainedModel:
    if config.num_labels != head.outputs:
        config.num_labels = head.outputs
    info: dict[str, Any]
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            str(folder.path),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        raise ExportError(
            f"{folder.name}: its weights cannot be loaded ({reason(error)})"
        ) from error
    missing = sorted(info["missing_keys"])
    if missing:
        raise ExportError(
            f"{folder.name}: {len(missing)} weights are not in its safetensors file "
            f"({', '.join(missing[:3])}): "
            "a backbone without a trained classification head; train it first"
        )
    if info["mismatched_keys"]:
        raise ExportError(
            f"{folder.name}: weights do not fit config.json ({info['mismatched_keys'][0]})"
        )
    evaluated: PreTrainedModel = model.eval()
    return evaluated
