"""What the quality gate asks of a rung, and the labels it judges by (docs/gate.md)."""

from dataclasses import dataclass

import numpy as np

from limen.errors import InputError
from limen.evaluation.judged import Cells
from limen.evaluation.parts import KeyArray
from limen.evaluation.tuning import TuneSettings
from limen.format import DecisionBlock

USUAL_FIT = TuneSettings()
LEAST_CELLS, LEAST_TEXTS = 0.995, 0.99
"""Share of (text, label) pairs, and of texts, that must be decided alike where nothing else is
asked."""


@dataclass(frozen=True)
class GateSettings:
    """What a rung must reach.

    Attributes:
        max_drop: the largest drop of the primary metric that passes, absolute, in [0, 1].
        min_agreement: what the lower bound of the agreement must reach, in [0, 1); None for
            LEAST_CELLS where the rule gives any number of labels, LEAST_TEXTS where it gives one.
        strict: the upper end of the drop's interval must be inside `max_drop` as well.

    Raises:
        InputError: a number outside its range.
    """

    max_drop: float = 0.005
    min_agreement: float | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse what no rung can be held to."""
        if not 0.0 <= self.max_drop <= 1.0:
            raise InputError(f"max_drop {self.max_drop:g}, expected a number in [0, 1]")
        least = self.min_agreement
        if least is not None and not 0.0 <= least < 1.0:
            raise InputError(
                f"min_agreement {least:g}, expected a share in [0, 1), such as 0.995: no number of "
                "texts shows that all there are agree"
            )

    def least(self, decision: DecisionBlock) -> float:
        """Return what the lower bound must reach for a rule."""
        if self.min_agreement is not None:
            return self.min_agreement
        return LEAST_TEXTS if decision.one_label else LEAST_CELLS


USUAL = GateSettings()


@dataclass(frozen=True, eq=False)
class TrueLabels:
    """What is true of the texts, and how thresholds are had.

    Attributes:
        truth: bool, (texts, labels).
        keys: uint64, (texts,): see `limen.evaluation.parts.text_key`.
        fit: what will be fitted for the finished file: the default point of this and the
            calibration are cross-fitted; None where the decision's own default point is taken as it
            is, such as thresholds that the user gave.
    """

    truth: Cells
    keys: KeyArray
    fit: TuneSettings | None = USUAL_FIT

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            InputError: they do not.
        """
        shape, kind = np.shape(self.truth), self.truth.dtype
        if len(shape) != 2 or kind != np.bool_ or len(self.keys) != shape[0]:
            raise InputError(
                f"truth {kind} of shape {shape} and {len(self.keys):,} keys, expected bool of "
                "shape (texts, labels) and a key for each text"
            )
