"""`limen.evidence`: what proves that a file decides like its source, and how well it decides."""

from dataclasses import dataclass

from limen.format import limits
from limen.format.json_block import Json, Node
from limen.format.rung import GateRecord, Rung, sentence

_MAX_RUNGS = 64
_MAX_FIGURES = 1_000


@dataclass(frozen=True)
class FitRecord:
    """What a block of calibration and points was fitted on, and how well it then decided.

    Attributes:
        block: the block's name.
        texts_name: name of the labelled texts, never a path.
        texts: how many.
        parts: (name, texts): how the texts were divided, by a hash of each.
        judged: how the figures were had, in words.
        figures: (name, value), such as (`macro_f1 at f1`, 0.42); None for an undefined one.
        label_f1: F1 of each label at the block's default point; None for an undefined one.
        support: true texts of each label.
        notices: what a user should know, such as labels with too few texts.
    """

    block: str
    texts_name: str
    texts: int
    parts: tuple[tuple[str, int], ...]
    judged: str
    figures: tuple[tuple[str, float | None], ...]
    label_f1: tuple[float | None, ...]
    support: tuple[int, ...]
    notices: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return the record as `limen.evidence` stores it."""
        figures: dict[str, Json] = dict(self.figures)
        parts: dict[str, Json] = dict(self.parts)
        return {
            "block": self.block,
            "figures": figures,
            "judged": self.judged,
            "label_f1": list(self.label_f1),
            "notices": list(self.notices),
            "parts": parts,
            "support": list(self.support),
            "texts": self.texts,
            "texts_name": self.texts_name,
        }

    @classmethod
    def from_json(cls, node: Node) -> "FitRecord":
        """Read a record; FormatError where it is not as documented."""
        figures, parts = node.node("figures"), node.node("parts")
        if len(figures.keys()) > _MAX_FIGURES or len(parts.keys()) > _MAX_FIGURES:
            node.fail(f"more than {_MAX_FIGURES:,} figures or parts")
        return cls(
            block=node.string("block"),
            texts_name=node.string("texts_name"),
            texts=node.integer("texts", 1, 2**53),
            parts=tuple((name, parts.integer(name, 0, 2**53)) for name in parts.keys()),  # noqa: SIM118
            judged=node.string("judged"),
            figures=tuple((name, figures.optional_number(name)) for name in figures.keys()),  # noqa: SIM118
            label_f1=node.optional_numbers("label_f1", limits.MAX_LABELS, 0.0, 1.0),
            support=_whole(node, "support"),
            notices=node.strings("notices", _MAX_FIGURES),
        )


def _whole(node: Node, key: str) -> tuple[int, ...]:
    numbers = node.numbers(key, limits.MAX_LABELS, 0.0, 2.0**53)
    if any(number != int(number) for number in numbers):
        node.fail(f"{key}: whole numbers expected")
    return tuple(int(number) for number in numbers)


@dataclass(frozen=True)
class Evidence:
    """`limen.evidence`: how the file compares with the model it was made from.

    Attributes:
        texts_name: name of the texts compared on, never a path.
        texts: how many.
        rungs: every precision that was tried, in the order of the ladder.
        fits: a record for every block of calibration and points that was fitted.
        chosen: place of the file's own rung in `rungs`; None where there is none.
        why: why that rung was chosen; may be empty.
        gate: the rule by which the rungs were judged; None where no gate was asked.
    """

    texts_name: str
    texts: int
    rungs: tuple[Rung, ...]
    fits: tuple[FitRecord, ...] = ()
    chosen: int | None = None
    why: str = ""
    gate: GateRecord | None = None

    @property
    def chosen_rung(self) -> Rung | None:
        """The file's own rung; None where there is none."""
        return None if self.chosen is None else self.rungs[self.chosen]

    def fit_of(self, block: str) -> FitRecord | None:
        """Return the record of a block; None where nothing was fitted."""
        return next((fit for fit in self.fits if fit.block == block), None)

    def to_json(self) -> Json:
        """Return the block as `limen.evidence` stores it."""
        return {
            "chosen": self.chosen,
            "fits": [fit.to_json() for fit in self.fits],
            "gate": None if self.gate is None else self.gate.to_json(),
            "rungs": [rung.to_json() for rung in self.rungs],
            "texts": self.texts,
            "texts_name": self.texts_name,
            "why": self.why,
        }

    @classmethod
    def from_json(cls, node: Node) -> "Evidence":
        """Read the block; FormatError where it is not as documented."""
        most = limits.MAX_REPLACED_BLOCKS + 1
        rungs = tuple(Rung.from_json(part) for part in node.nodes("rungs", _MAX_RUNGS))
        chosen = None if node.is_null("chosen") else node.integer("chosen", 0, _MAX_RUNGS)
        if chosen is not None and chosen >= len(rungs):
            node.fail(f"chosen: rung {chosen} of {len(rungs)}, counted from 0")
        return cls(
            texts_name=node.string("texts_name"),
            texts=node.integer("texts", 0, 2**53),
            rungs=rungs,
            fits=tuple(FitRecord.from_json(part) for part in node.nodes("fits", most)),
            chosen=chosen,
            why=sentence(node, "why"),
            gate=None if node.is_null("gate") else GateRecord.from_json(node.node("gate")),
        )
