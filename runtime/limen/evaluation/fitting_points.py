"""Fitting an operating point, by what its name asks for."""

from dataclasses import dataclass

from limen.errors import InputError
from limen.evaluation.promised_points import coverage_point, promised_precision
from limen.evaluation.steady_f1 import FEW, FitTexts, Steadied, fit_f1
from limen.evaluation.thresholds import (
    Grid,
    best_f1_on_grid,
    best_micro_f1,
    cheapest,
    cheapest_answers,
    highest_with_recall,
    lowest_with_precision,
)
from limen.format import OperatingPoint
from limen.format.point_names import PointName, parse_point_name


@dataclass(frozen=True)
class FittedPoint:
    """A point, and what its user should know.

    Attributes:
        point: None where it cannot be made; a notice says why.
        notices: sentences.
    """

    point: OperatingPoint | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class PointTexts:
    """What points are fitted on.

    Attributes:
        fit: every text, for points that promise nothing.
        select: texts that choose which thresholds to certify.
        certify: texts that certify, on which nothing else was fitted.
        labels: the classifier's labels.
        grid: thresholds to search for `f1` instead of all; None for all.
    """

    fit: FitTexts
    select: FitTexts
    certify: FitTexts
    labels: tuple[str, ...]
    grid: Grid | None = None

    @property
    def one_label(self) -> bool:
        """Whether the rule gives one label a text."""
        return self.fit.top is not None


def point_name(name: str, *, one_label: bool) -> PointName:
    """Read the name of a point that can be fitted.

    Raises:
        InputError: no such kind of point, or not for this rule.
    """
    parsed = parse_point_name(name)
    if parsed is None:
        raise InputError(
            f"operating point {name!r} is not known; expected argmax, half, f1, micro_f1, "
            "precision@P, recall@R, cost(fp,fn), precision@P:confC or coverage@C, with numbers "
            "between 0 and 1 (costs above 0), such as precision@0.90:conf0.95"
        )
    if parsed.kind == "argmax" and not one_label:
        raise InputError("operating point argmax: this rule gives any number of labels; use half")
    if parsed.kind == "micro_f1" and one_label:
        raise InputError("operating point micro_f1: this rule gives one label; use f1 or argmax")
    return parsed


def fit_point(name: PointName, texts: PointTexts) -> FittedPoint:
    """Fit one point."""
    match name.kind:
        case "argmax":
            return FittedPoint(OperatingPoint(str(name), None))
        case "half":
            return FittedPoint(OperatingPoint(str(name), (0.5,) * len(texts.labels)))
        case "f1":
            return _f1(name, texts)
        case "micro_f1":
            return _micro_f1(name, texts)
        case "coverage":
            return FittedPoint(*coverage_point(name, texts.certify, texts.labels))
        case _ if name.promises:
            return FittedPoint(*promised_precision(name, texts.select, texts.certify, texts.labels))
        case _:
            return _one_label(name, texts) if texts.one_label else _by_label(name, texts)


def _f1(name: PointName, texts: PointTexts) -> FittedPoint:
    if texts.grid is not None:
        return FittedPoint(OperatingPoint(str(name), _on_grid(texts.fit, texts.grid)))
    steadied = fit_f1(texts.fit)
    return FittedPoint(
        OperatingPoint(str(name), steadied.thresholds), _rare_notice(name, steadied, texts)
    )


def _on_grid(fit: FitTexts, grid: Grid) -> tuple[float, ...]:
    thresholds = []
    for label in range(fit.scores.shape[1]):
        rows = slice(None) if fit.top is None else fit.top == label
        positives = int(fit.truth[:, label].sum())
        thresholds.append(
            best_f1_on_grid(fit.scores[rows, label], fit.truth[rows, label], grid, positives)
        )
    return tuple(thresholds)


def _micro_f1(name: PointName, texts: PointTexts) -> FittedPoint:
    labels = range(len(texts.labels))
    together = best_micro_f1(tuple(texts.fit.cuts(label) for label in labels))
    return FittedPoint(OperatingPoint(str(name), together))


def _rare_notice(name: PointName, steadied: Steadied, texts: PointTexts) -> tuple[str, ...]:
    if not steadied.rare:
        return ()
    support = texts.fit.truth.sum(axis=0)
    listed = ", ".join(f"{texts.labels[place]} ({support[place]})" for place in steadied.rare)
    drawn = (
        "so the thresholds are drawn to those that the labels' scores let expect, which count as "
        f"{steadied.weight:g} texts"
        if steadied.weight
        else "so the thresholds are uncertain"
    )
    return (f"{name}: fewer than {FEW} true texts, {drawn}: {listed}",)


def _by_label(name: PointName, texts: PointTexts) -> FittedPoint:
    thresholds: list[float | None] = []
    failed = []
    for place, label in enumerate(texts.labels):
        cuts = texts.fit.cuts(place)
        if name.costs is not None:
            thresholds.append(cheapest(cuts, *name.costs))
            continue
        level = name.level or 0.0
        if name.kind == "precision":
            found = lowest_with_precision(cuts, level)
        else:
            found = highest_with_recall(cuts, level)
        if found is None:
            failed.append(label)
        thresholds.append(found)
    notices = (f"{name}: not reached, so never given: {', '.join(failed)}",) if failed else ()
    if len(failed) == len(texts.labels):
        return FittedPoint(None, (f"{name}: no label reaches it on these texts",))
    return FittedPoint(OperatingPoint(str(name), tuple(thresholds)), notices)


def _one_label(name: PointName, texts: PointTexts) -> FittedPoint:
    """One threshold for all labels: of the decisions together so many are right (precision), of
    all texts so many are decided rightly (recall), or what wrong decisions and abstentions cost
    (Chow: On optimum recognition error and reject tradeoff, 1970).
    """
    cuts = texts.fit.all_pairs()
    if name.costs is not None:
        found = cheapest_answers(cuts, *name.costs)
    elif name.kind == "precision":
        found = lowest_with_precision(cuts, name.level or 0.0)
    else:
        found = highest_with_recall(cuts, name.level or 0.0)
    # At a cost, never to decide can be the best there is.
    if found is None and name.costs is None:
        return FittedPoint(None, (f"{name}: not reached on these texts at any threshold",))
    return FittedPoint(OperatingPoint(str(name), (found,) * len(texts.labels)))
