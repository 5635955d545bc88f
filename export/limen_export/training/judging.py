"""How good a trained classifier is: calibration and thresholds from dev, figures from test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.intervals import (
    BootstrapSettings,
    Difference,
    Metric,
    judge_with_intervals,
    paired_difference,
)
from limen.evaluation.judged import Cells, Judged
from limen.evaluation.judged_point import judged_at
from limen.evaluation.report.shown import Shown
from limen.evaluation.tuning import LEAST_TEXTS, TuneSettings, fit_block
from limen.format import DecisionBlock, OperatingPoint

from limen_export.training.dev_figure import undecided
from limen_export.training.examples import Examples
from limen_export.training.reading_back import ReadBack
from limen_export.training.splitting import Split


@dataclass(frozen=True, eq=False)
class Judgement:
    """How good a classifier is on the test texts.

    Attributes:
        name: of the classifier.
        plain: decided with nothing fitted: at 0.5, or the label that ranks first.
        points: decided with calibration and thresholds that were fitted on dev; the default point
            first.
        calibration: the kind that was fitted.
        decision: with the block that was fitted; its labels may stand in an order of their own.
        test: what the classifier gives for the test texts; columns as in `decision`.
        notices: what the user should know of the fit.
    """

    name: str
    plain: Shown
    points: tuple[Shown, ...]
    calibration: str
    decision: DecisionBlock
    test: LabelledLogits
    notices: tuple[str, ...]

    @property
    def tuned(self) -> Shown:
        """The default point that was fitted."""
        return self.points[0]


def check_parts(data: Split) -> None:
    """Refuse parts that nothing can be learned from, fitted on or judged by.

    Raises:
        InputError: a class without a text in train, too few unlike texts in dev, or none in test.
    """
    train, dev, test = data.train, data.dev, data.test
    absent = [train.labels[place] for place in np.flatnonzero(train.support == 0)]
    if absent and train.task == "multiclass":
        raise InputError(
            f"{len(absent)} of {len(train.labels)} labels have no text left to train on (the first "
            f"is {absent[0]!r}), all of theirs being in dev or test; add others, or leave such "
            "labels out (--min-examples)"
        )
    unlike = len(np.unique(dev.keys))
    if unlike < LEAST_TEXTS:
        raise InputError(
            f"dev has {counted(unlike, 'unlike text')}, and thresholds need {LEAST_TEXTS}; give "
            "more texts, a larger share (--dev-share), or a file of its own (--dev)"
        )
    if not len(test):
        raise InputError("test has no text; give a larger share (--test-share) or a file (--test)")


def judge_trained(
    trained: ReadBack, name: str, dev: Examples, test: Examples, bootstrap: BootstrapSettings
) -> Judgement:
    """Fit calibration and thresholds on dev, and judge on test.

    Args:
        trained: the classifier, as its own library runs it.
        name: what reports call it.
        dev: texts to fit on.
        test: texts to judge by; looked at here and nowhere else.
        bootstrap: how intervals are drawn.

    Raises:
        InputError: dev has too few texts.
    """
    plain = undecided(trained.rule, trained.labels, trained.link)
    columns = [test.labels.index(label) for label in trained.labels]
    fitted_on = LabelledLogits(trained.logits(dev.texts), dev.truth[:, columns], dev.keys)
    tuned = fit_block(fitted_on, plain, TuneSettings(), "dev")
    decision = plain.using(tuned.block)
    logits, truth = trained.logits(test.texts), test.truth[:, columns]

    def shown(block: DecisionBlock, point: OperatingPoint) -> Shown:
        judged = _in_order_of(judged_at(logits, truth, block, point), test.labels)
        return Shown(judged, judge_with_intervals(judged, bootstrap))

    points = sorted(decision.points, key=lambda point: point.name != decision.default_point)
    return Judgement(
        name=name,
        plain=shown(plain, plain.points[0]),
        points=tuple(shown(decision, point) for point in points),
        calibration=tuned.calibration,
        decision=decision,
        test=LabelledLogits(logits, truth, test.keys),
        notices=tuned.notices,
    )


def headline_metrics(judged: Judged) -> tuple[Metric, ...]:
    """Return the figures that reports put first."""
    return ("accuracy", "macro_f1") if judged.exclusive else ("macro_f1", "micro_f1")


def compared(before: Shown, after: Shown, bootstrap: BootstrapSettings) -> tuple[Difference, ...]:
    """Compare two sets of decisions on the same texts by the headline figures."""
    metrics = headline_metrics(after.judged)
    return tuple(
        paired_difference(before.judged, after.judged, metric, bootstrap) for metric in metrics
    )


def _in_order_of(judged: Judged, labels: Sequence[str]) -> Judged:
    """Put columns into another order of labels."""
    places = [judged.labels.index(label) for label in labels]
    scores, thresholds = judged.scores, judged.thresholds
    return replace(
        judged,
        labels=tuple(labels),
        truth=_columns(judged.truth, places),
        chosen=_columns(judged.chosen, places),
        scores=None if scores is None else np.ascontiguousarray(scores[:, places]),
        thresholds=None if thresholds is None else tuple(thresholds[place] for place in places),
    )


def _columns(cells: Cells, places: list[int]) -> Cells:
    return np.ascontiguousarray(cells[:, places])
