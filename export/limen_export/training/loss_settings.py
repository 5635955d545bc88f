"""Which loss a classifier is trained with."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias, get_args

from limen.errors import InputError

LossKind: TypeAlias = Literal["plain", "focal", "class_balanced_focal"]
LOSS_KINDS: tuple[LossKind, ...] = get_args(LossKind)


@dataclass(frozen=True)
class LossSettings:
    """A loss, apart from the rule it serves; `losses.make_loss` has the formulas.

    Attributes:
        kind: `plain`: cross-entropy, or binary cross-entropy where each output is a question of its
            own. `focal`: texts that are already decided rightly count less. `class_balanced_focal`:
            focal, weighted by the effective number of texts of each class.
        weighted: rare classes count more, in proportion to how rare they are.
        pos_weight_cap: the most, 1 or more, by which the weights of an output's two answers may
            differ where `weighted` sets them; of no effect on the weights of `multiclass`.
        gamma: focusing parameter of both focal kinds, 0 or more; 2 is best in Lin et al. (2017).
        beta: of `class_balanced_focal`, in [0, 1): 0 weighs all classes alike, towards 1 weights
            become those of inverse frequency. Cui et al. (2019) try 0.9 to 0.9999.
        smoothing: share, in [0, 1), of the target that is spread evenly over the answers (Szegedy
            et al.: Rethinking the Inception architecture, 2016).

    Raises:
        InputError: a value outside its range, or weights from both sources.
    """

    kind: LossKind = "plain"
    weighted: bool = False
    pos_weight_cap: float = 100.0
    gamma: float = 2.0
    beta: float = 0.999
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that no loss can have."""
        if self.kind not in LOSS_KINDS:
            raise InputError(f"loss {self.kind!r}, expected one of {', '.join(LOSS_KINDS)}")
        if self.weighted and self.kind == "class_balanced_focal":
            raise InputError(
                "loss class_balanced_focal brings weights of its own and cannot be weighted as "
                "well; choose weighted=False, or kind focal"
            )
        _check(self.pos_weight_cap >= 1, "pos_weight_cap", self.pos_weight_cap, "1 or more")
        _check(self.gamma >= 0, "gamma", self.gamma, "0 or more")
        _check(0 <= self.beta < 1, "beta", self.beta, "0 or more and below 1")
        _check(0 <= self.smoothing < 1, "smoothing", self.smoothing, "0 or more and below 1")


def _check(fits: bool, name: str, value: float, expected: str) -> None:
    # NaN fits nowhere; infinity fits "or more", but no arithmetic.
    if not (fits and isfinite(value)):
        raise InputError(f"{name} of the loss is {value}; expected a number of {expected}")
