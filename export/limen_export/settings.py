"""What the caller of an export may choose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from limen.evaluation.gate_settings import USUAL, GateSettings
from limen.format import MadeFor, Precision, Rule, Windows

PrecisionChoice: TypeAlias = Precision | Literal["auto"]


@dataclass(frozen=True)
class NamedTexts:
    """Texts to compare on, with the name that the evidence gives them (never a path)."""

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their true labels, to judge precisions and fit thresholds on.

    Attributes:
        name: what the evidence calls them.
        texts: the texts.
        labels: for each text the names of its labels; empty for none.
    """

    name: str
    texts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]


ReadLabelled: TypeAlias = Callable[[tuple[str, ...]], LabelledTexts]
"""Reads labelled texts once the classifier's labels are known."""


@dataclass(frozen=True)
class ExportSettings:
    """Settings of one export.

    Attributes:
        device: what the file is made for.
        precision: a rung of the device's ladder, or `auto` for the first that passes the gate.
        gate: what a rung must reach.
        thresholds: from label to threshold in [0, 1] (or one for each label, in label order), given
            by the user; None for none.
        labelled: labelled texts, or what reads them, on which rungs are judged, and the calibration
            and the rule's usual operating points are fitted; None for none. Not together with
            `thresholds`.
        texts: texts to compare on, labels not needed; where they and the labelled ones are few, the
            project's own sentences fill them up; None takes those alone.
        golden: 4 to 8 texts that the file tests itself with whenever it is loaded; None takes the
            project's own.
        keep_vocabulary: texts whose pieces the vocabulary keeps, all others being dropped; None
            keeps everything.
        rule: overrides the checkpoint's own `problem_type`.
        max_tokens: overrides the longest input, in tokens.
        windows: how longer texts are read, and thresholds fitted on them; None truncates them.
        source: the kind of source, a key of `sources.recognising.READERS`; None finds it out.
        labels: names of the labels in the order of the outputs; None takes the source's own.
        trust: pickles may be read, which runs code that they hold.
    """

    device: MadeFor = "cpu"
    precision: PrecisionChoice = "auto"
    gate: GateSettings = USUAL
    thresholds: dict[str, float] | tuple[float, ...] | None = None
    labelled: LabelledTexts | ReadLabelled | None = None
    texts: NamedTexts | None = None
    golden: NamedTexts | None = None
    keep_vocabulary: NamedTexts | None = None
    rule: Rule | None = None
    max_tokens: int | None = None
    windows: Windows | None = None
    source: str | None = None
    labels: tuple[str, ...] | None = None
    trust: bool = False
