"""An operating point: thresholds under a name, and what they promise."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, cast, get_args

import numpy as np

from limen.arrays import FloatArray
from limen.errors import InputError
from limen.format import limits
from limen.format.json_block import Json, Node

Thresholds: TypeAlias = tuple[float | None, ...] | None
PromiseKind: TypeAlias = Literal["precision", "coverage"]
_KINDS: tuple[str, ...] = get_args(PromiseKind)


@dataclass(frozen=True)
class Promise:
    """What an operating point promises about new texts of the same kind as those it was made on.

    Attributes:
        kind: `precision`: for each label by itself, a decision for it is right with a probability
            of at least `level`, and this holds with `confidence` over the choice of the texts that
            certified it. `coverage`: the expected share of a text's true labels that are among
            those given is at least `level` (1 for a text without true labels).
        level: in (0, 1).
        confidence: in (0, 1) for `precision`, None for `coverage`, which holds on average.
        texts: how many texts certified it.
        without: labels for which the texts were too few to promise anything; they are never given
            at this point.
    """

    kind: PromiseKind
    level: float
    confidence: float | None
    texts: int
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse shares that promise nothing, or everything."""
        shares = (self.level,) if self.confidence is None else (self.level, self.confidence)
        if not all(0.0 < share < 1.0 for share in shares):
            raise InputError("a promise with a level or confidence outside (0, 1)")
        if (self.confidence is None) != (self.kind == "coverage"):
            raise InputError(
                f"a promise of {self.kind} {'needs' if self.confidence is None else 'has no'} "
                "confidence"
            )

    def to_json(self) -> Json:
        """Return the promise as `limen.decision` stores it."""
        return {
            "confidence": self.confidence,
            "kind": self.kind,
            "level": self.level,
            "texts": self.texts,
            "without": list(self.without),
        }

    @classmethod
    def from_json(cls, node: Node) -> "Promise":
        """Read a promise; FormatError where it is not as documented."""
        kind = cast("PromiseKind", node.string("kind", _KINDS))
        return cls(
            kind=kind,
            level=node.number("level"),
            confidence=node.optional_number("confidence"),
            texts=node.integer("texts", 1, 2**53),
            without=node.strings("without", limits.MAX_LABELS),
        )


@dataclass(frozen=True)
class OperatingPoint:
    """A named set of thresholds.

    Attributes:
        name: such as `half`, `f1`, `argmax`, `precision@0.90`, `custom`.
        thresholds: one in [0, 1] for each label, in label order, or None for a label that is never
            given at this point; None altogether for a point that takes the best label and never
            abstains for its score (rules that give one label).
        sets: with a rule that gives one label: give every label at or above its threshold instead.
            That is a conformal set.
        promise: what holds for new texts; None for nothing.
    """

    name: str
    thresholds: Thresholds
    sets: bool = False
    promise: Promise | None = None

    @cached_property
    def lowest(self) -> FloatArray | None:
        """The thresholds as float32, (labels,), infinite for a label that is never given; None for
        a point without thresholds.
        """
        if self.thresholds is None:
            return None
        values = [np.inf if value is None else value for value in self.thresholds]
        return np.array(values, dtype=np.float32)

    def check(self, labels: tuple[str, ...], *, one_label: bool) -> None:
        """Check that the point fits a classifier.

        Args:
            labels: the classifier's labels.
            one_label: its rule gives one label a text.

        Raises:
            InputError: it does not fit.
        """
        if self.sets and (not one_label or self.thresholds is None):
            raise InputError(
                f"operating point {self.name!r}: sets need thresholds and a rule that gives one "
                f"label"
            )
        if self.thresholds is None:
            if not one_label:
                raise InputError(
                    f"operating point {self.name!r}: a rule that gives any number of labels needs "
                    "thresholds"
                )
        elif len(self.thresholds) != len(labels):
            raise InputError(
                f"operating point {self.name!r}: {len(self.thresholds)} thresholds for "
                f"{len(labels)} labels"
            )
        self._check_thresholds(labels)
        if self.promise is not None:
            self._check_without(self.promise, labels)

    def _check_thresholds(self, labels: tuple[str, ...]) -> None:
        for label, threshold in zip(labels, self.thresholds or (), strict=False):
            if threshold is not None and not (math.isfinite(threshold) and 0 <= threshold <= 1):
                raise InputError(
                    f"operating point {self.name!r}: threshold {threshold} of label {label!r} is "
                    f"outside [0, 1]"
                )

    def _check_without(self, promise: Promise, labels: tuple[str, ...]) -> None:
        if not set(promise.without) <= set(labels):
            raise InputError(f"operating point {self.name!r}: its promise names unknown labels")
        floors = dict(zip(labels, self.thresholds or (0.0,) * len(labels), strict=True))
        for label in promise.without:
            if floors[label] is not None:
                raise InputError(
                    f"operating point {self.name!r}: nothing is promised for label {label!r}, and "
                    "its threshold is not null"
                )

    def to_json(self) -> Json:
        """Return the point as `limen.decision` stores it under its name."""
        return {
            "promise": None if self.promise is None else self.promise.to_json(),
            "sets": self.sets,
            "thresholds": None if self.thresholds is None else list(self.thresholds),
        }

    @classmethod
    def from_json(cls, name: str, node: Node) -> "OperatingPoint":
        """Read a point; FormatError where it is not as documented."""
        return cls(
            name=name,
            thresholds=(
                None
                if node.is_null("thresholds")
                else node.optional_numbers("thresholds", limits.MAX_LABELS, 0.0, 1.0)
            ),
            sets=node.boolean("sets"),
            promise=None if node.is_null("promise") else Promise.from_json(node.node("promise")),
        )
