"""How good decisions and scores are."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.metrics import average_precision_score, roc_auc_score

from limen.arrays import FloatArray, IntArray, WideArray
from limen.evaluation.calibration_error import (
    brier_by_text,
    classwise_errors,
    log_loss,
    loss_unit,
    reliability,
)
from limen.evaluation.judged import Cells, Judged
from limen.evaluation.quality import DecisionFigures, LabelQuality, Quality, ScoreFigures
from limen.evaluation.undefined import undefined_figures

_LabelFigures = dict[str, WideArray]


def judge(judged: Judged) -> Quality:
    """Judge decisions, and scores where there are any.

    Precision, recall and F1 are counts divided by counts, as scikit-learn computes them with
    `zero_division=nan`: a figure without a value counts in no mean
    (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html).
    """
    hits, predicted, support = label_counts(judged)
    each: _LabelFigures = {
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, support),
        "f1": f1(hits, predicted, support),
    }
    over = {
        "macro_f1": _defined(each["f1"]),
        "samples_f1": int((judged.truth | judged.chosen).any(axis=1).sum()),
    }
    decisions = _decisions(judged, each)
    if judged.exclusive:
        over["balanced_accuracy"] = _defined(each["recall"])
    scores = None
    if judged.scores is not None:
        each |= _ranking(judged.scores, judged.truth)
        each["ece"] = classwise_errors(judged.scores, judged.truth)
        scores = _scores(judged.scores, judged, each)
        over |= {"map_macro": _defined(each["pr_auc"]), "roc_auc_macro": _defined(each["roc_auc"])}
    labels = _labels(judged, each)
    return Quality(
        point=judged.point,
        texts=len(judged.truth),
        exclusive=judged.exclusive,
        sets=judged.sets,
        decisions=decisions,
        scores=scores,
        labels=labels,
        averaged_over=MappingProxyType(over),
        undefined=undefined_figures(decisions, scores, labels, judged.thresholds),
    )


def label_counts(judged: Judged) -> tuple[IntArray, IntArray, IntArray]:
    """Return hits, texts given and texts true of each label: int64, (labels,)."""
    hits = (judged.truth & judged.chosen).sum(axis=0)
    return hits, judged.chosen.sum(axis=0), judged.truth.sum(axis=0)


def ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> WideArray:
    """Divide; NaN where `below` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient = np.divide(above, below, dtype=np.float64)
    return np.where(np.equal(below, 0), np.nan, quotient)


def f1(hits: npt.ArrayLike, predicted: npt.ArrayLike, support: npt.ArrayLike) -> WideArray:
    """Return 2 hits / (predicted + support); NaN where both are 0."""
    return ratio(np.multiply(2.0, hits), np.add(predicted, support))


