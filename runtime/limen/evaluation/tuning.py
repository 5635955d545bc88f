"""Fitting a whole block: calibration, then operating points."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from limen.arrays import FloatArray
from limen.counted import counted
from limen.decision import decide, score
from limen.decision.scoring import check_finite
from limen.errors import InputError
from limen.evaluation.calibrating import CalibrationKind, fit_calibration
from limen.evaluation.choosing_calibration import choose_calibration, kinds_for
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.fitting_points import PointTexts, fit_point, point_name
from limen.evaluation.parts import Parts, folds, part_of
from limen.evaluation.steady_f1 import FitTexts
from limen.evaluation.thresholds import Grid
from limen.format import DecisionBlock, FittedBlock
from limen.format.point_names import PointName

CalibrationChoice: TypeAlias = CalibrationKind | Literal["auto"]
FOLDS = 5
LEAST_TEXTS = 20
"""Four in each of five folds; fewer texts say nothing about a threshold."""
PROMISE_PARTS = Parts({"fit": 0.4, "select": 0.2, "certify": 0.4})
"""Half of what certifies goes to choosing what to certify: a bound needs many texts, a guess at
where it will hold few."""
_SALT = "limen tune"


@dataclass(frozen=True)
class TuneSettings:
    """What to fit.

    Attributes:
        points: names of operating points; none for those that the rule usually has.
        default_point: the one used when none is asked for; None for `f1` where the rule gives any
            number of labels, `argmax` where it gives one, or else the first.
        calibration: a kind, or `auto` for the simplest whose log loss in cross-validation is within
            one standard error of the least.
        grid: thresholds to search for `f1` instead of all.
    """

    points: tuple[str, ...] = ()
    default_point: str | None = None
    calibration: CalibrationChoice = "auto"
    grid: Grid | None = None


@dataclass(frozen=True)
class Tuned:
    """A fitted block.

    Attributes:
        block: calibration and points.
        calibration: the kind that was fitted.
        parts: (name, texts): how the texts were divided.
        notices: what the user should know.
    """

    block: FittedBlock
    calibration: CalibrationKind
    parts: tuple[tuple[str, int], ...]
    notices: tuple[str, ...]


def fit_block(
    data: LabelledLogits, decision: DecisionBlock, settings: TuneSettings, name: str
) -> Tuned:
    """Fit a block on labelled texts.

    Without a promise among the points everything is fitted on all texts. With one, the calibration
    is fitted on the part `fit`, the thresholds to certify are chosen on `select`, and `certify`
    does nothing but certify; points that promise nothing still use all texts, since no promise
    rests on them. The order of the texts does not matter.

    Args:
        data: logits, true labels and a key for each text.
        decision: rule, labels and link; its own calibration and points do not count.
        settings: what to fit.
        name: of the new block.

    Raises:
        InputError: fewer than 20 unlike texts, a point or calibration that the rule does not have,
            or a default point that cannot be made.
        EngineError: a logit is NaN or infinite.
    """
    unlike = len(np.unique(data.keys))
    if unlike < LEAST_TEXTS:
        raise InputError(
            f"{counted(unlike, 'unlike labelled text')}, at least {LEAST_TEXTS} are needed to fit "
            "thresholds"
        )
    check_settings(settings, decision)
    check_finite(data.logits)
    tuned = _fit(data, decision, settings, name)
    if any(count == 0 for _, count in tuned.parts):
        raise InputError(f"{len(data.keys)} labelled texts are too few to be divided into parts")
    default = _default(settings, tuned, decision)
    return replace(tuned, block=replace(tuned.block, default_point=default))


def check_settings(settings: TuneSettings, decision: DecisionBlock) -> None:
    """Refuse settings that no texts can fit, before texts are read.

    Raises:
        InputError: a point or calibration that the rule does not have.
    """
    _names(settings, decision)
    kinds = ("auto", *kinds_for(decision))
    if settings.calibration not in kinds:
        raise InputError(
            f"calibration {settings.calibration} does not fit rule {decision.rule} with link "
            f"{decision.link}; expected one of {', '.join(kinds)}"
        )


def _fit(data: LabelledLogits, decision: DecisionBlock, settings: TuneSettings, name: str) -> Tuned:
    """Fit what can be fitted, however few the texts; the first point is the default one."""
    data = _in_order(data)
    names = _names(settings, decision)
    divided = any(point.promises for point in names)
    places = (
        part_of(data.keys, PROMISE_PARTS, _SALT) if divided else np.zeros(len(data.keys), np.int8)
    )
    part_names = PROMISE_PARTS.names if divided else ("fit",)
    counts = tuple((part, int((places == place).sum())) for place, part in enumerate(part_names))
    kind, calibrated = _calibrated(data.at(places == 0), decision, settings)
    texts = _point_texts(data, calibrated, places, settings.grid)
    fitted = [fit_point(point, texts) for point in names]
    points = tuple(one.point for one in fitted if one.point is not None)
    notices = tuple(notice for one in fitted for notice in one.notices)
    block = FittedBlock(name, points, points[0].name, calibrated.calibration)
    return Tuned(block, kind, counts, notices)


def _in_order(data: LabelledLogits) -> LabelledLogits:
    """Sort by key, and texts with the same key by their labels: sums of the same numbers in another
    order are rounded otherwise.
    """
    labels = np.packbits(data.truth, axis=1)
    return data.at(np.lexsort((*labels.T, data.keys)))


def decisions_out_of_fold(
    data: LabelledLogits, decision: DecisionBlock, settings: TuneSettings
) -> tuple[FloatArray, dict[str, npt.NDArray[np.bool_]]]:
    """Decide about each fifth of the texts by what was fitted on the other four.

    Returns:
        Scores: float32, (texts, labels); and for every point that could be made in all five the
        labels given: bool, (texts, labels).
    """
    fifth = folds(data.keys, FOLDS, f"{_SALT} judge")
    scores = np.zeros(data.truth.shape, dtype=np.float32)
    chosen: dict[str, npt.NDArray[np.bool_]] = {}
    made: dict[str, int] = {}
    for fold in range(FOLDS):
        outside = fifth == fold
        tuned = _fit(data.at(~outside), decision, settings, "judged")
        fitted = decision.using(tuned.block)
        scored = score(data.logits[outside], fitted)
        scores[outside] = scored.scores
        for point in tuned.block.points:
            given = chosen.setdefault(point.name, np.zeros(data.truth.shape, dtype=np.bool_))
            given[outside] = decide(scored, fitted, point).chosen
            made[point.name] = made.get(point.name, 0) + 1
    return scores, {name: given for name, given in chosen.items() if made[name] == FOLDS}


def _names(settings: TuneSettings, decision: DecisionBlock) -> tuple[PointName, ...]:
    """The points to fit; the plain one of the rule is always among them."""
    usual: Sequence[str] = ("argmax", "half") if decision.one_label else ("f1", "half")
    wanted = settings.points or usual
    plain = "argmax" if decision.one_label else "half"
    if settings.default_point is not None and settings.default_point not in wanted:
        wanted = (*wanted, settings.default_point)
    parsed = [point_name(name, one_label=decision.one_label) for name in (*wanted, plain)]
    return tuple(dict.fromkeys(parsed))


def _calibrated(
    data: LabelledLogits, decision: DecisionBlock, settings: TuneSettings
) -> tuple[CalibrationKind, DecisionBlock]:
    kind = settings.calibration
    if not len(data):
        return "none", replace(decision, calibration=None)
    if kind == "auto":
        split = folds(data.keys, FOLDS, f"{_SALT} calibration")
        kind = choose_calibration(data.logits, data.truth, split, decision).kind
    fitted = fit_calibration(data.logits.astype(np.float64), data.truth, decision, kind)
    return kind, replace(decision, calibration=fitted)


def _point_texts(
    data: LabelledLogits,
    decision: DecisionBlock,
    places: npt.NDArray[np.integer],
    grid: Grid | None,
) -> PointTexts:
    scored = score(data.logits, decision)
    plain = decision.points[0]
    top = decide(scored, decision, plain).top if decision.one_label else None
    split = folds(data.keys, FOLDS, f"{_SALT} rare")
    texts = FitTexts(scored.scores, data.truth, split, top)
    return PointTexts(texts, texts.at(places == 1), texts.at(places == 2), decision.labels, grid)


def _default(settings: TuneSettings, tuned: Tuned, decision: DecisionBlock) -> str:
    made = [point.name for point in tuned.block.points]
    if settings.default_point is not None:
        wanted = str(point_name(settings.default_point, one_label=decision.one_label))
        if wanted not in made:
            raise InputError(f"default point {wanted} cannot be made: {'; '.join(tuned.notices)}")
        return wanted
    usual = "argmax" if decision.one_label else "f1"
    return usual if usual in made else made[0]
