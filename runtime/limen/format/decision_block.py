"""`limen.decision`: how logits become labels (docs/format.md, "limen.decision")."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from limen.errors import InputError
from limen.format import limits
from limen.format.json_block import Json, Node

Rule: TypeAlias = Literal["multiclass", "multilabel"]
Link: TypeAlias = Literal["softmax", "sigmoid"]
RULES: tuple[str, ...] = get_args(Rule)
LINKS: tuple[str, ...] = get_args(Link)
Thresholds: TypeAlias = tuple[float, ...] | None


@dataclass(frozen=True)
class OperatingPoint:
    """A named set of thresholds.

    Attributes:
        name: such as `half`, `f1`, `argmax`, `custom`.
        thresholds: one in [0, 1] for each label, in label order; None for a point that takes the
            best label and never abstains (multi-class only).
    """

    name: str
    thresholds: Thresholds


@dataclass(frozen=True)
class DecisionBlock:
    """Rule, labels, link and operating points of a classifier file.

    Attributes:
        rule: `multiclass` or `multilabel`.
        labels: names in the order of the scores; unique and not empty.
        link: logits to scores. `sigmoid` with `multiclass` and two labels means one output: the
            score of the second label, the first one getting the rest.
        points: at least one operating point, names unique.
        default_point: the one used when none is asked for.

    Raises:
        InputError: the parts do not fit each other.
    """

    rule: Rule
    labels: tuple[str, ...]
    link: Link
    points: tuple[OperatingPoint, ...]
    default_point: str

    def __post_init__(self) -> None:
        """Refuse parts that do not fit each other, so that every instance can be used."""
        _check_labels(self.labels)
        if self.rule == "multilabel" and self.link != "sigmoid":
            raise InputError(f"rule multilabel needs link sigmoid, found {self.link}")
        if self.rule == "multiclass" and len(self.labels) < 2:
            raise InputError("rule multiclass needs two labels or more, found one")
        if self.rule == "multiclass" and self.link == "sigmoid" and len(self.labels) != 2:
            raise InputError(
                f"rule multiclass with link sigmoid needs two labels, found {len(self.labels)}"
            )
        names = [point.name for point in self.points]
        if len(set(names)) != len(names) or not 0 < len(names) <= limits.MAX_OPERATING_POINTS:
            raise InputError(
                f"1 to {limits.MAX_OPERATING_POINTS} operating points of unlike names expected"
            )
        if self.default_point not in names:
            raise InputError(f"default point {self.default_point!r} is none of {', '.join(names)}")
        for point in self.points:
            self._check_point(point)

    def _check_point(self, point: OperatingPoint) -> None:
        if point.thresholds is None:
            if self.rule != "multiclass":
                raise InputError(
                    f"operating point {point.name!r}: rule {self.rule} needs thresholds"
                )
            return
        if len(point.thresholds) != len(self.labels):
            raise InputError(
                f"operating point {point.name!r}: {len(point.thresholds)} thresholds for "
                f"{len(self.labels)} labels"
            )
        for label, threshold in zip(self.labels, point.thresholds, strict=True):
            if not (math.isfinite(threshold) and 0.0 <= threshold <= 1.0):
                raise InputError(
                    f"operating point {point.name!r}: threshold {threshold} of label {label!r} is "
                    f"outside [0, 1]"
                )

    @property
    def outputs(self) -> int:
        """Width of the logits that the graph must give."""
        return 1 if self.rule == "multiclass" and self.link == "sigmoid" else len(self.labels)

    def point(self, name: str) -> OperatingPoint:
        """Find an operating point.

        Raises:
            InputError: the file carries no point of that name.
        """
        for point in self.points:
            if point.name == name:
                return point
        carried = ", ".join(point.name for point in self.points)
        raise InputError(f"operating point {name!r} is not in this file; it carries: {carried}")

    def to_json(self) -> Json:
        """Return the block as `limen.decision` stores it."""
        points: dict[str, Json] = {
            point.name: None if point.thresholds is None else list(point.thresholds)
            for point in self.points
        }
        return {
            "abstain": None,
            "calibration": None,
            "default_point": self.default_point,
            "labels": list(self.labels),
            "link": self.link,
            "points": points,
            "rule": self.rule,
        }

    @classmethod
    def from_json(cls, node: Node) -> "DecisionBlock":
        """Read the block.

        Raises:
            FormatError: a field is missing, of a wrong type, or the parts do not fit each other.
        """
        for later in ("calibration", "abstain"):
            if not node.is_null(later):
                node.fail(f"{later} is not known to this version of limen; upgrade limen")
        stored = node.node("points")
        points = tuple(
            OperatingPoint(
                name,
                None if stored.is_null(name) else stored.numbers(name, limits.MAX_LABELS, 0.0, 1.0),
            )
            for name in stored.keys()  # noqa: SIM118  (Node.keys is a method of ours, not dict's)
        )
        try:
            return cls(
                rule=cast("Rule", node.string("rule", RULES)),
                labels=node.strings("labels", limits.MAX_LABELS),
                link=cast("Link", node.string("link", LINKS)),
                points=points,
                default_point=node.string("default_point"),
            )
        except InputError as error:
            node.fail(str(error))


def _check_labels(labels: tuple[str, ...]) -> None:
    if not 0 < len(labels) <= limits.MAX_LABELS:
        raise InputError(f"{len(labels):,} labels, expected 1 to {limits.MAX_LABELS:,}")
    seen: set[str] = set()
    for index, label in enumerate(labels):
        if not label.strip() or len(label) > limits.MAX_LABEL_CHARACTERS:
            raise InputError(
                f"label {index} is empty or longer than {limits.MAX_LABEL_CHARACTERS:,} characters"
            )
        if any("\ud800" <= one <= "\udfff" for one in label):
            raise InputError(f"label {index} holds a lone surrogate: not valid Unicode")
        if label in seen:
            raise InputError(f"label {label!r} stands twice, expected unique names")
        seen.add(label)