def mean_defined(values: WideArray) -> WideArray:
    """Return the mean along the last axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0.0).sum(axis=-1), there.sum(axis=-1))


@dataclass(frozen=True, eq=False)
class RankSteps:
    """Where the average precision of a label moves: at each score that a true text has.

    Attributes:
        passed: which texts lie between one such score and the next: 0 or 1, (steps, texts), from
            the highest score down.
        true: which of them are true, likewise.
    """

    passed: csr_array
    true: csr_array


def rank_steps(scores: FloatArray, truth: Cells) -> RankSteps:
    """Rank the texts of one label; scores float32, truth bool, both (texts,)."""
    order = np.argsort(-scores, kind="stable")
    ranked, true = scores[order], np.flatnonzero(truth[order])
    # Texts of equal scores are passed together: a step ends behind the last of them.
    ends = np.unique(np.searchsorted(-ranked, -ranked[true], side="right"))
    starts = np.concatenate([[0], ends]).astype(np.int64)
    shape = (len(ends), len(scores))
    passed = order[: starts[-1]]
    return RankSteps(
        csr_array((np.ones(len(passed)), passed, starts), shape=shape),
        csr_array((np.ones(len(true)), order[true], np.searchsorted(true, starts)), shape=shape),
    )


def counted_average_precision(steps: RankSteps, counts: WideArray) -> WideArray:
    """Return the average precision of a label when texts count more than once, or not at all: the
    mean, over its true texts, of the precision at their scores
    (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html).

    Args:
        steps: the ranked texts.
        counts: float64, (texts, draws), 0 or more: how often each text counts.

    Returns:
        float64, (draws,); NaN where no true text counts.
    """
    found: WideArray = steps.true @ counts
    reached, given = found.cumsum(axis=0), (steps.passed @ counts).cumsum(axis=0)
    precision = np.where(given > 0, reached / np.maximum(given, 1.0), 0.0)
    return ratio((found * precision).sum(axis=0), found.sum(axis=0))


def _decisions(judged: Judged, each: _LabelFigures) -> DecisionFigures:
    truth, chosen = judged.truth, judged.chosen
    hits, predicted, support = label_counts(judged)
    found, given, true = ((truth & chosen).sum(axis=1), chosen.sum(axis=1), truth.sum(axis=1))
    right = float((truth == chosen).all(axis=1).mean())
    weighted = ratio(np.where(support > 0, each["f1"] * support, 0.0).sum(), support.sum())
    missed = np.where(true > 0, 1.0 - found / np.maximum(true, 1), 0.0)
    return DecisionFigures(
        accuracy=right if judged.exclusive else None,
        balanced_accuracy=_value(mean_defined(each["recall"])) if judged.exclusive else None,
        macro_f1=_value(mean_defined(each["f1"])),
        micro_f1=_value(f1(hits.sum(), predicted.sum(), support.sum())),
        weighted_f1=_value(weighted),
        samples_f1=_value(mean_defined(f1(found, given, true))),
        micro_precision=_value(ratio(hits.sum(), predicted.sum())),
        micro_recall=_value(ratio(hits.sum(), support.sum())),
        subset_accuracy=right,
        hamming_loss=float((truth != chosen).mean()),
        abstained=float((given == 0).mean()),
        labels_per_text=float(given.mean()),
        true_labels_per_text=float(true.mean()),
        coverage=float((found == true).mean()),
        missed_labels=float(missed.mean()),
    )


def _scores(scores: FloatArray, judged: Judged, each: _LabelFigures) -> ScoreFigures:
    unit = loss_unit(scores, exclusive=judged.exclusive)
    truth = judged.truth
    together = _average_precision(truth.ravel(), scores.ravel()) if truth.any() else None
    return ScoreFigures(
        map_macro=_value(mean_defined(each["pr_auc"])),
        map_micro=together,
        roc_auc_macro=_value(mean_defined(each["roc_auc"])),
        log_loss=log_loss(scores, truth, unit),
        brier=float(brier_by_text(scores, truth, unit).mean()),
        ece=reliability(scores, truth, exclusive=judged.exclusive).error,
        classwise_ece=float(each["ece"].mean()),
        loss_unit=unit,
    )


def _ranking(scores: FloatArray, truth: Cells) -> _LabelFigures:
    """Areas under the curves of each label, NaN where they do not exist: float64, (labels,)."""
    labels = truth.shape[1]
    roc, precision = np.full(labels, np.nan), np.full(labels, np.nan)
    for label in range(labels):
        own, true = scores[:, label], truth[:, label]
        if true.any():
            precision[label] = _average_precision(true, own)
        if true.any() and not true.all():
            roc[label] = roc_auc_score(true, own)
    return {"roc_auc": roc, "pr_auc": precision}


def _average_precision(truth: npt.NDArray[np.bool_], scores: FloatArray) -> float:
    # scikit-learn's sum of shares can be a rounding above 1.
    return min(float(average_precision_score(truth, scores)), 1.0)


def _labels(judged: Judged, each: _LabelFigures) -> tuple[LabelQuality, ...]:
    _, predicted, support = label_counts(judged)
    nothing = np.full(len(judged.labels), np.nan)
    return tuple(
        LabelQuality(
            label=label,
            support=int(support[place]),
            predicted=int(predicted[place]),
            precision=_value(each["precision"][place]),
            recall=_value(each["recall"][place]),
            f1=_value(each["f1"][place]),
            threshold=None if judged.thresholds is None else judged.thresholds[place],
            roc_auc=_value(each.get("roc_auc", nothing)[place]),
            pr_auc=_value(each.get("pr_auc", nothing)[place]),
            ece=_value(each.get("ece", nothing)[place]),
        )
        for place, label in enumerate(judged.labels)
    )


def _value(figure: npt.ArrayLike) -> float | None:
    found = float(np.asarray(figure))
    return None if np.isnan(found) else found


def _defined(figures: WideArray) -> int:
    return int((~np.isnan(figures)).sum())
