"""The one figure on dev by which training chooses: among epochs, and nothing else."""

from dataclasses import dataclass

from limen.arrays import FloatArray
from limen.evaluation.judged import Cells, Judged
from limen.evaluation.judged_point import judged_at
from limen.evaluation.metrics import judge
from limen.format import DecisionBlock, Link, OperatingPoint, Rule


@dataclass(frozen=True)
class DevFigure:
    """What is computed of logits on dev.

    - `map_macro` where a text can have several labels: it needs no thresholds, which are fitted
      only when training has ended;
    - `macro_f1` of the plain decisions where it has one.
    """

    rule: Rule
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """As reports call it."""
        return "map_macro" if self.rule == "multilabel" else "macro_f1"

    def of(self, logits: FloatArray, truth: Cells) -> float:
        """Return the figure, in [0, 1]; 0 where it is not defined.

        Args:
            logits: float32, (texts, outputs).
            truth: bool, (texts, labels).
        """
        link: Link = "softmax" if self.rule == "multiclass" else "sigmoid"
        quality = judge(plainly_judged(logits, truth, undecided(self.rule, self.labels, link)))
        found = quality.decisions.macro_f1
        if self.rule == "multilabel" and quality.scores is not None:
            found = quality.scores.map_macro
        return found or 0.0


def undecided(rule: Rule, labels: tuple[str, ...], link: Link) -> DecisionBlock:
    """Return a block with nothing fitted: the rule's plain point alone."""
    plain = OperatingPoint("argmax", None)
    if rule == "multilabel":
        plain = OperatingPoint("half", (0.5,) * len(labels))
    return DecisionBlock(rule, labels, link, (plain,), plain.name)


def plainly_judged(logits: FloatArray, truth: Cells, decision: DecisionBlock) -> Judged:
    """Decide at the default point.

    Args:
        logits: float32, (texts, outputs).
        truth: bool, (texts, labels).
        decision: rule, labels, points.
    """
    return judged_at(logits, truth, decision, decision.point(decision.default_point))
