"""Names of operating points that say what they were fitted for (docs/format.md, "Points")."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

PointKind: TypeAlias = Literal[
    "argmax", "half", "f1", "micro_f1", "precision", "recall", "cost", "coverage"
]
_PLAIN = frozenset({"argmax", "half", "f1", "micro_f1"})
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})"
_AT = re.compile(rf"(precision|recall|coverage)@{_NUMBER}(?::conf{_NUMBER})?", re.ASCII)
_COST = re.compile(rf"cost\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)", re.ASCII)


@dataclass(frozen=True)
class PointName:
    """A name, taken apart.

    Attributes:
        kind: what the thresholds were fitted for.
        level: the precision, recall or coverage asked for, in (0, 1); None for the other kinds.
        confidence: the confidence, in (0, 1), with which a precision is promised for new texts;
            None where nothing is promised with a confidence.
        costs: of a label given wrongly and of a label missed, for `cost`; None else.
    """

    kind: PointKind
    level: float | None = None
    confidence: float | None = None
    costs: tuple[float, float] | None = None

    @property
    def promises(self) -> bool:
        """Whether the point promises something about new texts."""
        return self.kind == "coverage" or self.confidence is not None

    def __str__(self) -> str:
        """Write the name in its one canonical form, such as `precision@0.90:conf0.95`."""
        if self.costs is not None:
            return f"cost({','.join(_shortest(cost) for cost in self.costs)})"
        if self.level is None:
            return self.kind
        confidence = "" if self.confidence is None else f":conf{_decimal(self.confidence)}"
        return f"{self.kind}@{_decimal(self.level)}{confidence}"


def parse_point_name(text: str) -> PointName | None:
    """Take a name apart; None for a free name such as `custom`, or one whose numbers are out of
    range.
    """
    if text in _PLAIN:
        return PointName(cast("PointKind", text))
    found = _AT.fullmatch(text)
    if found:
        kind, level, confidence = found.groups()
        wanted, sure = float(level), None if confidence is None else float(confidence)
        if not 0.0 < wanted < 1.0 or not (sure is None or 0.0 < sure < 1.0):
            return None
        if sure is not None and kind != "precision":
            return None
        return PointName(cast("PointKind", kind), wanted, sure)
    found = _COST.fullmatch(text)
    if found:
        false_positive, false_negative = (float(cost) for cost in found.groups())
        if false_positive > 0 and false_negative > 0:
            return PointName("cost", costs=(false_positive, false_negative))
    return None


def canonical(name: str) -> str:
    """Return the canonical form: `precision@0.9` and `precision@0.90` name the same point."""
    parsed = parse_point_name(name)
    return name if parsed is None else str(parsed)


def _decimal(share: float) -> str:
    short = f"{share:.2f}"
    return short if float(short) == share else _shortest(share)


def _shortest(number: float) -> str:
    """The fewest digits that read back as the number, never with an exponent."""
    # Who loads a file to decide with it writes no names.
    from decimal import Decimal

    written = f"{Decimal(repr(number)):f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
