"""What the gate says: a verdict, and the figures that it rests on as a sentence."""

from dataclasses import dataclass

from limen.agreement import percent, signed
from limen.evaluation.agreement_bounds import cells_needed, texts_needed
from limen.format import GateRecord, RungQuality, Verdict


@dataclass(frozen=True)
class AgreementFound:
    """How far a rung decides like the source.

    Attributes:
        texts: how many.
        labels: of the classifier.
        most: the largest number of labels that both together gave to a text, 1 or more.
        cells_alike, cells_alike_low: share of (text, label) pairs, in [0, 1], and its lower bound.
        texts_alike, texts_alike_low: share of texts with the same labels, and its lower bound.
        exact: no logit differs by more than fp32 rounding.
    """

    texts: int
    labels: int
    most: int
    cells_alike: float
    cells_alike_low: float
    texts_alike: float
    texts_alike_low: float
    exact: bool


def verdict_on(
    found: AgreementFound, quality: RungQuality | None, rule: GateRecord
) -> tuple[Verdict, str]:
    """Judge, and say why.

    A rung whose logits differ from the source's by no more than fp32 rounding computes what the
    source computes: it passes, and no number of texts is asked for.
    """
    if found.exact:
        agreed = "logits differ from the source's by no more than fp32 rounding"
        return "passed", _joined(agreed, _drop(quality))
    against = [_against_agreement(found, rule), _against_quality(quality, rule)]
    if any(against):
        return "failed", _joined(*against)
    agreed = f"{_alike(found, rule)}, at least {percent(_of(found, rule)[1])}"
    if quality is not None and quality.drop_high > rule.max_drop:
        beyond = (
            f"which is inside {rule.max_drop:g}, but the interval reaches beyond: more labelled "
            "texts would decide"
        )
        return "undecided", _joined(agreed, f"{_drop(quality)}, {beyond}")
    return "passed", _joined(agreed, _drop(quality))


def _against_agreement(found: AgreementFound, rule: GateRecord) -> str:
    """Say what speaks against the agreement; nothing where it suffices."""
    share, low = _of(found, rule)
    least = rule.min_agreement
    if low >= least:
        return ""
    if share < least:
        return f"only {_alike(found, rule)}, expected {percent(least)}"
    needed = (
        texts_needed(least)
        if rule.unit == "texts"
        else cells_needed(least, found.labels, found.most)
    )
    if found.texts < needed:
        return (
            f"{found.texts:,} texts are too few to show {percent(least)} of "
            f"{_unit(rule)} decided alike: at least {needed:,} are needed, more where some differ"
        )
    return (
        f"{_alike(found, rule)}, but with 95% confidence only {percent(low)}, expected "
        f"{percent(least)}: more texts may show it"
    )


def _against_quality(quality: RungQuality | None, rule: GateRecord) -> str:
    if quality is None:
        return ""
    if quality.drop > rule.max_drop:
        return f"{_drop(quality)}, allowed {rule.max_drop:g}"
    if rule.strict and quality.drop_high > rule.max_drop:
        return f"{_drop(quality)}, and strict wants its upper end inside {rule.max_drop:g}"
    return ""


def _drop(quality: RungQuality | None) -> str:
    if quality is None:
        return ""
    return (
        f"{quality.metric} {quality.source:.4f} became {quality.rung:.4f}, a drop of "
        f"{signed(quality.drop)} [{signed(quality.drop_low)}, {signed(quality.drop_high)}]"
    )


def _of(found: AgreementFound, rule: GateRecord) -> tuple[float, float]:
    if rule.unit == "texts":
        return found.texts_alike, found.texts_alike_low
    return found.cells_alike, found.cells_alike_low


def _unit(rule: GateRecord) -> str:
    return "texts" if rule.unit == "texts" else "(text, label) pairs"


def _alike(found: AgreementFound, rule: GateRecord) -> str:
    return f"{percent(_of(found, rule)[0])} of {_unit(rule)} are decided alike"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
