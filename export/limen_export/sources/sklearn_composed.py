"""Pipelines of scikit-learn that say yes or no, under a rule: their vectorisers stand side by side
in one encoder, equal ones once, and each part's weights count for its own output.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from limen.arrays import FloatArray, WideArray
from limen.errors import ExportError, LimenError
from limen.format import Link, TfidfBlock, limits

from limen_export.graph.block_sum import WeightBlock, block_sum
from limen_export.graph.curves import SigmoidCurves, side_by_side
from limen_export.graph.endings import AsTheyAre, LogCalibrated, NoAtZero, Votes
from limen_export.graph.gather_sum import Ending
from limen_export.reference import Reference
from limen_export.sources.composing import Composition
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.sklearn_calibration import Calibrated, check_alike
from limen_export.sources.sklearn_pipeline import LIBRARIES, open_pipeline
from limen_export.sources.sklearn_yes_no import YesOrNo, yes_or_no
from limen_export.versions import installed_versions


def reference(composition: Composition, wishes: SourceWishes) -> Reference:
    """Read the parts and make their graph.

    Raises:
        ExportError: a part cannot be read or says more than yes or no, some are calibrated and
            others not, or their vectorisers do not stand side by side; the message names the part.
        InputError: a wish that does not apply.
    """
    parts = [_read(composition, place, wishes) for place in range(len(composition.parts))]
    name = composition.name_of([part.opened.name for part in parts])
    shared = _shared(parts)
    encoder = _encoder(parts, shared, composition)
    decided = _decided(parts, composition, name)
    notices = [notice for part in parts for notice in part.opened.notices]
    return Reference(
        name=name,
        licence=None,
        labels=composition.labels,
        rule=composition.rule,
        link=decided.link,
        encoder=encoder,
        logits=ComposedLogits(parts, shared, decided),
        graph=block_sum(_blocks(parts, shared, decided.folds), decided.intercept, decided.ending),
        versions=installed_versions(LIBRARIES),
        notices=(*dict.fromkeys(notices), *_told(parts, shared, decided)),
    )


@dataclass(frozen=True, eq=False)
class Decided:
    """How the sums of the parts become outputs.

    Attributes:
        link: see above.
        ending: the end of the graph.
        intercept: float64, (folds x parts,), fold after fold.
        folds: columns of each part.
        probable: what the source gives are logarithms of probabilities that its values, by a
            sigmoid, stand for.
    """

    link: Link
    ending: Ending
    intercept: WideArray
    folds: int = 1
    probable: bool = False


class ComposedLogits:
    """What scikit-learn itself gives for texts, part by part."""

    def __init__(
        self, parts: Sequence[YesOrNo], shared: Sequence[Sequence[int]], decided: Decided
    ) -> None:
        """Keep the parts."""
        self._parts = parts
        self._shared = shared
        self._decided = decided

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        found = np.empty((len(texts), len(self._parts)))
        for places in self._shared:
            matrix = self._parts[places[0]].opened.features(texts)
            for place in places:
                part = self._parts[place]
                votes = self._decided.link == "labels"
                found[:, place] = part.vote(matrix) if votes else part.value(matrix)
        if self._decided.probable:
            found = -np.logaddexp(0.0, -found)
        return found.astype(np.float32)


def _read(composition: Composition, place: int, wishes: SourceWishes) -> YesOrNo:
    part = composition.parts[place]
    try:
        return yes_or_no(open_pipeline(part.source, wishes), part, composition.labels)
    except LimenError as error:
        raise type(error)(f"part {part.name}: {error}") from error


def _shared(parts: Sequence[YesOrNo]) -> list[list[int]]:
    """Places of the parts whose vectorisers are equal, each such group in the order of its first
    part.
    """
    groups: list[list[int]] = []
    for place, part in enumerate(parts):
        own = next((group for group in groups if _equal(parts[group[0]].block, part.block)), None)
        if own is None:
            groups.append([place])
        else:
            own.append(place)
    return groups


def _equal(one: TfidfBlock, other: TfidfBlock) -> bool:
    if one.to_json() != other.to_json():
        return False
    first, second = one.tables(), other.tables()
    return first.keys() == second.keys() and all(
        np.array_equal(table, second[name]) for name, table in first.items()
    )


def _encoder(
    parts: Sequence[YesOrNo], shared: Sequence[Sequence[int]], composition: Composition
) -> TfidfBlock:
    blocks = [parts[places[0]].block for places in shared]
    if len(blocks) == 1:
        return blocks[0]
    for block, places in zip(blocks, shared, strict=True):
        if block.weightings:
            raise ExportError(
                f"part {composition.parts[places[0]].name}: a TfidfTransformer behind a "
                "FeatureUnion weights all its features together, which a file holds once for all "
                "parts; put one behind each vectoriser inside the union, or fit all parts on one"
            )
    vectorisers = tuple(one for block in blocks for one in block.parts)
    features = sum(block.features for block in blocks)
    if len(vectorisers) > limits.MAX_VECTORISERS or features > limits.MAX_FEATURES:
        raise ExportError(
            f"{len(vectorisers)} unlike vectorisers with {features:,} features; a file holds "
            f"{limits.MAX_VECTORISERS} with {limits.MAX_FEATURES:,}: fit the parts on the features "
            "of one vectoriser, which is then kept once"
        )
    return TfidfBlock(vectorisers)


def _blocks(
    parts: Sequence[YesOrNo], shared: Sequence[Sequence[int]], folds: int
) -> list[WeightBlock]:
    blocks = []
    for places in shared:
        weights = [_signed(parts[place], parts[place].columns.weights) for place in places]
        columns = [fold * len(parts) + place for place in places for fold in range(folds)]
        together = np.concatenate(weights, axis=1).astype(np.float32)
        blocks.append(WeightBlock(together, np.array(columns, np.int64)))
    return blocks


def _signed(part: YesOrNo, numbers: WideArray) -> WideArray:
    """Turn plain values to the output; calibrated ones are turned by their curves."""
    return numbers if part.calibrated is not None else part.sign * numbers


def _decided(parts: Sequence[YesOrNo], composition: Composition, name: str) -> Decided:
    curves = [part.calibrated for part in parts if part.calibrated is not None]
    if len(curves) == len(parts):
        return _decided_by_curves(parts, curves, composition, name)
    if curves:
        one, other = (
            next(
                part.name
                for part, read in zip(composition.parts, parts, strict=True)
                if (read.calibrated is None) == plain
            )
            for plain in (False, True)
        )
        raise ExportError(
            f"part {one} is calibrated, and part {other} is not: their values cannot be compared; "
            "calibrate all of them, or none, and then the file with limen tune"
        )
    intercept = np.concatenate([_signed(part, part.columns.intercept) for part in parts])
    above = np.array([part.limit for part in parts])
    if composition.only_labels:
        return Decided("labels", Votes(above), intercept)
    if composition.rule == "multilabel":
        return Decided("sigmoid", NoAtZero(above), intercept)
    if composition.rule == "one_vs_one" and all(part.is_bayes for part in parts):
        # scikit-learn takes the probability for a pair's confidence, not the log-odds.
        width = len(parts)
        ending = LogCalibrated(SigmoidCurves(np.full(width, -1.0), np.zeros(width)), folds=1)
        return Decided("log", ending, intercept, probable=True)
    return Decided("sigmoid", AsTheyAre(len(parts)), intercept)


def _decided_by_curves(
    parts: Sequence[YesOrNo], curves: Sequence[Calibrated], composition: Composition, name: str
) -> Decided:
    """A part about the first of its classes gives the complement of what its curve says."""
    check_alike(curves, name)
    folds = curves[0].folds
    turned = [
        one.column_curves.turned(np.full(folds, float(part.sign)))
        for part, one in zip(parts, curves, strict=True)
    ]
    by_fold = np.arange(len(parts) * folds).reshape(len(parts), folds).T.ravel()
    ending: Ending = LogCalibrated(
        side_by_side(turned).ordered(by_fold),
        folds,
        probabilities=curves[0].probabilities,
        apart=True,
        limits=_limits(parts) if composition.rule == "multilabel" else None,
    )
    link: Link = "log"
    if composition.only_labels:
        link, ending = "labels", Votes(np.log(_limits(parts)), ending)
    intercept = np.stack([one.columns.intercept for one in curves], axis=1)
    return Decided(link, ending, intercept.ravel(), folds)


def _limits(parts: Sequence[YesOrNo]) -> WideArray:
    """What the probability of each part is above where scikit-learn says yes: at 0.5 it takes the
    first class.
    """
    below = np.nextafter(0.5, 0.0)
    return np.array([0.5 if part.second else below for part in parts])


def _told(parts: Sequence[YesOrNo], shared: Sequence[Sequence[int]], decided: Decided) -> list[str]:
    how = "one vectoriser" if len(shared) == 1 else f"{len(shared)} vectorisers"
    told = [f"{len(parts)} parts behind {how}"]
    unsure = [part for part in parts if not part.columns.sure and part.calibrated is None]
    if unsure and decided.link != "labels":
        kind = type(unsure[0].classifier).__name__
        told.append(
            f"scores are the logistic function of {kind}'s decision values, which are no "
            "probabilities, and each part's are on a scale of its own; calibrate with labelled "
            "texts (--data, or limen tune)"
        )
    return told
