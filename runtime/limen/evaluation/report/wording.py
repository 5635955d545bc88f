"""How figures are called and written."""

from collections.abc import Iterator
from dataclasses import dataclass

from limen.counted import counted
from limen.evaluation.calibration_error import BINS
from limen.evaluation.quality import LabelQuality, Quality, Undefined

NOTHING = "–"
"""Stands where a figure has no value."""
NEVER = "never"
"""Stands for the threshold of a label that is never given."""
_MOST_PLACES = 9
_FINE = ("hamming_loss", "log_loss", "brier", "ece", "classwise_ece")

TITLES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "subset_accuracy": "all labels right",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
    "samples_f1": "F1 by text",
    "micro_precision": "precision, all labels",
    "micro_recall": "recall, all labels",
    "hamming_loss": "Hamming loss",
    "coverage": "all true labels given",
    "missed_labels": "true labels missed",
    "abstained": "texts without a label",
    "labels_per_text": "labels given to a text",
    "true_labels_per_text": "labels true of a text",
    "map_macro": "mAP, macro",
    "map_micro": "mAP, micro",
    "roc_auc_macro": "ROC-AUC, macro",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "classwise_ece": "classwise ECE",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "threshold": "threshold",
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
}
_EXCLUSIVE = {"abstained": "abstained", "coverage": "true class in the set"}
_SETS = {"labels_per_text": "mean set size", "abstained": "empty sets"}
_DECIDED_ONE = (
    *("accuracy", "balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1"),
    *("micro_precision", "abstained"),
)
_DECIDED_SETS = (
    *("coverage", "labels_per_text", "abstained", "accuracy", "macro_f1", "micro_f1"),
    *("micro_precision", "micro_recall"),
)
_DECIDED_SEVERAL = (
    *("macro_f1", "micro_f1", "weighted_f1", "samples_f1", "micro_precision", "micro_recall"),
    *("subset_accuracy", "hamming_loss", "coverage", "missed_labels", "abstained"),
    *("labels_per_text", "true_labels_per_text"),
)
_SCORED = (
    *("map_macro", "map_micro", "roc_auc_macro", "ece", "classwise_ece", "brier", "log_loss"),
)


@dataclass(frozen=True)
class HeadlineRow:
    """One figure of all labels.

    Attributes:
        name: of the figure.
        title: what it is called.
        value: what it is.
        interval: its 95 % interval, or "".
        note: over how many labels or texts it is a mean, or what it counts, or "".
    """

    name: str
    title: str
    value: str
    interval: str
    note: str


def figure(value: float | None, places: int = 3) -> str:
    """Write a figure; with more places where it would read 0 or 1 and is not."""
    if value is None:
        return NOTHING
    for more in range(places, _MOST_PLACES):
        text = f"{value:.{more}f}"
        if value in (0.0, 1.0) or float(text) not in (0.0, 1.0):
            return text
    return f"{value:.{places}g}"


def described(quality: Quality) -> str:
    """Say how many texts and labels were judged, and how many labels can be true of a text."""
    texts, labels = counted(quality.texts, "text"), counted(len(quality.labels), "label")
    kind = "one label true of each" if quality.exclusive else "any number of labels true of each"
    return f"{texts}, {labels}, {kind}"


def threshold(value: float | None, *, has_thresholds: bool) -> str:
    """Write the threshold of a label."""
    return NEVER if value is None and has_thresholds else figure(value)


def label_cells(label: LabelQuality, *, has_thresholds: bool) -> tuple[str, ...]:
    """Return the figures of a label as they stand in a table, behind its name."""
    return (
        f"{label.support:,}",
        f"{label.predicted:,}",
        figure(label.precision),
        figure(label.recall),
        figure(label.f1),
        threshold(label.threshold, has_thresholds=has_thresholds),
        figure(label.roc_auc),
        figure(label.pr_auc),
        figure(label.ece),
    )


def decision_names(quality: Quality) -> tuple[str, ...]:
    """Return the figures of the decisions that say something for this kind of classifier."""
    if not quality.exclusive:
        return _DECIDED_SEVERAL
    return _DECIDED_SETS if quality.sets else _DECIDED_ONE


def headline(quality: Quality) -> tuple[HeadlineRow, ...]:
    """Return the figures of all labels, those of the decisions first."""
    scored = () if quality.scores is None else _SCORED
    return tuple(headline_row(quality, name) for name in (*decision_names(quality), *scored))


def headline_row(quality: Quality, name: str) -> HeadlineRow:
    """Return one figure of all labels."""
    places = 4 if name in _FINE else 3
    found = quality.interval(name)
    ends = "" if found is None else f"{figure(found.low, places)} to {figure(found.high, places)}"
    value = figure(quality.figure(name), places)
    return HeadlineRow(name, title(quality, name), value, ends, _note(quality, name))


def title(quality: Quality, name: str) -> str:
    """Say what a figure is called for this kind of classifier."""
    own = _EXCLUSIVE if quality.exclusive else {}
    if quality.exclusive and quality.sets:
        own = own | _SETS
    return own.get(name, TITLES[name])


def _note(quality: Quality, name: str) -> str:
    over = quality.averaged_over.get(name)
    if over is not None:
        texts = name == "samples_f1"
        of = quality.texts if texts else len(quality.labels)
        return f"mean of {over:,} of {counted(of, 'text' if texts else 'label')}"
    if name == "ece":
        return f"ECE, {BINS} bins"
    if quality.scores is not None and name in ("brier", "log_loss"):
        return "by text" if quality.scores.loss_unit == "text" else "by text and label"
    return ""


@dataclass(frozen=True)
class Reason:
    """Figures without a value for one reason.

    Attributes:
        reason: why.
        figures: what they are called.
        labels: whose they are; none for figures of all labels.
    """

    reason: str
    figures: tuple[str, ...]
    labels: tuple[str, ...]


def reasons(undefined: tuple[Undefined, ...]) -> Iterator[Reason]:
    """Gather what is undefined by reason, in the order of the first figure of each."""
    gathered: dict[tuple[str, bool], list[Undefined]] = {}
    for found in undefined:
        gathered.setdefault((found.reason, found.label is None), []).append(found)
    for (reason, _), each in gathered.items():
        yield Reason(
            reason,
            tuple(dict.fromkeys(TITLES[found.figure] for found in each)),
            tuple(dict.fromkeys(found.label for found in each if found.label is not None)),
        )
