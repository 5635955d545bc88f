"""A recipe carried out: from texts to a folder that `limen export` takes."""

import json
from dataclasses import dataclass
from pathlib import Path

import skops.io
from limen.format import Rule
from limen.progress import Progress

from limen_export.sources.sklearn_pipeline import TRAINED, TRAINED_LABELS
from limen_export.training.backbones import HeadSaid, find_backbone, load_whole
from limen_export.training.embedding import embed, fit_head, save_embedded
from limen_export.training.examples import Examples
from limen_export.training.finetune import FinetuneWork, finetune
from limen_export.training.linear import LinearSettings
from limen_export.training.recipes import EmbedRecipe, FinetuneRecipe, TfidfRecipe, rule_of
from limen_export.training.resampling import resampled
from limen_export.training.settings import TrainSettings
from limen_export.training.tfidf import fit_tfidf
from limen_export.training.trainee import BINARY_POOLING
from limen_export.training.trainer_watch import CurvePoint
from limen_export.training.unfinished import Unfinished
from limen_export.transformers_quiet import quiet_transformers

_STRENGTH_ONE, _STRENGTH_SEVERAL = 10.0, 3.0
"""scikit-learn's C where one label is true of a text, and where several can be (docs/training)."""


@dataclass(frozen=True)
class Fitted:
    """What carrying out a recipe leaves, beside the folder.

    Attributes:
        curve: losses and figures on dev as they developed; empty where nothing was trained step by
            step.
        notices: what the user should know.
    """

    curve: tuple[CurvePoint, ...] = ()
    notices: tuple[str, ...] = ()


def fit(
    settings: TrainSettings, train: Examples, dev: Examples, work: Unfinished, told: Progress
) -> Fitted:
    """Carry out a recipe.

    Args:
        settings: which, and how.
        train: texts to learn from.
        dev: texts that choose the epoch, where there are epochs.
        work: its result is filled; its checkpoints may be those of a run that was interrupted.
        told: is told what happens.

    Raises:
        InputError: the recipe does not fit the data.
        ExportError, MissingExtraError: there is no such backbone, or it cannot be loaded.
        OutputError: no room for checkpoints.
        OSError: the folder cannot be written.
    """
    recipe = settings.recipe
    rule = rule_of(recipe, train.task, len(train.labels))
    if isinstance(recipe, TfidfRecipe):
        return _fit_tfidf(settings, recipe, train, rule, work.result, told)
    with quiet_transformers():
        if isinstance(recipe, EmbedRecipe):
            return _fit_embedded(settings, recipe, train, rule, work.result, told)
        return _finetune(settings, recipe, (train, dev), rule, work, told)


def _linear(
    settings: TrainSettings, recipe: TfidfRecipe | EmbedRecipe, train: Examples, rule: Rule
) -> LinearSettings:
    usual = _STRENGTH_SEVERAL if train.task == "multilabel" else _STRENGTH_ONE
    strength = recipe.strength or usual
    return LinearSettings(rule, strength, settings.loss.weighted, settings.sampler, settings.seed)


def _fit_tfidf(
    settings: TrainSettings,
    recipe: TfidfRecipe,
    train: Examples,
    rule: Rule,
    folder: Path,
    told: Progress,
) -> Fitted:
    told.step(f"fitting {settings.name} on {len(train):,} texts")
    pipeline, notices = fit_tfidf(recipe, train, _linear(settings, recipe, train, rule))
    skops.io.dump(pipeline, folder / TRAINED)
    if train.task == "multilabel":
        names = json.dumps(train.labels, ensure_ascii=False)
        (folder / TRAINED_LABELS).write_text(names + "\n", "utf-8")
    return Fitted(notices=notices)


def _fit_embedded(
    settings: TrainSettings,
    recipe: EmbedRecipe,
    train: Examples,
    rule: Rule,
    folder: Path,
    told: Progress,
) -> Fitted:
    backbone = load_whole(find_backbone(recipe.backbone), recipe.pooling, recipe.max_tokens)
    told.step(f"embedding {len(train):,} texts with {backbone.folder.name}")
    rows = embed(backbone, recipe, train.texts, told)
    told.step(f"fitting a head on {len(train):,} embeddings of {rows.shape[1]} numbers")
    linear = _linear(settings, recipe, train, rule)
    head = fit_head(rows, train, linear, settings.loss, recipe)
    save_embedded(backbone, head, folder)
    return Fitted(notices=head.notices)


def _finetune(
    settings: TrainSettings,
    recipe: FinetuneRecipe,
    parts: tuple[Examples, Examples],
    rule: Rule,
    place: Unfinished,
    told: Progress,
) -> Fitted:
    train, dev = parts
    if settings.sampler != "none":
        train = train.at(resampled(train, settings.sampler, settings.seed))
    work = FinetuneWork(
        folder=find_backbone(recipe.backbone),
        train=train,
        dev=dev,
        said=HeadSaid(train.labels, rule, recipe.pooling or BINARY_POOLING),
        loss=settings.loss,
        seed=settings.seed,
        checkpoints=place.checkpoints,
    )
    told.step(f"fine-tuning {work.folder.name} on {len(train):,} texts")
    return Fitted(curve=finetune(recipe, work, place.result, told))
