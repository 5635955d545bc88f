"""The texts on which rungs are judged, and what the source gives for them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from limen.arrays import FloatArray
from limen.corpus import sentences
from limen.errors import ExportError, InputError
from limen.evaluation.gating import Gate, GateFigures, GateSettings, TrueLabels
from limen.evaluation.parts import text_key
from limen.format import DecisionBlock, EncoderKind, token_block

from limen_export.reference import Reference
from limen_export.settings import LabelledTexts, NamedTexts
from limen_export.vocabulary import unchanged_texts

ENOUGH_TEXTS = 1_000
"""Fewer texts than these say too little of how alike two ways of computing decide: sentences of the
project fill them up. Two labels that are given together need 723 (docs/gate.md), and of 500 texts
int8 that decides 99.9 % alike misses a bound of 99 % in one export of ten by chance."""
_CORPUS = "limen emotion corpus, English and Korean"


@dataclass(frozen=True, eq=False)
class Judging:
    """Texts with the source's logits, and the gate that judges a rung by its own logits of them.

    Attributes:
        labelled: labelled texts; None without any. They are the first of `texts`.
        texts: all that rungs are run on.
        expected: float32 (texts, outputs): the source's logits.
        exact: bool (texts,): texts whose logits an fp32 graph must give as the source does; False
            for those that a trimmed vocabulary splits in another way.
        gate: judges.
    """

    labelled: LabelledTexts | None
    texts: NamedTexts
    expected: FloatArray
    exact: npt.NDArray[np.bool_]
    gate: Gate

    def judge(self, logits: FloatArray) -> GateFigures:
        """Judge the logits, float32 (texts, outputs), of a rung."""
        count = 0 if self.labelled is None else len(self.labelled.texts)
        if not count:
            return self.gate.judge(logits)
        return self.gate.judge(logits[:count], logits[count:])


def judging_on(
    every: NamedTexts,
    labelled: LabelledTexts | None,
    reference: Reference,
    decision: DecisionBlock,
    settings: GateSettings,
    whole: EncoderKind,
) -> Judging:
    """Run the source on the texts, and build the gate.

    Args:
        every: from `texts_to_compare`; those behind the labelled ones count for the agreement
            alone.
        labelled: texts with labels; None without any.
        reference: the source.
        decision: rule, labels, link and the point at which unlabelled texts are decided.
        settings: what a rung must reach.
        whole: the source's own encoder; another than the reference's where the vocabulary was
            trimmed.

    Raises:
        InputError: labels that the model does not have, or too few labelled texts.
        ExportError: the source fails, or the trimmed vocabulary splits every text in another way.
    """
    exact = np.ones(len(every.texts), dtype=np.bool_)
    if whole is not reference.encoder:
        exact = unchanged_texts(token_block(whole), token_block(reference.encoder), every.texts)
        if not exact.any():
            raise ExportError(
                f"{reference.name}: none of {len(every.texts):,} texts to compare on "
                f"({every.name}) is made of kept pieces alone, so nothing can show that the "
                "trimmed graph is right; compare on texts of the kind whose vocabulary is kept"
            )
    truth = None if labelled is None else true_labels(labelled, decision)
    expected = reference.logits(every.texts)
    if truth is None:
        return Judging(None, every, expected, exact, Gate(decision, expected, None, settings))
    count = len(truth.keys)
    gate = Gate(decision, expected[:count], truth, settings, expected[count:])
    return Judging(labelled, every, expected, exact, gate)


def true_labels(labelled: LabelledTexts, decision: DecisionBlock) -> TrueLabels:
    """Turn label names into cells.

    Raises:
        InputError: a label that the model does not have.
    """
    position = {label: index for index, label in enumerate(decision.labels)}
    truth = np.zeros((len(labelled.texts), len(decision.labels)), dtype=np.bool_)
    for row, labels in enumerate(labelled.labels):
        for label in labels:
            if label not in position:
                raise InputError(
                    f"{labelled.name}: text {row} has label {label!r}, which the model does not "
                    "have"
                )
            truth[row, position[label]] = True
    keys = np.array([text_key(text) for text in labelled.texts], dtype=np.uint64)
    return TrueLabels(truth, keys)


def texts_to_compare(
    given: NamedTexts | None, labelled: LabelledTexts | None, *, filled: bool = True
) -> NamedTexts:
    """Return the texts that rungs are run on: the labelled ones first, then the user's own, then,
    where these are fewer than ENOUGH_TEXTS, sentences of the project.

    Args:
        given: the user's texts.
        labelled: the user's labelled texts.
        filled: whether sentences of the project may be taken.

    Raises:
        InputError: an empty list of texts.
    """
    own = [] if labelled is None else [NamedTexts(labelled.name, labelled.texts)]
    own += [] if given is None else [given]
    for texts in own:
        if not texts.texts:
            raise InputError(f"{texts.name}: no text to compare on")
    missing = ENOUGH_TEXTS - sum(len(texts.texts) for texts in own)
    if missing > 0 and filled:
        own.append(NamedTexts(f"{missing:,} sentences of the {_CORPUS}", _corpus(missing)))
    return NamedTexts(
        ", and ".join(texts.name for texts in own),
        tuple(text for texts in own for text in texts.texts),
    )


def _corpus(count: int) -> tuple[str, ...]:
    """Take sentences of both languages in turn, those that no demo was trained on first."""
    pairs = [
        pair
        for split in ("test", "dev", "train")
        for pair in zip(sentences("en", split), sentences("ko", split), strict=True)
    ]
    return tuple(sentence.text for pair in pairs for sentence in pair)[:count]
