"""Calibration and operating points: one block, fitted together and replaced together."""

from dataclasses import dataclass

from limen.errors import InputError
from limen.format import limits
from limen.format.calibration_block import Calibration, read_calibration
from limen.format.json_block import Json, Node
from limen.format.operating_point import OperatingPoint
from limen.format.point_names import canonical


@dataclass(frozen=True)
class FittedBlock:
    """What was fitted on labelled texts, or chosen without any.

    Attributes:
        name: says where it comes from, such as `export` or `tune 2026-11-24 dev.jsonl`.
        points: at least one operating point, names unique.
        default_point: the one used when none is asked for.
        calibration: how raw scores become calibrated ones; None for scores that are not calibrated.
    """

    name: str
    points: tuple[OperatingPoint, ...]
    default_point: str
    calibration: Calibration | None = None

    def check(self, labels: tuple[str, ...], outputs: int, *, one_label: bool) -> None:
        """Check that the block fits a classifier.

        Raises:
            InputError: it does not.
        """
        names = [canonical(point.name) for point in self.points]
        if len(set(names)) != len(names) or not 0 < len(names) <= limits.MAX_OPERATING_POINTS:
            raise InputError(
                f"1 to {limits.MAX_OPERATING_POINTS} operating points of unlike names expected"
            )
        if self.default_point not in [point.name for point in self.points]:
            raise InputError(f"default point {self.default_point!r} is none of {', '.join(names)}")
        for point in self.points:
            point.check(labels, one_label=one_label)
        if self.calibration is not None and len(self.calibration) not in (1, outputs):
            raise InputError(
                f"calibration for {len(self.calibration):,} outputs, the graph has {outputs:,}: "
                "expected one for all, or one for each"
            )

    def to_json(self) -> dict[str, Json]:
        """Return the block as `limen.decision` stores it."""
        points: dict[str, Json] = {point.name: point.to_json() for point in self.points}
        return {
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "default_point": self.default_point,
            "name": self.name,
            "points": points,
        }

    @classmethod
    def from_json(cls, node: Node) -> "FittedBlock":
        """Read a block; FormatError where it is not as documented."""
        stored = node.node("points")
        return cls(
            name=node.string("name"),
            points=tuple(
                OperatingPoint.from_json(name, stored.node(name))
                for name in stored.keys()  # noqa: SIM118  (Node.keys is a method of ours, not dict's)
            ),
            default_point=node.string("default_point"),
            calibration=(
                None if node.is_null("calibration") else read_calibration(node.node("calibration"))
            ),
        )
