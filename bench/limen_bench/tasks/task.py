"""The seam between the measuring process and what it measures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from limen_bench.engines.engine import Engine

SAMPLE_SEED = 7

LengthUnit: TypeAlias = Literal["tokens", "characters"]
"""What the length of a text counts: tokens, or characters where the classifier file reads none."""


@dataclass(frozen=True)
class Found:
    """Figures of a task, in the terms of a measurement row (`limen_bench.results`)."""

    measure: str
    values: Mapping[str, float | int | None]
    at: Mapping[str, float | int | None] = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True)
class Sample:
    """Texts with their lengths.

    Attributes:
        texts: real texts.
        lengths: of each, in a LengthUnit that is the same for all texts of a run.
    """

    texts: tuple[str, ...]
    lengths: tuple[int, ...]

    def spread(self, count: int) -> "Sample":
        """Return at most `count` texts with the same mixture of lengths, in a fixed random order.

        Engines of very different speed are measured on different numbers of texts in the same time;
        taken evenly from the texts in order of length, each number has the same mixture.
        """
        order = np.argsort(np.array(self.lengths), kind="stable")
        taken = order
        if count < len(order):
            steps = (np.arange(count) + 0.5) * len(order) / count
            taken = order[steps.astype(np.int64)]
        return self.take(np.random.default_rng(SAMPLE_SEED).permutation(taken))

    def batches(self, count: int, batch: int) -> "Sample":
        """Return about `count` texts, longest first, that fall into batches as all texts would.

        All texts in order of length are cut into batches, and whole batches are taken evenly: a
        smaller sample would otherwise have texts of less like length in each batch, and an engine
        that is measured on fewer of them more padding.
        """
        order = np.argsort(-np.array(self.lengths), kind="stable")
        starts = np.arange(0, len(order), batch)
        wanted = min(len(starts), -(-count // batch))
        steps = (np.arange(wanted) + 0.5) * len(starts) / wanted
        taken = [order[start : start + batch] for start in starts[steps.astype(np.int64)]]
        return self.take(np.concatenate(taken))

    def every_length(self) -> "Sample":
        """Return one text of each length, in a fixed random order."""
        _, first = np.unique(np.array(self.lengths), return_index=True)
        return self.take(np.random.default_rng(SAMPLE_SEED).permutation(first))

    def by_length(self) -> "Sample":
        """Return the same texts, longest first."""
        return self.take(np.argsort(-np.array(self.lengths), kind="stable"))

    def take(self, places: npt.NDArray[np.int64]) -> "Sample":
        """Return the texts at these places."""
        return Sample(
            tuple(self.texts[place] for place in places),
            tuple(self.lengths[place] for place in places),
        )


class Task(Protocol):
    """What a module of this folder offers."""

    def run(self, engine: Engine, sample: Sample, options: Mapping[str, Any]) -> Iterator[Found]:
        """Do the task; each finding is reported as soon as it is there."""
        ...
