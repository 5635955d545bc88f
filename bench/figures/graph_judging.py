"""Decisions of a graph beside those of its source, on texts that no threshold was fitted on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from graph_subjects import GraphSubject
from limen.arrays import FloatArray
from limen.decision import decide, score
from limen.evaluation.collecting import LabelledLogits
from limen.evaluation.intervals import Metric, paired_difference
from limen.evaluation.judged import Judged
from limen.evaluation.parts import text_key
from limen.evaluation.tuning import TuneSettings, fit_block
from limen.format import DecisionBlock, OperatingPoint
from limen_export.reference import Reference


@dataclass(frozen=True, eq=False)
class Halves:
    """What a graph is judged on, and what its thresholds are fitted on.

    Attributes:
        decision: rule, labels and link.
        truth, keys: of all texts.
        judged: bool (texts,): texts to judge on; the others fit. All where nothing is fitted.
    """

    decision: DecisionBlock
    truth: npt.NDArray[np.bool_]
    keys: npt.NDArray[np.uint64]
    judged: npt.NDArray[np.bool_]

    def fitted(self, logits: FloatArray, calibration: str) -> tuple[DecisionBlock, str]:
        """Fit on the first half as `limen export` does; return the fitted decision, and the kind of
        calibration.
        """
        if self.decision.one_label:
            return self.decision, "none"
        data = LabelledLogits(logits, self.truth, self.keys).at(~self.judged)
        settings = TuneSettings(calibration=calibration)  # type: ignore[arg-type]
        tuned = fit_block(data, self.decision, settings, "fitted")
        return self.decision.using(tuned.block), tuned.calibration

    def judge(self, logits: FloatArray, decision: DecisionBlock) -> Judged:
        """Decide about the second half at the default point."""
        scored = score(logits[self.judged], decision)
        chosen = decide(scored, decision, decision.point(decision.default_point)).chosen
        return Judged(decision.labels, self.truth[self.judged], chosen, decision.one_label)


def halves_of(subject: GraphSubject, decision: DecisionBlock) -> Halves:
    """Fit on every second text and judge on the others; on all where one label is given."""
    if subject.truth is None:
        raise SystemExit(f"{subject.name} has no labels to judge by")
    judged = np.ones(len(subject.texts), dtype=np.bool_)
    if not decision.one_label:
        judged[::2] = False
    keys = np.array([text_key(text) for text in subject.texts], dtype=np.uint64)
    return Halves(decision, subject.truth, keys, judged)


def plain_decision(reference: Reference) -> DecisionBlock:
    """Return the decision of a file to which nothing was fitted."""
    labels = reference.labels
    half = OperatingPoint("half", (0.5,) * len(labels))
    point = OperatingPoint("argmax", None) if reference.rule == "multiclass" else half
    return DecisionBlock(reference.rule, labels, reference.link, (point,), point.name)


def judged_beside(logits: FloatArray, exact: FloatArray, halves: Halves) -> dict[str, Any]:
    """Compare a graph with its source.

    Args:
        logits: float32 (texts, outputs), of the graph.
        exact: the same, of the source.
        halves: of the texts.

    Returns:
        `cells alike` and `texts alike`, both decided by what was fitted to the source; the largest
        `difference` of a logit; `metric` by thresholds of the graph's own and by those of the
        source; `metric less fp32`: value and 95 % interval of its difference to the source's, for
        both.
    """
    source, kind = halves.fitted(exact, "auto")
    refitted, _ = halves.fitted(logits, kind)
    before, same, own = (
        halves.judge(exact, source),
        halves.judge(logits, source),
        halves.judge(logits, refitted),
    )
    alike = before.chosen == same.chosen
    metric: Metric = "accuracy" if before.exclusive else "macro_f1"
    differences = [paired_difference(before, other, metric) for other in (own, same)]
    return {
        "cells alike": float(alike.mean()),
        "texts alike": float(alike.all(axis=1).mean()),
        "difference": float(np.abs(logits - exact)[halves.judged].max()),
        "metric": [one.second for one in differences],
        "metric less fp32": [[one.value, one.low, one.high] for one in differences],
    }
