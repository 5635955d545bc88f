"""Judging a classifier file on labelled texts."""

from collections.abc import Iterable
from dataclasses import dataclass

from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.collecting import LabelledLogits, check_truth, collect, find_repeats
from limen.evaluation.intervals import USUAL, BootstrapSettings, judge_with_intervals
from limen.evaluation.judged_point import judged_at
from limen.evaluation.labelled_source import LabelledText
from limen.evaluation.report.shown import Shown
from limen.format import ClassifierFile, DecisionBlock, OperatingPoint
from limen.opening import open_model
from limen.progress import Progress, Silent


@dataclass(frozen=True)
class EvaluationSettings:
    """How to judge.

    Attributes:
        points: names of operating points that the file carries; none for its default point.
        bootstrap: how intervals are drawn.
        threads: how many texts to run at once; None follows CPU affinity and quota.
    """

    points: tuple[str, ...] = ()
    bootstrap: BootstrapSettings = USUAL
    threads: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """How good a file is.

    Attributes:
        points: each operating point with its figures, in the order asked for.
        notices: what the user should know about the texts.
    """

    points: tuple[Shown, ...]
    notices: tuple[str, ...]


def evaluate(
    file: ClassifierFile,
    texts_name: str,
    rows: Iterable[LabelledText],
    settings: EvaluationSettings | None = None,
    told: Progress | None = None,
) -> Evaluation:
    """Run labelled texts through a file and judge what it decides.

    Args:
        file: read and checked.
        texts_name: what the texts are called; a notice says if the file was fitted on texts of
            that name.
        rows: labelled texts, with places in the file's labels; read once, not kept.
        settings: points and intervals.
        told: is told each step; None for nobody.

    Raises:
        InputError: no such point, or texts that cannot be used.
        EngineError: the file cannot be run.
    """
    settings = settings or EvaluationSettings()
    told = told or Silent()
    decision = file.metadata.decision
    points = [decision.point(name) for name in settings.points or (decision.default_point,)]
    if len({point.name for point in points}) != len(points):
        raise InputError("an operating point is asked for twice; name each once")
    told.step(f"opening {file.name}")
    data = collect(open_model(file, threads=settings.threads), rows, told)
    notices = check_truth(data.truth, decision.labels, exclusive=decision.one_label)
    told.step(f"judging {counted(len(data), 'text')}")
    shown = tuple(_shown(data, decision, point, settings.bootstrap) for point in points)
    return Evaluation(shown, (*notices, *contradictions(data), *_seen(file, texts_name)))


def contradictions(data: LabelledLogits) -> tuple[str, ...]:
    """Return a notice about texts that stand more than once with unlike labels; none without."""
    found = find_repeats(data).contradictory
    if not found:
        return ()
    rows = ", ".join(str(row + 1) for row in found[0][:5])
    return (
        f"texts that stand more than once with unlike labels: {len(found):,}, the first in rows "
        f"{rows}",
    )


def _seen(file: ClassifierFile, texts_name: str) -> tuple[str, ...]:
    fit = file.metadata.evidence.fit_of(file.metadata.decision.block_name)
    if fit is None or fit.texts_name != texts_name:
        return ()
    return (
        f"calibration and points were fitted on texts called {texts_name!r} too: if these are the "
        "same, the figures below are better than they will be on others; limen inspect shows "
        "those that were judged out of fold",
    )


def _shown(
    data: LabelledLogits,
    decision: DecisionBlock,
    point: OperatingPoint,
    bootstrap: BootstrapSettings,
) -> Shown:
    judged = judged_at(data.logits, data.truth, decision, point)
    return Shown(judged, judge_with_intervals(judged, bootstrap))
