"""`limen.decision`: how logits become labels (docs/format.md, "limen.decision")."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias, cast, get_args

from limen.errors import InputError
from limen.format import limits
from limen.format.calibration_block import Calibration, Temperature
from limen.format.fitted_block import FittedBlock
from limen.format.json_block import Json, Node
from limen.format.operating_point import OperatingPoint
from limen.format.point_names import canonical
from limen.format.rules import LINKS, PAIRS, RULES, Link, Pairs, Rule, check_rule, outputs_of

Fallback: TypeAlias = Literal["none", "top1"]
_FALLBACKS: tuple[str, ...] = get_args(Fallback)


@dataclass(frozen=True)
class AbstainPolicy:
    """What happens beside the thresholds, at points that promise nothing.

    Attributes:
        margin: in [0, 1]; a rule that gives one label abstains when its score is less than this
            above the next one.
        fallback: `top1`: a multi-label text that reaches no threshold gets its best label.
    """

    margin: float = 0.0
    fallback: Fallback = "none"


@dataclass(frozen=True)
class DecisionBlock:
    """Rule, labels, link, calibration and operating points of a classifier file.

    Attributes:
        rule: `multiclass`, `multilabel`, `one_vs_rest` or `one_vs_one`.
        labels: names in the order of the scores; unique and not empty.
        link: logits to raw scores. `sigmoid` with `multiclass` and two labels means one output: the
            score of the second label, the first one getting the rest.
        points, default_point, calibration, block_name: the block in use, a FittedBlock's fields.
        several: with `one_vs_rest`: every label at or above its threshold is given, instead of the
            best one alone.
        pairs: with `one_vs_one`: `vote` (most pairs won) or `max` (the winner of the surest pair).
        abstain: what happens beside the thresholds.
        replaced: blocks that were in use before, oldest first, names unique.

    Raises:
        InputError: the parts do not fit each other.
    """

    rule: Rule
    labels: tuple[str, ...]
    link: Link
    points: tuple[OperatingPoint, ...]
    default_point: str
    calibration: Calibration | None = None
    block_name: str = "export"
    several: bool = False
    pairs: Pairs = "vote"
    abstain: AbstainPolicy = AbstainPolicy()
    replaced: tuple[FittedBlock, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts that do not fit each other, so that every instance can be used."""
        _check_labels(self.labels)
        check_rule(self.rule, self.link, len(self.labels))
        if self.outputs > limits.MAX_OUTPUTS:
            raise InputError(f"{self.outputs:,} outputs, at most {limits.MAX_OUTPUTS:,}")
        if self.several and self.rule != "one_vs_rest":
            raise InputError(f"several labels a text are an option of one_vs_rest, not {self.rule}")
        if self.pairs != "vote" and self.rule != "one_vs_one":
            raise InputError(f"pairs {self.pairs} is an option of one_vs_one, not {self.rule}")
        if self.pairs == "max" and self.link == "labels":
            raise InputError("parts that only say yes or no have no surest pair: use pairs vote")
        if self.abstain.fallback not in _FALLBACKS:
            raise InputError(f"fallback {self.abstain.fallback!r}, expected one of none, top1")
        if not (math.isfinite(self.abstain.margin) and 0.0 <= self.abstain.margin <= 1.0):
            raise InputError(f"margin {self.abstain.margin} is outside [0, 1]")
        self._check_blocks()

    def _check_blocks(self) -> None:
        names = [block.name for block in (*self.replaced, self.block)]
        if len(set(names)) != len(names) or len(self.replaced) > limits.MAX_REPLACED_BLOCKS:
            raise InputError(
                f"at most {limits.MAX_REPLACED_BLOCKS} replaced blocks of unlike names expected"
            )
        for block in (*self.replaced, self.block):
            block.check(self.labels, self.outputs, one_label=self.one_label)
            if block.calibration is not None:
                self._check_calibration(block.calibration)

    def _check_calibration(self, calibration: Calibration) -> None:
        if self.link == "labels":
            raise InputError("link labels gives 0 or 1: there is nothing to calibrate")
        shared = self.rule == "multiclass" and self.outputs > 1
        if shared and isinstance(calibration, Temperature) and len(calibration) != 1:
            raise InputError(f"rule multiclass takes one temperature, found {len(calibration):,}")

    @cached_property
    def outputs(self) -> int:
        """Width of the logits that the graph must give."""
        return outputs_of(self.rule, self.link, len(self.labels))

    @property
    def one_label(self) -> bool:
        """Whether the rule gives one label a text, or abstains."""
        return self.rule != "multilabel" and not self.several

    @property
    def block(self) -> FittedBlock:
        """The block in use."""
        return FittedBlock(self.block_name, self.points, self.default_point, self.calibration)

    def with_block(self, block: FittedBlock) -> "DecisionBlock":
        """Return the decision with another block in use and no longer among the replaced ones; the
        one in use now is kept whole under its own name. Of more than the cap the oldest goes, but
        never the first of all: that is what the exporter made.

        Raises:
            InputError: the block does not fit.
        """
        kept = [old for old in (*self.replaced, self.block) if old.name != block.name]
        while len(kept) > limits.MAX_REPLACED_BLOCKS:
            del kept[1]
        return replace(self.using(block), replaced=tuple(kept))

    def using(self, block: FittedBlock) -> "DecisionBlock":
        """Return the decision as it is with one block alone.

        Raises:
            InputError: the block does not fit.
        """
        return replace(
            self,
            points=block.points,
            default_point=block.default_point,
            calibration=block.calibration,
            block_name=block.name,
            replaced=(),
        )

    def point(self, name: str) -> OperatingPoint:
        """Find an operating point; `precision@0.9` and `precision@0.90` are the same.

        Raises:
            InputError: the file carries no point of that name.
        """
        for point in self.points:
            if canonical(point.name) == canonical(name):
                return point
        carried = ", ".join(point.name for point in self.points)
        raise InputError(f"operating point {name!r} is not in this file; it carries: {carried}")

    def to_json(self) -> Json:
        """Return the block as `limen.decision` stores it."""
        return {
            "abstain": {"fallback": self.abstain.fallback, "margin": self.abstain.margin},
            "block": self.block.to_json(),
            "labels": list(self.labels),
            "link": self.link,
            "pairs": self.pairs,
            "replaced": [block.to_json() for block in self.replaced],
            "rule": self.rule,
            "several": self.several,
        }

    @classmethod
    def from_json(cls, node: Node) -> "DecisionBlock":
        """Read the block.

        Raises:
            FormatError: a field is missing, of a wrong type, or the parts do not fit each other.
        """
        abstain = node.node("abstain")
        try:
            block = FittedBlock.from_json(node.node("block"))
            return cls(
                rule=cast("Rule", node.string("rule", RULES)),
                labels=node.strings("labels", limits.MAX_LABELS),
                link=cast("Link", node.string("link", LINKS)),
                points=block.points,
                default_point=block.default_point,
                calibration=block.calibration,
                block_name=block.name,
                several=node.boolean("several"),
                pairs=cast("Pairs", node.string("pairs", PAIRS)),
                abstain=AbstainPolicy(
                    margin=abstain.number("margin", 0.0, 1.0),
                    fallback=cast("Fallback", abstain.string("fallback", _FALLBACKS)),
                ),
                replaced=tuple(
                    FittedBlock.from_json(part)
                    for part in node.nodes("replaced", limits.MAX_REPLACED_BLOCKS)
                ),
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
