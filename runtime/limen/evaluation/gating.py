"""The quality gate: one rung of the precision ladder beside the source, on the same texts.

The rule and what it rests on are in docs/gate.md.
"""

from dataclasses import dataclass

import numpy as np

from limen.agreement import beyond_parity
from limen.arrays import FloatArray
from limen.decision.scoring import check_finite
from limen.errors import InputError
from limen.evaluation.agreement_bounds import cells_low, texts_low
from limen.evaluation.collecting import LabelledLogits, check_truth
from limen.evaluation.cross_fitting import (
    DecisionByFold,
    cross_fit,
    needed_for_the_default,
    not_fitted,
)
from limen.evaluation.gate_settings import USUAL, GateSettings, TrueLabels
from limen.evaluation.gate_verdict import AgreementFound, verdict_on
from limen.evaluation.intervals import Metric, paired_difference
from limen.evaluation.judged import Cells, Judged
from limen.evaluation.tuning import fit_block
from limen.format import DecisionBlock, GateRecord, Judgement, RungQuality, Verdict

__all__ = ["Gate", "GateFigures", "GateSettings", "TrueLabels"]


@dataclass(frozen=True)
class GateFigures:
    """What the gate found out about a rung.

    Attributes:
        texts: how many it was judged on.
        max_logit_difference: largest absolute difference to the source's logits.
        cells_alike, cells_alike_low: share of (text, label) pairs decided alike, in [0, 1], and its
            lower 95 % bound.
        texts_alike, texts_alike_low: share of texts with the same labels, and its lower 95 % bound.
        quality: on labelled texts; None without labels.
        verdict: `passed`, `failed`, or `undecided`: the drop is inside what is allowed and its
            interval is not. It is never `undecided` with `strict`.
        why: one sentence with figures.
    """

    texts: int
    max_logit_difference: float
    cells_alike: float
    cells_alike_low: float
    texts_alike: float
    texts_alike_low: float
    quality: RungQuality | None
    verdict: Verdict
    why: str

    @property
    def passes(self) -> bool:
        """Whether a file of this rung may be written."""
        return self.verdict != "failed"

    @property
    def judgement(self) -> Judgement:
        """What `limen.evidence` keeps beside the rung's own figures."""
        return Judgement(
            texts_alike_low=self.texts_alike_low,
            cells_alike_low=self.cells_alike_low,
            quality=self.quality,
            verdict=self.verdict,
            why=self.why,
        )


