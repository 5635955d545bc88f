"""What the parts of one-vs-rest and of one-vs-one see of the training texts."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from limen.counted import counted
from limen.errors import InputError

from limen_export.training.examples import Examples

_LISTED = 5


@dataclass(frozen=True)
class RestPart:
    """What the part of one label learns from.

    Attributes:
        label: its name.
        positives: texts with the label.
        negatives: all others.
    """

    label: str
    positives: int
    negatives: int

    @property
    def ratio(self) -> float | None:
        """Negatives over positives; None where there is no positive."""
        return self.negatives / self.positives if self.positives else None


@dataclass(frozen=True)
class RestImbalance:
    """The imbalance that each part of one-vs-rest sees: its known weakness.

    Attributes:
        parts: one for each label, in their order.
    """

    parts: tuple[RestPart, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {"parts": [{**asdict(part), "ratio": part.ratio} for part in self.parts]}

    def lines(self) -> tuple[str, ...]:
        """Return short lines to read: the range, then the parts with the largest ratios."""
        seen = [(part.ratio, part) for part in self.parts if part.ratio is not None]
        unseen = [part.label for part in self.parts if part.ratio is None]
        lines = [f"one-vs-rest: {len(self.parts):,} parts, each learns from all texts"]
        if seen:
            ratios = [ratio for ratio, _ in seen]
            lines.append(
                f"negatives for each positive: {min(ratios):,.1f} to {max(ratios):,.1f}, "
                f"median {median(ratios):,.1f}"
            )
        for ratio, part in sorted(seen, key=lambda one: -one[0])[:_LISTED]:
            lines.append(
                f"  {part.label}: {counted(part.positives, 'positive')}, "
                f"{counted(part.negatives, 'negative')} ({ratio:,.1f} to 1)"
            )
        if unseen:
            lines.append(f"without a positive text: {_listed(unseen)}")
        return tuple(lines)


@dataclass(frozen=True)
class Pair:
    """What the part of two labels learns from.

    Attributes:
        first, later: the labels; the part says yes for the later one.
        first_texts, later_texts: texts of each.
    """

    first: str
    later: str
    first_texts: int
    later_texts: int

    @property
    def texts(self) -> int:
        """Texts of both together."""
        return self.first_texts + self.later_texts

    @property
    def ratio(self) -> float | None:
        """Texts of the larger label over those of the smaller; None where one has no text."""
        smaller, larger = sorted((self.first_texts, self.later_texts))
        return larger / smaller if smaller else None


@dataclass(frozen=True)
class PairsImbalance:
    """What the parts of one-vs-one see, and what they cost.

    Attributes:
        labels: how many.
        pairs: one for each pair of labels, in the order of the outputs.
    """

    labels: int
    pairs: tuple[Pair, ...]

    @property
    def texts_seen(self) -> int:
        """Texts learned from, all parts together: K - 1 times as many as there are."""
        return sum(pair.texts for pair in self.pairs)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {
            "parts": len(self.pairs),
            "outputs_per_label": len(self.pairs) / self.labels,
            "texts_seen": self.texts_seen,
            "pairs": [{**asdict(pair), "ratio": pair.ratio} for pair in self.pairs],
        }

    def lines(self) -> tuple[str, ...]:
        """Return short lines to read: number, cost, range, and the most unequal pairs."""
        counts = [pair.texts for pair in self.pairs]
        lines = [
            f"one-vs-one: {self.labels:,} labels make {len(self.pairs):,} parts, "
            f"{len(self.pairs) / self.labels:,.1f} outputs a label",
            f"texts a part learns from: {min(counts):,} to {max(counts):,}, "
            f"median {median(counts):,.0f}; {self.texts_seen:,} over all parts",
        ]
        seen = [(pair.ratio, pair) for pair in self.pairs if pair.ratio is not None]
        for ratio, pair in sorted(seen, key=lambda one: -one[0])[:_LISTED]:
            lines.append(
                f"  {pair.first} / {pair.later}: {pair.first_texts:,} and {pair.later_texts:,} "
                f"texts ({ratio:,.1f} to 1)"
            )
        unseen = [f"{pair.first} / {pair.later}" for pair in self.pairs if pair.ratio is None]
        if unseen:
            lines.append(f"with texts of one label at most: {_listed(unseen)}")
        return tuple(lines)


def rest_imbalance(examples: Examples) -> RestImbalance:
    """Count what each part of one-vs-rest sees; the texts may have any number of labels."""
    texts = len(examples)
    counts = zip(examples.labels, examples.support.tolist(), strict=True)
    return RestImbalance(tuple(RestPart(label, true, texts - true) for label, true in counts))


def pairs_imbalance(examples: Examples) -> PairsImbalance:
    """Count what each part of one-vs-one sees, in the order of limen.decision.pairs.

    Raises:
        InputError: texts with several labels, or fewer than two labels.
    """
    labels = examples.labels
    if examples.task != "multiclass" or len(labels) < 2:
        raise InputError(
            f"{examples.name}: {examples.task} with {len(labels):,} labels; one_vs_one needs "
            "multiclass with two or more; choose one_vs_rest"
        )
    support = examples.support.tolist()
    first, later = (places.tolist() for places in np.triu_indices(len(labels), 1))
    pairs = (
        Pair(labels[one], labels[other], support[one], support[other])
        for one, other in zip(first, later, strict=True)
    )
    return PairsImbalance(len(labels), tuple(pairs))


def _listed(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")
