"""Fine-tuning a backbone with a new multi-label head, by transformers' Trainer."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from limen.errors import ExportError, InputError, reason
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)

from limen_export.settings import LabelledTexts
from limen_export.sources.checkpoint_folder import CheckpointFolder, find_checkpoint
from limen_export.sources.tokens import read_tokenizer
from limen_export.transformers_quiet import quiet_transformers


@dataclass(frozen=True)
class FinetuneSettings:
    """Settings of a fine-tuning run.

    Attributes:
        epochs: passes over the texts.
        batch_size: texts in one step.
        learning_rate: peak of AdamW's rate for the backbone; rates rise over the first tenth of
            the steps and then fall to zero in a straight line.
        head_learning_rate: the same for the head and the pooler, which start untrained.
        freeze_embeddings: leave the embedding tables as they are: half of a small model's weights,
            of which a few hundred texts touch a few rows.
        weight_decay: AdamW's.
        max_tokens: longer texts are truncated while training.
        seed: of the new head, the order of texts, and dropout.
    """

    epochs: int = 8
    batch_size: int = 16
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    freeze_embeddings: bool = True
    weight_decay: float = 0.01
    max_tokens: int = 128
    seed: int = 13


def finetune_multilabel(
    backbone: str,
    labels: tuple[str, ...],
    labelled: LabelledTexts,
    output: Path,
    settings: FinetuneSettings,
) -> None:
    """Train a head and its backbone together with binary cross-entropy, and save them.

    Args:
        backbone: a folder or hub name that AutoModelForSequenceClassification loads; a head that it
            may have is replaced.
        labels: the labels, in the order of the outputs.
        labelled: the training texts.
        output: folder for model and tokenizer, as `save_pretrained` writes them.
        settings: how to train.

    Raises:
        ExportError: the backbone cannot be found or loaded.
        InputError: a text has a label that is not among `labels`.
    """
    set_seed(settings.seed)
    with quiet_transformers():
        folder = find_checkpoint(backbone)
        tokenizer = read_tokenizer(folder.path, folder.name)
        model = _with_new_head(folder, labels)
        trainer = Trainer(
            model=model,
            args=_arguments(output, len(labelled.texts), settings),
            train_dataset=_examples(tokenizer, labels, labelled, settings.max_tokens),
            data_collator=DataCollatorWithPadding(tokenizer),
            optimizers=(_optimizer(model, settings), None),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        model.save_pretrained(output)
        tokenizer.save_pretrained(output)


def _with_new_head(folder: CheckpointFolder, labels: tuple[str, ...]) -> PreTrainedModel:
    try:
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            str(folder.path),
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            problem_type="multi_label_classification",
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
        )
    except Exception as error:
        raise ExportError(f"{folder.name}: cannot be loaded ({reason(error)})") from error
    return model


def _optimizer(model: PreTrainedModel, settings: FinetuneSettings) -> torch.optim.Optimizer:
    """AdamW with two rates; Trainer adds the schedule."""
    backbone, head = [], []
    prefix = f"{model.base_model_prefix}."
    frozen = {id(weight) for weight in _embeddings(model)} if settings.freeze_embeddings else set()
    for name, weight in model.named_parameters():
        if id(weight) in frozen:
            weight.requires_grad_(False)
        elif name.startswith(prefix) and ".pooler." not in name:
            backbone.append(weight)
        else:
            head.append(weight)
    return torch.optim.AdamW(
        [
            {"params": backbone, "lr": settings.learning_rate},
            {"params": head, "lr": settings.head_learning_rate},
        ],
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _embeddings(model: PreTrainedModel) -> Iterator[torch.nn.Parameter]:
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            yield from module.parameters()


def _examples(
    tokenizer: Any,  # noqa: ANN401  (transformers' tokenizers share no usable type)
    labels: tuple[str, ...],
    labelled: LabelledTexts,
    max_tokens: int,
) -> Any:  # noqa: ANN401  (a list serves Trainer as a dataset, which its types do not say)
    encoded = tokenizer(list(labelled.texts), truncation=True, max_length=max_tokens)
    examples = []
    for row, names in enumerate(labelled.labels):
        unknown = [name for name in names if name not in labels]
        if unknown:
            raise InputError(f"{labelled.name}: text {row} has the unknown label {unknown[0]!r}")
        example = {key: values[row] for key, values in encoded.items()}
        example["labels"] = [float(label in names) for label in labels]
        examples.append(example)
    return examples


def _arguments(output: Path, texts: int, settings: FinetuneSettings) -> TrainingArguments:
    steps = settings.epochs * -(-texts // settings.batch_size)
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        warmup_steps=steps // 10,
        lr_scheduler_type="linear",
        seed=settings.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )
