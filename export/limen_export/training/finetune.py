"""A backbone and its head trained together, by transformers' Trainer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

import numpy as np
import torch
from limen.errors import InputError, LimenError, reason
from limen.processor import read_processor
from limen.progress import Progress
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import (
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from limen_export.sources.checkpoint_folder import CheckpointFolder
from limen_export.training.backbones import HeadSaid
from limen_export.training.checkpoints import check_room, last_whole, not_written
from limen_export.training.dev_figure import DevFigure
from limen_export.training.examples import Examples
from limen_export.training.loss_settings import LossSettings
from limen_export.training.losses import make_loss
from limen_export.training.recipes import FinetuneRecipe
from limen_export.training.trainee import (
    Trainee,
    Untrained,
    freeze_embeddings,
    optimizer_of,
    save_trained,
    untrained,
)
from limen_export.training.trainer_watch import DEV, CurvePoint, Watch, is_exhausted

_LOGGED = 20
"""Points of the training loss in each epoch."""


@dataclass(frozen=True)
class FinetuneWork:
    """What one run of fine-tuning works on.

    Attributes:
        folder: the backbone's.
        train: texts to learn from.
        dev: texts that choose the epoch; None trains all epochs and keeps the last.
        said: labels and rule; its pooling counts where the recipe names one.
        loss: what is minimised.
        seed: of the new head, the order of texts, and dropout.
        checkpoints: folder for checkpoints, in which an earlier run may have left some.
    """

    folder: CheckpointFolder
    train: Examples
    dev: Examples | None
    said: HeadSaid
    loss: LossSettings
    seed: int
    checkpoints: Path


def finetune(
    recipe: FinetuneRecipe, work: FinetuneWork, output: Path, told: Progress
) -> tuple[CurvePoint, ...]:
    """Train, and write what `limen export` takes: a checkpoint of transformers, or with a pooling
    of the recipe's own, or under a rule of binary heads, a backbone with a head.

    A run that was interrupted is gone on with where its checkpoints are found.

    Args:
        recipe: how to train.
        work: on what.
        output: folder for model and tokenizer.
        told: is told how far it has come.

    Returns:
        Losses and figures on dev as they developed.

    Raises:
        ExportError: the backbone cannot be loaded.
        OutputError: too little room for checkpoints, or one could not be written.
    """
    set_seed(work.seed)
    begun = untrained(recipe, work.folder, work.said)
    classifier = begun.classifier
    if recipe.freeze_embeddings:
        freeze_embeddings(classifier)
    watch = Watch(told, work.checkpoints, recipe.patience)
    trainee = Trainee(classifier)
    if work.dev is not None:
        check_room(work.checkpoints, sum(weight.nbytes for weight in classifier.parameters()))
    last = last_whole(work.checkpoints)
    history = None if last is None else _ended(last, recipe, trainee)
    if history is None:
        trainer = _trainer(recipe, work, trainee, begun, watch)
        _train(trainer, last, work.checkpoints)
        history = trainer.state.log_history
    save_trained(classifier.eval().cpu(), begun, output)
    return watch.curve(history)


def _train(trainer: Trainer, last: Path | None, checkpoints: Path) -> None:
    try:
        with catch_warnings():
            # transformers 4 says so of checkpoints that are written within a second.
            filterwarnings("ignore", message="mtime may not be reliable")
            trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except LimenError:
        raise
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"the GPU's memory is too small for this training ({reason(error)}); take fewer texts "
            "in a step (--batch-size) or shorter ones (--max-tokens)"
        ) from error
    except (OSError, SafetensorError) as error:
        raise not_written(checkpoints, reason(error)) from error
    except RuntimeError as error:
        # How torch says that a disk is full.
        if "PytorchStreamWriter" not in str(error):
            raise
        raise not_written(checkpoints, reason(error)) from error


def _ended(last: Path, recipe: FinetuneRecipe, trainee: Trainee) -> list[dict[str, float]] | None:
    """Where an interrupted run had waited long enough for a better epoch, load its best one and
    return what was noted; else None.
    """
    state = TrainerState.load_from_json(str(last / "trainer_state.json"))
    if not is_exhausted(state.log_history, recipe.patience) or not state.best_model_checkpoint:
        return None
    best = last.parent / Path(state.best_model_checkpoint).name
    trainee.load_state_dict(load_file(best / "model.safetensors"))
    return list(state.log_history)


def _trainer(
    recipe: FinetuneRecipe,
    work: FinetuneWork,
    trainee: Trainee,
    begun: Untrained,
    watch: Watch,
) -> Trainer:
    tokenizer, longest = begun.tokenizer, begun.max_tokens
    measured = make_loss(work.loss, work.said.rule, work.train.truth)
    figure = DevFigure(work.said.rule, work.said.labels)

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: object = None) -> Any:  # noqa: ANN401
        return measured.to(labels.device)(outputs["logits"].float(), labels)

    def on_dev(found: Any) -> dict[str, float]:  # noqa: ANN401
        return {DEV: figure.of(found.predictions, found.label_ids > 0.5)}

    trainer = Trainer(
        model=trainee,
        args=_arguments(recipe, work),
        train_dataset=_rows(tokenizer, work.train, longest),
        eval_dataset=None if work.dev is None else _rows(tokenizer, work.dev, longest),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_loss_func=loss,
        compute_metrics=on_dev,
        optimizers=(optimizer_of(trainee.classifier, recipe), None),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(recipe: FinetuneRecipe, work: FinetuneWork) -> TrainingArguments:
    steps = -(-len(work.train) // recipe.batch_size)
    judged = "no" if work.dev is None else "epoch"
    on_gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(work.checkpoints),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=4 * recipe.batch_size,
        warmup_steps=recipe.epochs * steps // 10,
        lr_scheduler_type="linear",
        seed=work.seed,
        eval_strategy=judged,
        save_strategy=judged,
        save_total_limit=2,
        load_best_model_at_end=work.dev is not None,
        metric_for_best_model=DEV,
        greater_is_better=True,
        logging_strategy="steps",
        logging_steps=max(1, steps // _LOGGED),
        label_names=["labels"],
        remove_unused_columns=False,
        report_to=[],
        disable_tqdm=True,
        bf16=_in_bf16(recipe),
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
    )
    # One GPU: several would multiply the texts of a step, for which the rates are not meant.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _in_bf16(recipe: FinetuneRecipe) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Every processor with tiles for 8 bits has them for bf16 too (docs/training.md has the gain).
    return "amx_int8" in read_processor().features


def _rows(tokenizer: PreTrainedTokenizerFast, examples: Examples, max_tokens: int) -> Any:  # noqa: ANN401  (a list serves Trainer as a dataset, which its types do not say)
    encoded = tokenizer(list(examples.texts), truncation=True, max_length=max_tokens)
    wanted = examples.truth.astype(np.float32).tolist()
    return [
        {**{key: values[row] for key, values in encoded.items()}, "labels": labels}
        for row, labels in enumerate(wanted)
    ]
