"""How far the scales of one-vs-rest's parts differ, before and after calibration.

Parts are trained apart, so a logit of 2 of one part need not say as much as a 2 of another, and
the rule that compares them suffers. The slope of a part says how much: the log-odds of the label
are fitted as slope times the part's log-odds plus an intercept (limen.evaluation.platt). Slope 1
and intercept 0 are log-odds that mean what they say; parts are on one scale where both are equal.
The spread of log-odds alone does not show it, since a label that is easy to tell spreads
further for good reason; it is shown beside.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from limen.arrays import FloatArray, WideArray
from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.calibrating import LEAST_FOR_PLATT
from limen.evaluation.judged import Cells
from limen.evaluation.platt import fit_platt
from scipy.special import logit

_LEAST = 1e-7
"""Scores nearer to 0 or 1 are taken for this far off: float32 knows no score between 1 and 1 less
6e-8."""


@dataclass(frozen=True)
class Scale:
    """Log-odds of one part.

    Attributes:
        mean_true, spread_true: mean and standard deviation over the texts with the label; None
            where there are none.
        mean_false, spread_false: the same over the others.
        spread: standard deviation over all texts.
        slope, intercept: see above; None with fewer than 20 texts of either kind.
    """

    mean_true: float | None
    spread_true: float | None
    mean_false: float | None
    spread_false: float | None
    spread: float
    slope: float | None
    intercept: float | None


@dataclass(frozen=True)
class PartScale:
    """One part before and after calibration.

    Attributes:
        label: its name.
        before, after: its log-odds.
    """

    label: str
    before: Scale
    after: Scale


@dataclass(frozen=True)
class ScaleReport:
    """The scales of all parts.

    Attributes:
        texts: texts that they were seen on.
        parts: one for each label, in their order.
    """

    texts: int
    parts: tuple[PartScale, ...]

    @property
    def slopes(self) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
        """Smallest and largest slope, before and after; None where no part has one."""
        return _range([part.before.slope for part in self.parts]), _range(
            [part.after.slope for part in self.parts]
        )

    @property
    def spread_ratios(self) -> tuple[float | None, float | None]:
        """Largest over smallest spread, before and after; None where the smallest is 0."""
        return _ratio([part.before.spread for part in self.parts]), _ratio(
            [part.after.spread for part in self.parts]
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        (before, after), (spread_before, spread_after) = self.slopes, self.spread_ratios
        return {
            "texts": self.texts,
            "slopes": {"before": before, "after": after},
            "spread_ratio": {"before": spread_before, "after": spread_after},
            "parts": [asdict(part) for part in self.parts],
        }

    def lines(self) -> tuple[str, ...]:
        """Return short lines to read."""
        fitted = sum(part.before.slope is not None for part in self.parts)
        lines = [f"scales of {len(self.parts):,} parts on {counted(self.texts, 'text')}"]
        for name, ends, ratio in zip(
            ("before calibration", "after calibration"),
            self.slopes,
            self.spread_ratios,
            strict=True,
        ):
            told = []
            if ends is not None:
                told.append(f"slopes {ends[0]:.2f} to {ends[1]:.2f}")
            if ratio is not None:
                told.append(f"largest spread {ratio:.1f} times the smallest")
            lines.append(f"  {name}: {'; '.join(told) or 'no scale to be seen'}")
        if fitted < len(self.parts):
            lines.append(
                f"  {counted(len(self.parts) - fitted, 'part')} with fewer than {LEAST_FOR_PLATT} "
                "texts of a kind, and no slope"
            )
        return tuple(lines)


def scale_report(
    logits: FloatArray, scores: FloatArray, truth: Cells, labels: tuple[str, ...]
) -> ScaleReport:
    """Describe the scales of the parts.

    Args:
        logits: float32, (texts, labels), finite: log-odds before calibration (link `sigmoid`).
        scores: float32, (texts, labels), in [0, 1]: after calibration.
        truth: bool, (texts, labels).
        labels: names, in the order of the columns.

    Raises:
        InputError: arrays of other shapes, no text, a logit that is not finite, or a score outside
            [0, 1].
    """
    _check(logits, scores, truth, labels)
    odds = logits.astype(np.float64)
    calibrated = logit(np.clip(scores.astype(np.float64), _LEAST, 1.0 - _LEAST))
    parts = (
        PartScale(
            label,
            _scale(odds[:, place], truth[:, place]),
            _scale(calibrated[:, place], truth[:, place]),
        )
        for place, label in enumerate(labels)
    )
    return ScaleReport(len(truth), tuple(parts))


def _scale(odds: WideArray, truth: Cells) -> Scale:
    true, false = odds[truth], odds[~truth]
    slope, intercept = None, None
    if min(len(true), len(false)) >= LEAST_FOR_PLATT:
        slope, intercept = fit_platt(odds, truth)
    return Scale(
        mean_true=float(true.mean()) if len(true) else None,
        spread_true=float(true.std()) if len(true) else None,
        mean_false=float(false.mean()) if len(false) else None,
        spread_false=float(false.std()) if len(false) else None,
        spread=float(odds.std()),
        slope=slope,
        intercept=intercept,
    )


def _range(values: list[float | None]) -> tuple[float, float] | None:
    there = [value for value in values if value is not None]
    return (min(there), max(there)) if there else None


def _ratio(spreads: list[float]) -> float | None:
    return max(spreads) / min(spreads) if min(spreads) > 0 else None


def _check(logits: FloatArray, scores: FloatArray, truth: Cells, labels: tuple[str, ...]) -> None:
    expected = (len(truth), len(labels))
    if not logits.shape == scores.shape == truth.shape == expected or 0 in expected:
        raise InputError(
            f"logits of shape {logits.shape}, scores of {scores.shape}, truth of {truth.shape} and "
            f"{len(labels):,} labels; expected (texts, labels) of each, at least one text"
        )
    if not np.isfinite(logits).all():
        raise InputError("a logit is NaN or infinite; train anew with a smaller learning rate")
    # NaN is neither.
    if not ((scores >= 0.0) & (scores <= 1.0)).all():
        raise InputError("a score is NaN or outside [0, 1]; expected calibrated scores")
