"""The recipes that `limen train` knows, each with settings that work as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from limen.errors import InputError
from limen.format import Rule

from limen_export.sources.head_wishes import Pooling
from limen_export.training.examples import Task

Parts: TypeAlias = Literal["one_vs_rest", "one_vs_one"]
"""Binary classifiers under a rule: one for each label, or one for each pair of labels."""


def _check_strength(strength: float | None) -> None:
    if strength is not None and not strength > 0:
        raise InputError(f"strength {strength}; expected a number above 0")


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise InputError(f"{name} {count}; expected 1 or more")


@dataclass(frozen=True)
class TfidfRecipe:
    """Counts of words or characters, weighted, and a linear classifier on them (scikit-learn).

    Attributes:
        parts: binary classifiers instead of one over all labels; where a text can have several
            labels there is one for each of them anyway.
        analyzer: `word`, `char_wb` (characters inside words), or `auto`: characters where most
            letters of the texts are Hangul, words elsewhere.
        ngrams: shortest and longest n-gram; None for 1 to 2 words, or 1 to 4 characters.
        max_features: the most frequent n-grams that are kept.
        strength: scikit-learn's `C`, the inverse of the penalty; None for 10, or 3 where a text can
            have several labels (docs/training.md has the figures).
    """

    parts: Parts | None = None
    analyzer: Literal["auto", "word", "char_wb"] = "auto"
    ngrams: tuple[int, int] | None = None
    max_features: int = 50_000
    strength: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no vectoriser can take.

        Raises:
            InputError: n-grams the wrong way round, no features, or no strength.
        """
        if self.ngrams is not None and not 1 <= self.ngrams[0] <= self.ngrams[1]:
            raise InputError(
                f"n-grams of {self.ngrams}; expected two numbers, 1 or more, ascending"
            )
        if self.max_features < 1:
            raise InputError(f"{self.max_features} features at most; expected 1 or more")
        _check_strength(self.strength)


@dataclass(frozen=True)
class EmbedRecipe:
    """A backbone as it is, and a linear head on its rows, which are computed once.

    Attributes:
        backbone: folder or hub name; None takes all-MiniLM-L6-v2 where its package is installed.
        parts: binary classifiers instead of one over all labels.
        pooling: how the rows of a text's tokens become one, `cls`, `mean` or `max`; the row is then
            scaled to length 1.
        max_tokens: longer texts are truncated.
        strength: scikit-learn's `C`, the inverse of the penalty; None for 10, or 3 where a text can
            have several labels.
        batch_size: texts in one run of the backbone.
    """

    backbone: str | None = None
    parts: Parts | None = None
    pooling: Pooling = "mean"
    max_tokens: int = 128
    strength: float | None = None
    batch_size: int = 32

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            InputError: no tokens, no texts in a batch, no strength, or a pooling that only some
                architectures have.
        """
        if self.pooling == "pooler":
            raise InputError("pooling pooler of embeddings; expected cls, mean or max")
        _check_counts(max_tokens=self.max_tokens, batch_size=self.batch_size)
        _check_strength(self.strength)


@dataclass(frozen=True)
class FinetuneRecipe:
    """A backbone and its head trained together, by transformers' Trainer.

    Attributes:
        backbone: folder or hub name; None takes all-MiniLM-L6-v2 where its package is installed.
        parts: binary heads under a rule instead of one over all labels.
        pooling: a linear layer on this row; None for the head that the backbone's own architecture
            has for classification, which any program on transformers can load.
        epochs: passes over the texts, at most.
        patience: epochs without a better figure on dev after which training ends.
        batch_size: texts in one step.
        learning_rate: peak of AdamW's rate for the backbone; rates rise over the first tenth of the
            steps and then fall to zero in a straight line.
        head_learning_rate: the same for the head and the pooler, which start untrained.
        freeze_embeddings: leave the embedding tables as they are.
        weight_decay: AdamW's.
        max_tokens: longer texts are truncated while training.
        precision: `bf16` computes products in 16 bits while training, weights stay in 32; `auto`
            does so where the device multiplies them faster.
        exactly_labels: the number of labels that the recipe is for; None for any.
    """

    backbone: str | None = None
    parts: Parts | None = None
    pooling: Pooling | None = None
    epochs: int = 4
    patience: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    freeze_embeddings: bool = True
    weight_decay: float = 0.01
    max_tokens: int = 128
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    exactly_labels: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            InputError: a count below 1, or a rate that is not above 0.
        """
        _check_counts(
            epochs=self.epochs,
            patience=self.patience,
            batch_size=self.batch_size,
            max_tokens=self.max_tokens,
        )
        for name in ("learning_rate", "head_learning_rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} {getattr(self, name)}; expected a number above 0")


Recipe: TypeAlias = TfidfRecipe | EmbedRecipe | FinetuneRecipe

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "tfidf": TfidfRecipe(),
        "tfidf-ovr": TfidfRecipe(parts="one_vs_rest"),
        "tfidf-ovo": TfidfRecipe(parts="one_vs_one"),
        "embed": EmbedRecipe(),
        "finetune": FinetuneRecipe(),
        "emotion8": FinetuneRecipe(pooling="cls", exactly_labels=8),
    }
)
"""By the name that `--recipe` takes."""


def recipe_named(name: str) -> Recipe:
    """Return a recipe with its usual settings.

    Raises:
        InputError: no recipe of that name.
    """
    if name not in RECIPES:
        raise InputError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]


def rule_of(recipe: Recipe, task: Task, labels: int) -> Rule:
    """Return the rule under which a recipe decides about such data.

    Raises:
        InputError: pairs of labels where a text can have several, fewer than two labels of which
            one is true, or another number of labels than the recipe is for.
    """
    if isinstance(recipe, FinetuneRecipe) and recipe.exactly_labels not in (None, labels):
        raise InputError(
            f"{labels} labels in the data, and the recipe is for {recipe.exactly_labels}; take "
            "finetune for any number"
        )
    if task == "multilabel":
        if recipe.parts == "one_vs_one":
            raise InputError(
                "one classifier for each pair of labels decides which of two is true, and here a "
                "text can have both; take one_vs_rest (recipe tfidf-ovr)"
            )
        return "multilabel"
    if labels < 2:
        raise InputError("all texts have the same label: there is nothing to learn")
    return recipe.parts or "multiclass"
