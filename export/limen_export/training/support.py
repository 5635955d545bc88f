"""How many texts the labels have, and what is refused or left out for want of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from limen.counted import counted
from limen.errors import InputError

from limen_export.training.examples import Examples

_LISTED = 5
_LONGEST = 60
"""Characters of a label that a message shows; something longer may be a text."""


def listed(labels: Sequence[str]) -> str:
    """Return names of labels for a message: the first few, none of them long."""
    shown = [
        repr(label) if len(label) <= _LONGEST else f"one of {len(label)} characters"
        for label in labels[:_LISTED]
    ]
    return ", ".join(shown) + (", ..." if len(labels) > _LISTED else "")


def checked_support(
    examples: Examples, min_examples: int | None, tell: Callable[[str], None]
) -> Examples:
    """Check that there is something to learn, or make it so.

    Args:
        examples: labelled texts.
        min_examples: labels with fewer texts are left out, and with `multiclass` their texts too;
            None to refuse a class with a single text, and any label without one.
        tell: told what was left out, and what should be known of the labels.

    Raises:
        InputError: too few texts of a label, fewer than two labels, or the same labels for all
            texts.
    """
    if min_examples is None:
        _refuse_rare(examples)
    else:
        examples = _without_rare(examples, min_examples, tell)
    _refuse_sameness(examples)
    _tell_of_labels(examples, tell)
    return examples


def _refuse_rare(examples: Examples) -> None:
    least = 2 if examples.task == "multiclass" else 1
    rare = np.flatnonzero(examples.support < least)
    if not len(rare):
        return
    if least == 2 and 2 * len(rare) > len(examples.labels):
        # Hardly classes: numbers, or the texts themselves, which must not be shown.
        raise InputError(
            f"{examples.name}: {len(rare):,} of {len(examples.labels):,} labels have a single text "
            "or none; expected two or more of each; give the name of the column that holds the "
            "labels (--labels), or leave rare ones out (--min-examples 2)"
        )
    names = [examples.labels[place] for place in rare]
    found = "a single text" if examples.support[rare].all() else "a single text or none"
    raise InputError(
        f"{examples.name}: {len(names)} of {len(examples.labels)} labels have "
        f"{found if least == 2 else 'no text'}: {listed(names)}; expected {least} or more of each, "
        "so that it can be learned" + (" and judged" if least == 2 else "") + "; add texts, or "
        f"leave such labels out (--min-examples {least})"
    )


def _without_rare(examples: Examples, min_examples: int, tell: Callable[[str], None]) -> Examples:
    if min_examples < 1:
        raise InputError(f"labels with fewer than {min_examples} texts: expected 1 or more")
    keep = examples.support >= min_examples
    if keep.all():
        return examples
    names = [label for label, kept in zip(examples.labels, keep, strict=True) if not kept]
    labels = tuple(label for label in examples.labels if label not in names)
    gone = (
        f"{counted(len(names), 'label')} with fewer than {counted(min_examples, 'text')}: "
        f"{listed(names)}"
    )
    truth = examples.truth[:, keep]
    if examples.task == "multilabel":
        tell(f"left out: {gone}; their texts stay")
        return replace(examples, labels=labels, truth=truth)
    rows = np.flatnonzero(truth.any(axis=1))
    tell(f"left out: {gone}; with them {counted(len(examples) - len(rows), 'text')}")
    texts = tuple(examples.texts[row] for row in rows)
    return replace(examples, texts=texts, labels=labels, truth=truth[rows])


def _refuse_sameness(examples: Examples) -> None:
    if len(examples.labels) < 2:
        raise InputError(
            f"{examples.name}: {counted(len(examples.labels), 'label')} "
            f"({listed(examples.labels) or 'none'}) in all texts, expected two or more; give "
            "texts that do not have it a label of their own"
        )
    if (examples.truth == examples.truth[0]).all():
        raise InputError(
            f"{examples.name}: all {len(examples):,} texts have the same labels; expected texts "
            "that have a label and texts that do not; add others"
        )


def _tell_of_labels(examples: Examples, tell: Callable[[str], None]) -> None:
    support = examples.support
    for found, what in (
        (support == 1, "have a single text, which is trained on and never judged by"),
        (support == len(examples), "are true of every text, so nothing can be learned of them"),
    ):
        if found.any():
            names = [examples.labels[place] for place in np.flatnonzero(found)]
            tell(f"{len(names)} of {len(examples.labels)} labels {what}: {listed(names)}")
    if examples.task == "multiclass":
        _tell_of_contradictions(examples, tell)


def _tell_of_contradictions(examples: Examples, tell: Callable[[str], None]) -> None:
    pairs = np.stack([examples.keys, examples.classes.astype(np.uint64)], axis=1)
    _, kinds = np.unique(np.unique(pairs, axis=0)[:, 0], return_counts=True)
    contradictory = int((kinds > 1).sum())
    if contradictory:
        tell(f"{contradictory:,} texts stand there more than once with unlike labels")
