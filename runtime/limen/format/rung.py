"""A rung of the precision ladder as `limen.evidence` keeps it: one precision that was tried, how it
was judged, and by which rule.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from limen.format import limits
from limen.format.json_block import Json, Node
from limen.format.record_blocks import PRECISIONS, Precision

Verdict: TypeAlias = Literal["passed", "undecided", "failed"]
AgreementUnit: TypeAlias = Literal["cells", "texts"]
_VERDICTS: tuple[str, ...] = get_args(Verdict)
_UNITS: tuple[str, ...] = get_args(AgreementUnit)
MAX_SENTENCE_CHARACTERS = 4_000
_MAX_KEPT = 1_000


@dataclass(frozen=True)
class RungQuality:
    """How well a rung decides labelled texts, beside the source.

    Attributes:
        metric: `macro_f1` or `accuracy`.
        source, rung: the metric of each, in [0, 1].
        drop: source less rung, in [-1, 1].
        drop_low, drop_high: ends of the 95 % interval of `drop`.
        texts_alike_own, cells_alike_own: agreement in [0, 1] where source and rung each decide by
            thresholds fitted to themselves; `Rung.texts_alike` and `cells_alike` are of both by the
            source's thresholds.
    """

    metric: str
    source: float
    rung: float
    drop: float
    drop_low: float
    drop_high: float
    texts_alike_own: float
    cells_alike_own: float

    def to_json(self) -> Json:
        """Return the figures as `limen.evidence` stores them."""
        return {
            "cells_alike_own": self.cells_alike_own,
            "drop": self.drop,
            "drop_high": self.drop_high,
            "drop_low": self.drop_low,
            "metric": self.metric,
            "rung": self.rung,
            "source": self.source,
            "texts_alike_own": self.texts_alike_own,
        }

    @classmethod
    def from_json(cls, node: Node) -> "RungQuality":
        """Read the figures; FormatError where they are not as documented."""
        return cls(
            metric=sentence(node, "metric"),
            source=node.number("source", 0.0, 1.0),
            rung=node.number("rung", 0.0, 1.0),
            drop=node.number("drop", -1.0, 1.0),
            drop_low=node.number("drop_low", -1.0, 1.0),
            drop_high=node.number("drop_high", -1.0, 1.0),
            texts_alike_own=node.number("texts_alike_own", 0.0, 1.0),
            cells_alike_own=node.number("cells_alike_own", 0.0, 1.0),
        )


@dataclass(frozen=True)
class Judgement:
    """What the gate said about a rung.

    Attributes:
        texts_alike_low, cells_alike_low: lower 95 % bounds of the rung's agreement, in [0, 1].
        quality: on labelled texts; None without any.
        verdict: `passed`, `failed`, or `undecided`: it passes, and the interval of the drop reaches
            beyond what is allowed.
        why: one sentence with figures.
    """

    texts_alike_low: float
    cells_alike_low: float
    quality: RungQuality | None
    verdict: Verdict
    why: str

    def to_json(self) -> Json:
        """Return the judgement as `limen.evidence` stores it."""
        return {
            "cells_alike_low": self.cells_alike_low,
            "quality": None if self.quality is None else self.quality.to_json(),
            "texts_alike_low": self.texts_alike_low,
            "verdict": self.verdict,
            "why": self.why,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Judgement":
        """Read the judgement; FormatError where it is not as documented."""
        quality = None if node.is_null("quality") else RungQuality.from_json(node.node("quality"))
        return cls(
            texts_alike_low=node.number("texts_alike_low", 0.0, 1.0),
            cells_alike_low=node.number("cells_alike_low", 0.0, 1.0),
            quality=quality,
            verdict=cast("Verdict", node.string("verdict", _VERDICTS)),
            why=sentence(node, "why"),
        )


@dataclass(frozen=True)
class Rung:
    """One precision that was tried, compared with the source on the evidence's texts.

    Attributes:
        precision: as in `limen.execution`.
        size_bytes: size of the file before this evidence and the golden texts were added.
        max_logit_difference: largest absolute difference to the source's logits.
        texts_alike: share of texts in [0, 1] that get the same set of labels.
        cells_alike: share of (text, label) pairs in [0, 1] decided alike.
        p50_ms: median milliseconds for one text at a time; None when it was not timed.
        texts_per_second: None when it was not timed.
        kept_in_float: matrices that were left in float; empty where the precision says it all.
        detail: what else there is to say, such as how many matrices there are; may be empty.
        judgement: what the gate said; None where no gate was asked.
    """

    precision: Precision
    size_bytes: int
    max_logit_difference: float
    texts_alike: float
    cells_alike: float
    p50_ms: float | None
    texts_per_second: float | None = None
    kept_in_float: tuple[str, ...] = ()
    detail: str = ""
    judgement: Judgement | None = None

    def to_json(self) -> Json:
        """Return the rung as `limen.evidence` stores it."""
        return {
            "cells_alike": self.cells_alike,
            "detail": self.detail,
            "judgement": None if self.judgement is None else self.judgement.to_json(),
            "kept_in_float": list(self.kept_in_float),
            "max_logit_difference": self.max_logit_difference,
            "p50_ms": self.p50_ms,
            "precision": self.precision,
            "size_bytes": self.size_bytes,
            "texts_alike": self.texts_alike,
            "texts_per_second": self.texts_per_second,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Rung":
        """Read a rung; FormatError where it is not as documented."""
        judged = node.node("judgement") if not node.is_null("judgement") else None
        kept = node.strings("kept_in_float", _MAX_KEPT)
        if any(len(name) > limits.MAX_LABEL_CHARACTERS for name in kept):
            node.fail(f"kept_in_float: a name over {limits.MAX_LABEL_CHARACTERS:,} characters")
        return cls(
            precision=cast("Precision", node.string("precision", PRECISIONS)),
            size_bytes=node.integer("size_bytes", 0, limits.MAX_FILE_BYTES),
            max_logit_difference=node.number("max_logit_difference", 0.0),
            texts_alike=node.number("texts_alike", 0.0, 1.0),
            cells_alike=node.number("cells_alike", 0.0, 1.0),
            p50_ms=_speed(node, "p50_ms"),
            texts_per_second=_speed(node, "texts_per_second"),
            kept_in_float=kept,
            detail=sentence(node, "detail"),
            judgement=None if judged is None else Judgement.from_json(judged),
        )


@dataclass(frozen=True)
class GateRecord:
    """By which rule the rungs were judged (docs/gate.md).

    Attributes:
        max_drop: largest drop of the metric that passes, in [0, 1]; nothing without labelled texts.
        min_agreement: what the lower bound of the agreement must reach, in [0, 1).
        unit: what agreement is counted in: `cells` ((text, label) pairs) or `texts`.
        strict: whether the upper end of the drop's interval had to be inside as well.
        point: the operating point that was decided at.
        fitted: whether its thresholds were cross-fitted on the texts, for source and rung alike.
        labelled: whether the texts had labels.
    """

    max_drop: float
    min_agreement: float
    unit: AgreementUnit
    strict: bool
    point: str
    fitted: bool
    labelled: bool

    def to_json(self) -> Json:
        """Return the rule as `limen.evidence` stores it."""
        return {
            "fitted": self.fitted,
            "labelled": self.labelled,
            "max_drop": self.max_drop,
            "min_agreement": self.min_agreement,
            "point": self.point,
            "strict": self.strict,
            "unit": self.unit,
        }

    @classmethod
    def from_json(cls, node: Node) -> "GateRecord":
        """Read the rule; FormatError where it is not as documented."""
        return cls(
            max_drop=node.number("max_drop", 0.0, 1.0),
            min_agreement=node.number("min_agreement", 0.0, 1.0),
            unit=cast("AgreementUnit", node.string("unit", _UNITS)),
            strict=node.boolean("strict"),
            point=sentence(node, "point"),
            fitted=node.boolean("fitted"),
            labelled=node.boolean("labelled"),
        )


def sentence(node: Node, key: str) -> str:
    """Read a string of at most MAX_SENTENCE_CHARACTERS; FormatError for a longer one."""
    text = node.string(key)
    if len(text) > MAX_SENTENCE_CHARACTERS:
        node.fail(f"{key}: longer than {MAX_SENTENCE_CHARACTERS:,} characters")
    return text


def _speed(node: Node, key: str) -> float | None:
    return None if node.is_null(key) else node.number(key, 0.0)
