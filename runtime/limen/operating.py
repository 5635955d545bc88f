"""What a caller may change about a decision: the operating point, the margin, the fallback."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real

from limen.counted import counted
from limen.errors import InputError
from limen.format import DecisionBlock, Fallback, OperatingPoint


def point_at(
    wanted: str | Mapping[str, float] | None, current: OperatingPoint, decision: DecisionBlock
) -> OperatingPoint:
    """Return the point that is asked for.

    Args:
        wanted: the name of one of the decision's points, or thresholds by label that replace those
            of `current`, which then promises nothing any more; None for `current` itself.
        current: the point in use.
        decision: labels and points.

    Raises:
        InputError: no such point, an unknown label, or a threshold outside [0, 1].
    """
    if wanted is None:
        return current
    if isinstance(wanted, str):
        return decision.point(wanted)
    if not isinstance(wanted, Mapping):
        raise InputError(
            f"{type(wanted).__name__} where an operating point is expected; give a name or a map "
            "from label to threshold"
        )
    labels = decision.labels
    unknown = [label for label in wanted if label not in labels]
    if unknown:
        raise InputError(
            f"thresholds name {unknown[0]!r}, which is none of the {counted(len(labels), 'label')}"
        )
    old = current.thresholds or (0.0,) * len(labels)
    new = {label: _share(value, f"threshold of {label!r}") for label, value in wanted.items()}
    mixed = tuple(new.get(label, kept) for label, kept in zip(labels, old, strict=True))
    return OperatingPoint("custom", mixed, sets=current.sets)


def with_policy(
    decision: DecisionBlock, margin: float | None, fallback: Fallback | None
) -> DecisionBlock:
    """Return the decision with another margin or fallback; None keeps either.

    Raises:
        InputError: a margin outside [0, 1], an unknown fallback, or one that the rule does not
            have.
    """
    policy = decision.abstain
    if margin is not None:
        if not decision.one_label:
            raise InputError(f"rule {decision.rule} gives any number of labels: it has no margin")
        policy = replace(policy, margin=_share(margin, "margin"))
    if fallback is not None:
        if decision.one_label:
            raise InputError(f"rule {decision.rule} gives one label: it needs no fallback")
        policy = replace(policy, fallback=fallback)
    return replace(decision, abstain=policy)


def _share(value: object, what: str) -> float:
    if isinstance(value, Real) and not isinstance(value, bool) and not value < 0 and value <= 1:
        return float(value)
    raise InputError(f"{what}: a number in [0, 1] expected")
