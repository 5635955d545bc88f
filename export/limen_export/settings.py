"""What the caller of an export may choose."""

from dataclasses import dataclass

from limen.format import Precision, Rule


@dataclass(frozen=True)
class NamedTexts:
    """Texts to compare on, with the name that the evidence gives them (never a path)."""

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with their true labels, to fit thresholds on.

    Attributes:
        name: what the evidence calls them.
        texts: the texts.
        labels: for each text the names of its labels; empty for none.
    """

    name: str
    texts: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ExportSettings:
    """Settings of one export.

    Attributes:
        precision: of the file that is written; both are built and compared.
        thresholds: from label to threshold in [0, 1] (or one for each label, in label order), given
            by the user; None for none.
        fit_on: labelled texts on which the calibration and the rule's usual operating points are
            fitted; None for none. Not together with `thresholds`.
        texts: texts to compare on; None takes the emotion corpus.
        rule: overrides the checkpoint's own `problem_type`.
        max_tokens: overrides the longest input, in tokens.
    """

    precision: Precision = "int8"
    thresholds: dict[str, float] | tuple[float, ...] | None = None
    fit_on: LabelledTexts | None = None
    texts: NamedTexts | None = None
    rule: Rule | None = None
    max_tokens: int | None = None
