"""What the caller of a training may choose."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from limen.errors import InputError
from limen.evaluation.intervals import USUAL, BootstrapSettings

from limen_export.training.loss_settings import LossSettings
from limen_export.training.recipes import FinetuneRecipe, Recipe, TfidfRecipe, recipe_named

Sampler: TypeAlias = Literal["none", "over", "under", "smote", "cooccurrence"]
PLAIN = LossSettings()
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one training.

    Attributes:
        name: what reports call the recipe.
        recipe: what is trained, and how.
        loss: what is minimised. `tfidf` takes `weighted` alone, without a cap.
        sampler: texts, or rows of features, that are repeated, left out or made up.
        seed: of everything that is drawn, in [0, 2^32).
        bootstrap: how the intervals of the report are drawn.

    Raises:
        InputError: a loss or sampler that the recipe does not have, or another seed.
    """

    name: str = "tfidf"
    recipe: Recipe = field(default_factory=TfidfRecipe)
    loss: LossSettings = PLAIN
    sampler: Sampler = "none"
    seed: int = 13
    bootstrap: BootstrapSettings = USUAL

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        plain = self.loss.kind == "plain" and not self.loss.smoothing
        if isinstance(self.recipe, TfidfRecipe) and not plain:
            raise InputError(
                f"recipe {self.name} is fitted by scikit-learn, with cross-entropy; focal losses "
                "and label smoothing are of embed and finetune"
            )
        if (
            isinstance(self.recipe, TfidfRecipe)
            and self.loss.pos_weight_cap != PLAIN.pos_weight_cap
        ):
            raise InputError(
                f"recipe {self.name} weighs labels as scikit-learn does, without a cap; a cap is "
                "of embed and finetune"
            )
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed {self.seed}; expected 0 to {2**32 - 1}")
        if isinstance(self.recipe, FinetuneRecipe) and self.sampler == "smote":
            raise InputError(
                "sampler smote makes up rows of features, and finetune reads texts; take over, or "
                "a recipe with features"
            )

    def to_json(self) -> dict[str, Any]:
        """Return all settings by name."""
        return asdict(self)


def usual_settings(name: str) -> TrainSettings:
    """Return the usual settings of a recipe; InputError where there is none of that name."""
    return TrainSettings(name, recipe_named(name))