class Gate:
    """The source's decisions on some texts, with which any number of rungs are compared.

    With labelled texts whose thresholds are to be fitted, they are cross-fitted: on the source's
    logits here, once, and on those of each rung when it is judged. Agreement is counted with both
    decided by the source's thresholds, so that it is about the graph; the metric with each decided
    by its own, as files are.
    """

    def __init__(
        self,
        decision: DecisionBlock,
        source: FloatArray,
        labelled: TrueLabels | None = None,
        settings: GateSettings = USUAL,
        unlabelled: FloatArray | None = None,
    ) -> None:
        """Decide about the texts as the source does.

        Args:
            decision: rule, labels, link and points; without anything to fit its default point
                decides.
            source: float32, (texts, outputs), at least one text: the source's logits.
            labelled: what is true of the texts; None for texts without labels.
            settings: what a rung must reach.
            unlabelled: float32, (more texts, outputs): the source's logits of texts that only the
                agreement is counted on, beside those of `source`; what was fitted on all of
                those decides about them. None for none.

        Raises:
            InputError: no text, arrays that do not fit each other or the decision, labels that say
                nothing (`check_truth`), or too few labelled texts to fit thresholds on.
            EngineError: a logit of the source is NaN or infinite.
        """
        texts = len(source)
        if np.ndim(source) != 2 or texts == 0 or source.shape[1] != decision.outputs:
            raise InputError(
                f"logits of the source of shape {np.shape(source)}, expected one or more texts and "
                f"{decision.outputs:,} outputs"
            )
        check_finite(source)
        self._decision, self._source, self._labelled = decision, source, labelled
        self._settings = settings
        self._fit = None
        self._decider = not_fitted(decision, texts)
        if labelled is not None:
            _check_labelled(labelled, decision, texts)
            if labelled.fit is not None:
                data = LabelledLogits(source, labelled.truth, labelled.keys)
                self._fit = needed_for_the_default(data, decision, labelled.fit)
                self._decider = cross_fit(data, decision, self._fit)
        self._chosen = self._decider.decide(source)
        none = np.empty((0, decision.outputs), dtype=np.float32)
        self._unlabelled: FloatArray = none if unlabelled is None else unlabelled
        self._unlabelled_decider = self._fitted_on_all()
        self._unlabelled_chosen = self._unlabelled_decider.decide(self._unlabelled)

    def _fitted_on_all(self) -> DecisionByFold:
        labelled, decision = self._labelled, self._decision
        check_finite(self._unlabelled)
        if not len(self._unlabelled) or labelled is None or self._fit is None:
            return not_fitted(decision, len(self._unlabelled))
        data = LabelledLogits(self._source, labelled.truth, labelled.keys)
        tuned = fit_block(data, decision, self._fit, "judged")
        return not_fitted(decision.using(tuned.block), len(self._unlabelled))

    @property
    def record(self) -> GateRecord:
        """By which rule rungs are judged, as `limen.evidence` keeps it."""
        return GateRecord(
            max_drop=self._settings.max_drop,
            min_agreement=self._settings.least(self._decision),
            unit="texts" if self._decision.one_label else "cells",
            strict=self._settings.strict,
            point=self._decider.point.name,
            fitted=self._fit is not None,
            labelled=self._labelled is not None,
        )

    def judge(self, logits: FloatArray, unlabelled: FloatArray | None = None) -> GateFigures:
        """Judge a rung.

        Args:
            logits: float32, (texts, outputs), of the source's texts in their order.
            unlabelled: the same of the unlabelled texts; None where the gate has none.

        Raises:
            InputError: another shape than the source's.
            EngineError: a logit is NaN or infinite.
        """
        more = self._unlabelled[:0] if unlabelled is None else unlabelled
        for found_here, source in ((logits, self._source), (more, self._unlabelled)):
            if np.shape(found_here) != source.shape:
                raise InputError(
                    f"logits of shape {np.shape(found_here)}, the source's are {source.shape}; "
                    "expected the same texts and outputs"
                )
            check_finite(found_here)
        chosen = self._decider.decide(logits)
        both, every = (
            np.concatenate([logits, more]),
            np.concatenate([self._source, self._unlabelled]),
        )
        found = _agreement(
            np.concatenate([self._chosen, self._unlabelled_chosen]),
            np.concatenate([chosen, self._unlabelled_decider.decide(more)]),
            exact=bool((beyond_parity(every, both) <= 0).all()),
        )
        quality = self._quality(logits, chosen)
        verdict, why = verdict_on(found, quality, self.record)
        return GateFigures(
            texts=found.texts,
            max_logit_difference=float(np.abs(every - both).max()),
            cells_alike=found.cells_alike,
            cells_alike_low=found.cells_alike_low,
            texts_alike=found.texts_alike,
            texts_alike_low=found.texts_alike_low,
            quality=quality,
            verdict=verdict,
            why=why,
        )

    def _quality(self, logits: FloatArray, chosen: Cells) -> RungQuality | None:
        labelled = self._labelled
        if labelled is None:
            return None
        own = chosen
        if self._fit is not None:
            data = LabelledLogits(logits, labelled.truth, labelled.keys)
            own = cross_fit(data, self._decision, self._fit).decide(logits)
        metric: Metric = "accuracy" if self._decision.one_label else "macro_f1"
        source, rung = (self._judged(cells, labelled) for cells in (self._chosen, own))
        found = paired_difference(source, rung, metric)
        same = self._chosen == own
        return RungQuality(
            metric=metric,
            source=found.first,
            rung=found.second,
            # No drop is 0.0, never -0.0.
            drop=found.first - found.second,
            drop_low=0.0 - found.high,
            drop_high=0.0 - found.low,
            texts_alike_own=float(same.all(axis=1).mean()),
            cells_alike_own=float(same.mean()),
        )

    def _judged(self, chosen: Cells, labelled: TrueLabels) -> Judged:
        """Put decisions beside the truth, in the order of the keys, so that the order of the texts
        does not move an interval; of labels that are given in any number only those that are true
        of a text, since the others have an F1 of 0 as soon as they are given once, and none before.
        """
        bits = np.packbits(labelled.truth, axis=1)
        order = np.lexsort((*bits.T, labelled.keys))
        truth, chosen = labelled.truth[order], chosen[order]
        labels, exclusive = self._decision.labels, self._decision.one_label
        kept = np.flatnonzero(truth.any(axis=0)) if not exclusive else np.arange(len(labels))
        return Judged(
            labels=tuple(labels[place] for place in kept),
            truth=truth[:, kept],
            chosen=chosen[:, kept],
            exclusive=exclusive,
            sets=self._decider.point.sets,
        )


def _check_labelled(labelled: TrueLabels, decision: DecisionBlock, texts: int) -> None:
    expected = (texts, len(decision.labels))
    if labelled.truth.shape != expected:
        raise InputError(
            f"truth of shape {labelled.truth.shape}, expected {expected}: (texts, labels)"
        )
    check_truth(labelled.truth, decision.labels, exclusive=decision.one_label)


def _agreement(source: Cells, rung: Cells, *, exact: bool) -> AgreementFound:
    texts, labels = source.shape
    differing = (source != rung).sum(axis=1).astype(np.int64)
    alike = int((differing == 0).sum())
    most = max(1, int((source | rung).sum(axis=1).max()))
    return AgreementFound(
        texts=texts,
        labels=labels,
        most=most,
        cells_alike=1.0 - int(differing.sum()) / (texts * labels),
        cells_alike_low=cells_low(differing, labels, most),
        texts_alike=alike / texts,
        texts_alike_low=texts_low(alike, texts),
        exact=exact,
    )
