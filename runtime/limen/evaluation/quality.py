"""The figures of a judgement. A figure that the texts leave undefined is None and stands in
`undefined` with the reason; it is never a silent zero.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

LossUnit: TypeAlias = Literal["text", "pair"]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        metric: name of the figure, such as `macro_f1`.
        value: the figure itself.
        low, high: ends of the interval.
        resamples: resamples in which the figure is defined; the ends are their quantiles.
    """

    metric: str
    value: float
    low: float
    high: float
    resamples: int


@dataclass(frozen=True)
class Undefined:
    """A figure that has no value.

    Attributes:
        figure: its name.
        label: the label whose figure it is; None for one of all labels.
        reason: why, as a sentence without its full stop.
    """

    figure: str
    label: str | None
    reason: str


@dataclass(frozen=True)
class LabelQuality:
    """Figures of one label, in [0, 1] where nothing else is said.

    Attributes:
        label: its name.
        support: texts of which it is true.
        predicted: texts that were given it.
        precision: share of the texts given it of which it is true; None where none was given it.
        recall: share of the texts of which it is true that were given it; None without any.
        f1: 2 hits / (predicted + support); None where both are 0.
        threshold: the lowest score that is given it; None where the operating point has no
            thresholds, or never gives the label.
        roc_auc: area under the ROC curve; None unless the label is true of some texts and not of
            others.
        pr_auc: area under the precision-recall curve as steps, which is average precision; None
            where the label is true of no text.
        ece: calibration error of its scores (limen.evaluation.calibration_error).
    """

    label: str
    support: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    roc_auc: float | None
    pr_auc: float | None
    ece: float | None


@dataclass(frozen=True)
class DecisionFigures:
    """Figures of the decisions, in [0, 1] where nothing else is said.

    Definitions: https://scikit-learn.org/stable/modules/model_evaluation.html#classification-metrics

    Attributes:
        accuracy: share of texts given their class and nothing else; a text without a decision is
            wrong. None where several labels can be true of a text.
        balanced_accuracy: mean recall of the classes that are true of some text; None as above.
        macro_f1: mean F1 of the labels that are true of some text or given to one; the mean of the
            F1s, not the F1 of the means (Opitz, Burst: Macro F1 and macro F1, 2019).
        micro_f1: F1 over all (text, label) pairs.
        weighted_f1: mean F1 weighted by support.
        samples_f1: mean over texts of 2 hits / (given + true), of texts with either.
        micro_precision, micro_recall: over all pairs.
        subset_accuracy: share of texts whose labels are exactly right.
        hamming_loss: share of pairs decided wrongly.
        abstained: share of texts given no label.
        labels_per_text: labels given to a text, on average: with sets their mean size. In
            [0, labels].
        true_labels_per_text: labels true of a text, on average. In [0, labels].
        coverage: share of texts all of whose true labels are among those given; with one true
            label a text, the share whose class is in the set.
        missed_labels: mean over texts of the share of their true labels not given, 0 for a text
            without any: what conformal risk control bounds (Angelopoulos et al. 2022).
    """

    accuracy: float | None
    balanced_accuracy: float | None
    macro_f1: float | None
    micro_f1: float | None
    weighted_f1: float | None
    samples_f1: float | None
    micro_precision: float | None
    micro_recall: float | None
    subset_accuracy: float
    hamming_loss: float
    abstained: float
    labels_per_text: float
    true_labels_per_text: float
    coverage: float
    missed_labels: float


@dataclass(frozen=True)
class ScoreFigures:
    """Figures of the scores, whatever the operating point.

    Attributes:
        map_macro: mean average precision: of the labels that are true of some text. In [0, 1].
        map_micro: average precision over all (text, label) pairs ranked together. In [0, 1].
        roc_auc_macro: mean area under the ROC curve, of the labels that have one. In [0, 1].
        log_loss: nats, 0 or more; see `loss_unit`.
        brier: in [0, 2] for texts, [0, 1] for pairs; see `loss_unit`.
        ece: expected calibration error, in [0, 1].
        classwise_ece: mean of the labels' calibration errors, in [0, 1].
        loss_unit: `text` where exactly one label is true of a text and the scores of a text sum to
            1: losses are means over texts. Else `pair`: means over (text, label) pairs.
    """

    map_macro: float | None
    map_micro: float | None
    roc_auc_macro: float | None
    log_loss: float
    brier: float
    ece: float
    classwise_ece: float
    loss_unit: LossUnit


@dataclass(frozen=True)
class Quality:
    """How good a classifier is at one operating point.

    Attributes:
        point: name of the operating point.
        texts: how many were judged.
        exclusive: whether exactly one label is true of a text.
        sets: whether several labels can be given nevertheless.
        decisions: figures of the decisions.
        scores: figures of the scores; None where there were none.
        labels: figures of each label, in label order.
        averaged_over: from the name of a mean over labels or texts to how many had the figure.
        undefined: every figure that is None, and why.
        intervals: of the headline figures, where they were computed.
    """

    point: str
    texts: int
    exclusive: bool
    sets: bool
    decisions: DecisionFigures
    scores: ScoreFigures | None
    labels: tuple[LabelQuality, ...]
    averaged_over: Mapping[str, int]
    undefined: tuple[Undefined, ...]
    intervals: tuple[Interval, ...] = ()

    def figure(self, name: str) -> float | None:
        """Return a figure of all labels by name; None where it is undefined.

        Raises:
            KeyError: no such figure.
        """
        found: dict[str, Any] = asdict(self.decisions)
        found |= dict.fromkeys(SCORE_NAMES) if self.scores is None else asdict(self.scores)
        value: float | None = found[name]
        return value

    def interval(self, name: str) -> Interval | None:
        """Return the interval of a figure; None where none was computed."""
        return next((found for found in self.intervals if found.metric == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return everything as objects, lists, numbers and null."""
        return {
            "averaged_over": dict(self.averaged_over),
            "decisions": asdict(self.decisions),
            "exclusive": self.exclusive,
            "intervals": [asdict(found) for found in self.intervals],
            "labels": [asdict(label) for label in self.labels],
            "point": self.point,
            "scores": None if self.scores is None else asdict(self.scores),
            "sets": self.sets,
            "texts": self.texts,
            "undefined": [asdict(found) for found in self.undefined],
        }


DECISION_NAMES: tuple[str, ...] = tuple(DecisionFigures.__dataclass_fields__)
SCORE_NAMES: tuple[str, ...] = tuple(
    name for name in ScoreFigures.__dataclass_fields__ if name != "loss_unit"
)
