"""Operating points with a promise: made, or refused with what it would take."""

import numpy as np

from limen.evaluation.promises import candidates, certified, conformal
from limen.evaluation.steady_f1 import FitTexts
from limen.format import OperatingPoint, Promise
from limen.format.point_names import PointName

_Made = tuple[OperatingPoint | None, tuple[str, ...]]


def coverage_point(name: PointName, certify: FitTexts, labels: tuple[str, ...]) -> _Made:
    """Make `coverage@C`: the point, or None, and notices."""
    level = name.level or 0.0
    found = conformal(certify.scores, certify.truth, level)
    if found.threshold is None:
        return None, (
            f"{name}: not promised: it takes at least {found.needed:,} certifying texts, there are "
            f"{found.texts:,}",
        )
    promise = Promise("coverage", level, None, found.texts)
    return (
        OperatingPoint(
            str(name),
            (found.threshold,) * len(labels),
            sets=certify.top is not None,
            promise=promise,
        ),
        (),
    )


def promised_precision(
    name: PointName, select: FitTexts, certify: FitTexts, labels: tuple[str, ...]
) -> _Made:
    """Make `precision@P:confC`: the point, or None, and notices.

    With a rule that gives any number of labels each label is certified by itself; one that cannot
    be is never given at this point. With a rule that gives one label all decisions are certified
    together, by one threshold.
    """
    level, confidence = name.level or 0.0, name.confidence or 0.0
    least = int(np.ceil(np.log(1.0 - confidence) / np.log(level) - 1e-9))
    if certify.top is not None:
        rows = np.arange(len(certify.top))
        own, right = certify.scores[rows, certify.top], certify.truth[rows, certify.top]
        order = candidates(select.all_pairs(), level, confidence)
        found = certified(own, right, order, level, confidence)
        if found is None:
            return None, (_refusal(name, least, len(rows)),)
        promise = Promise("precision", level, confidence, len(rows))
        return OperatingPoint(str(name), (found,) * len(labels), promise=promise), ()
    thresholds = []
    for place in range(len(labels)):
        order = candidates(select.cuts(place), level, confidence)
        scores, truth = certify.scores[:, place], certify.truth[:, place]
        thresholds.append(certified(scores, truth, order, level, confidence))
    texts = len(certify.scores)
    without = tuple(label for label, found in zip(labels, thresholds, strict=True) if found is None)
    if len(without) == len(labels):
        return None, (_refusal(name, least, texts),)
    notices = (
        f"{name}: not promised for {len(without)} of {len(labels)} labels, which are never given "
        f"at this point: too few certifying texts at or above a threshold (at least {least:,} are "
        f"needed, more where some are wrong), or too many wrong ones: {', '.join(without)}",
    )
    promise = Promise("precision", level, confidence, texts, without)
    point = OperatingPoint(str(name), tuple(thresholds), promise=promise)
    return point, notices if without else ()


def _refusal(name: PointName, least: int, texts: int) -> str:
    return (
        f"{name}: not promised: at no threshold do the {texts:,} certifying texts show it; it "
        f"takes at least {least:,} decisions without a wrong one, and more where some are wrong"
    )
