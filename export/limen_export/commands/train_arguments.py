"""Arguments that say what is trained, shared by `train` and `build`."""

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from limen.commands.labelled_arguments import add_column_arguments, labelled_source
from limen.errors import InputError
from limen.progress import Progress

from limen_export.given_labels import read_label_names
from limen_export.sources.head_wishes import POOLINGS
from limen_export.training.loss_settings import LOSS_KINDS, LossSettings
from limen_export.training.reading import read_examples, read_held_out
from limen_export.training.recipes import RECIPES, Recipe, recipe_named
from limen_export.training.settings import SAMPLERS, TrainSettings
from limen_export.training.splitting import Split, SplitSettings, split

_OF_RECIPES = (
    *("backbone", "pooling", "max_tokens", "batch_size", "epochs", "patience", "learning_rate"),
    *("precision", "strength", "analyzer", "ngrams", "max_features"),
)
"""Options that set a field of the same name, where the recipe has one."""
_ONE_OVER_ALL = ("multiclass", "multilabel")


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "data", metavar="DATA", help="labelled texts: .jsonl, .csv, .tsv or hf:NAME[:SPLIT]"
    )
    parser.add_argument(
        "--recipe", default="tfidf", metavar="NAME", help=f"{', '.join(RECIPES)} (default: tfidf)"
    )
    _add_data(parser.add_argument_group("texts"))
    _add_recipe(parser.add_argument_group("recipe (docs/training.md)"))
    _add_loss(parser.add_argument_group("loss and imbalance"))
    parser.add_argument("--seed", type=int, default=13, help="of everything drawn (default: 13)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace what an earlier training wrote"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def _add_data(group: argparse._ArgumentGroup) -> None:
    add_column_arguments(group)
    group.add_argument("--dev", metavar="DATA", help="texts for thresholds, instead of a share")
    group.add_argument("--test", metavar="DATA", help="texts to judge by, instead of a share")
    group.add_argument("--dev-share", type=float, default=0.1, metavar="X", help="default: 0.1")
    group.add_argument("--test-share", type=float, default=0.1, metavar="X", help="default: 0.1")
    group.add_argument(
        "--near-duplicates-apart",
        action="store_true",
        help="let texts that are nearly equal fall into different parts",
    )
    group.add_argument(
        "--task", choices=("multiclass", "multilabel"), help="what the data show, if left out"
    )
    group.add_argument(
        "--labels-file", type=Path, metavar="FILE", help="names of labels that the data number"
    )
    group.add_argument(
        "--min-examples", type=int, metavar="N", help="leave labels with fewer texts out"
    )


def _add_recipe(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rule",
        choices=(*_ONE_OVER_ALL, "one_vs_rest", "one_vs_one"),
        help="one_vs_rest, one_vs_one: binary classifiers, one a label or one a pair",
    )
    group.add_argument("--backbone", metavar="NAME", help="folder or hub name (embed, finetune)")
    group.add_argument("--pooling", choices=POOLINGS, help="rows of tokens to one")
    group.add_argument("--max-tokens", type=int, metavar="N", help="longest input")
    group.add_argument("--batch-size", type=int, metavar="N")
    group.add_argument("--epochs", type=int, metavar="N", help="at most (finetune)")
    group.add_argument("--patience", type=int, metavar="N", help="epochs without gain (finetune)")
    group.add_argument("--learning-rate", type=float, metavar="X", help="of the backbone")
    group.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), help="while training (finetune)"
    )
    group.add_argument("--strength", type=float, metavar="C", help="inverse of the penalty")
    group.add_argument("--analyzer", choices=("auto", "word", "char_wb"), help="(tfidf)")
    group.add_argument("--ngrams", type=_range, metavar="A-B", help="lengths of n-grams (tfidf)")
    group.add_argument("--max-features", type=int, metavar="N", help="(tfidf)")


def _add_loss(group: argparse._ArgumentGroup) -> None:
    usual = LossSettings()
    group.add_argument("--loss", choices=LOSS_KINDS, default=usual.kind, help="default: plain")
    group.add_argument("--weighted", action="store_true", help="rare labels weigh more")
    group.add_argument(
        "--pos-weight-cap", type=float, default=usual.pos_weight_cap, metavar="X",
        help="largest weight of a yes (default: %(default)g)",
    )  # fmt: skip
    group.add_argument("--gamma", type=float, default=usual.gamma, metavar="X", help="of focal")
    group.add_argument("--beta", type=float, default=usual.beta, metavar="X", help="of balanced")
    group.add_argument("--smoothing", type=float, default=usual.smoothing, metavar="X")
    group.add_argument("--sampler", choices=SAMPLERS, default="none")


def train_settings(arguments: argparse.Namespace) -> TrainSettings:
    """Return the settings that the arguments name.

    Raises:
        InputError: no such recipe, or an option that it does not have.
    """
    loss = LossSettings(
        kind=arguments.loss,
        weighted=arguments.weighted,
        pos_weight_cap=arguments.pos_weight_cap,
        gamma=arguments.gamma,
        beta=arguments.beta,
        smoothing=arguments.smoothing,
    )
    recipe = _recipe(arguments)
    return TrainSettings(arguments.recipe, recipe, loss, arguments.sampler, arguments.seed)


def _recipe(arguments: argparse.Namespace) -> Recipe:
    recipe = recipe_named(arguments.recipe)
    given: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in _OF_RECIPES
        if getattr(arguments, name) is not None
    }
    own = {field.name for field in fields(recipe)}
    foreign = [name for name in given if name not in own]
    if foreign:
        raise InputError(
            f"--{foreign[0].replace('_', '-')} is no option of recipe {arguments.recipe}; leave it "
            "out, or take a recipe that has it (docs/training.md)"
        )
    if arguments.rule is not None:
        parts = None if arguments.rule in _ONE_OVER_ALL else arguments.rule
        if recipe.parts not in (None, parts):
            raise InputError(
                f"--rule {arguments.rule} with recipe {arguments.recipe}, which is {recipe.parts}; "
                "take recipe tfidf with --rule, or leave --rule out"
            )
        given["parts"] = parts
    return replace(recipe, **given)


def split_texts(arguments: argparse.Namespace, told: Progress) -> Split:
    """Read the texts and divide them; what was decided is told at once, and kept as notices.

    Args:
        arguments: parsed.
        told: is told what happens.

    Raises:
        InputError: data that cannot be used.
    """
    task = arguments.task
    if arguments.rule in _ONE_OVER_ALL:
        if task not in (None, arguments.rule):
            raise InputError(f"--task {task} and --rule {arguments.rule}; give one of them")
        task = arguments.rule
    notices: list[str] = []

    def tell(notice: str) -> None:
        notices.append(notice)
        told.step(notice)

    told.step(f"reading {arguments.data}")
    labels = None if arguments.labels_file is None else read_label_names(arguments.labels_file)
    examples = read_examples(
        labelled_source(arguments, arguments.data),
        task,
        labels,
        min_examples=arguments.min_examples,
        tell=tell,
    )
    held_out = [
        None if given is None else read_held_out(labelled_source(arguments, given), examples, tell)
        for given in (arguments.dev, arguments.test)
    ]
    shares = SplitSettings(
        arguments.dev_share,
        arguments.test_share,
        arguments.seed,
        near_duplicates_together=not arguments.near_duplicates_apart,
    )
    parts = split(examples, shares, dev=held_out[0], test=held_out[1])
    return replace(parts, notices=(*notices, *parts.notices))


def _range(word: str) -> tuple[int, int]:
    """Read `2-4`, or `3` alone."""
    first, _, last = word.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r}; expected lengths such as 2-4") from None
