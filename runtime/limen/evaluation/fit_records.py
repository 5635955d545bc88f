"""What the evidence keeps of a fit: how many texts, how divided, and how well it then decides."""

from dataclasses import replace

import numpy as np

from limen.arrays import FloatArray
from limen.decision import scores_from_logits
from limen.evaluation.calibration_error import classwise_errors, reliability
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.thresholds import Truth
from limen.evaluation.tuning import FOLDS, Tuned, TuneSettings, decisions_out_of_fold
from limen.format import DecisionBlock, FitRecord

_DIGITS = 6
JUDGED = f"judged out of fold: each of {FOLDS} parts of the texts by what was fitted on the others"
_Figures = dict[str, float | None]


def record_of(
    tuned: Tuned,
    data: LabelledLogits,
    decision: DecisionBlock,
    settings: TuneSettings,
    texts_name: str,
) -> FitRecord:
    """Judge a fit out of fold and write it down.

    The whole fit, calibration included, is repeated on four fifths of the texts and judged on the
    other fifth, five times, so that no text is judged by what it was fitted on.

    Args:
        tuned: the fit.
        data: the texts that it was fitted on.
        decision: the classifier's decision as it was before.
        settings: what was fitted.
        texts_name: what the evidence calls the texts.
    """
    scores, chosen = decisions_out_of_fold(data, decision, settings)
    figures: _Figures = {}
    for name, given in chosen.items():
        sets = any(point.sets for point in tuned.block.points if point.name == name)
        found = _sets(data, given) if sets else _point(data, given, one_label=decision.one_label)
        figures |= {f"{key} at {name}": value for key, value in found.items()}
    raw = scores_from_logits(data.logits, _uncalibrated(decision))
    figures["calibration error before"] = _error(raw, data.truth, decision)
    figures["calibration error after"] = _error(scores, data.truth, decision)
    default = tuned.block.default_point
    missing = [
        f"{point.name}: made on all texts, but not on every four fifths of them, so not judged"
        for point in tuned.block.points
        if point.name not in chosen
    ]
    return FitRecord(
        block=tuned.block.name,
        texts_name=texts_name,
        texts=len(data.keys),
        parts=tuned.parts,
        judged=JUDGED,
        figures=tuple(
            (name, None if value is None else round(value, _DIGITS))
            for name, value in figures.items()
        ),
        label_f1=_label_f1(data, chosen.get(default)),
        support=tuple(int(count) for count in data.truth.sum(axis=0)),
        notices=(*tuned.notices, *missing),
    )


def _error(scores: FloatArray, truth: Truth, decision: DecisionBlock) -> float:
    """Expected calibration error of the best score where a rule gives one label; else the mean of
    the labels' own, since over all pairs the many that are plainly false would hide every label.
    """
    if decision.one_label:
        return reliability(scores, truth, exclusive=True).error
    return float(classwise_errors(scores, truth).mean())


def _uncalibrated(decision: DecisionBlock) -> DecisionBlock:
    return replace(decision, calibration=None)


def _point(data: LabelledLogits, given: Truth, *, one_label: bool) -> _Figures:
    """How well a point decides: rules that give one label by all texts, abstentions being wrong."""
    hits = int((given & data.truth).sum())
    found = _label_f1(data, given)
    defined = [value for value in found if value is not None]
    macro = float(np.mean(defined)) if defined else None
    if one_label:
        return {
            "accuracy": hits / len(data),
            "precision": hits / int(given.sum()) if given.any() else None,
            "macro_f1": macro,
            "share of texts decided": float(given.any(axis=1).mean()),
        }
    total = int(given.sum() + data.truth.sum())
    return {
        "macro_f1": macro,
        "micro_f1": 2.0 * hits / total if total else None,
        "precision": hits / int(given.sum()) if given.any() else None,
        "recall": hits / int(data.truth.sum()) if data.truth.any() else None,
        "labels a text": float(given.sum(axis=1).mean()),
    }


def _sets(data: LabelledLogits, given: Truth) -> _Figures:
    """How sets of labels do: whether the true one is in, and how many labels that takes."""
    return {
        "coverage": float((given & data.truth).any(axis=1).mean()),
        "labels a text": float(given.sum(axis=1).mean()),
    }


def _label_f1(data: LabelledLogits, given: Truth | None) -> tuple[float | None, ...]:
    """F1 of each label; None for one that is neither true nor given anywhere."""
    if given is None:
        return tuple(None for _ in range(data.truth.shape[1]))
    hits = (given & data.truth).sum(axis=0)
    totals = given.sum(axis=0) + data.truth.sum(axis=0)
    return tuple(
        round(float(2.0 * hit / total), _DIGITS) if total else None
        for hit, total in zip(hits, totals, strict=True)
    )
