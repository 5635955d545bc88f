"""Labelled texts in memory, to train on and to judge by."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from limen.errors import InputError
from limen.evaluation.judged import Cells
from limen.evaluation.parts import KeyArray, text_key

Task: TypeAlias = Literal["multiclass", "multilabel"]
Places: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled texts.

    Attributes:
        name: what records and reports call them (never a path).
        texts: the texts.
        truth: bool, (texts, labels): the labels that are true of each text.
        labels: names, in the order of the columns.
        task: `multiclass`: exactly one label is true of each text; `multilabel`: any number is.

    Raises:
        InputError: arrays of another shape, or with `multiclass` a text that has not one label.
    """

    name: str
    texts: tuple[str, ...]
    truth: Cells = field(repr=False)
    labels: tuple[str, ...]
    task: Task

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        expected = (len(self.texts), len(self.labels))
        if self.truth.shape != expected or self.truth.dtype != np.bool_:
            raise InputError(
                f"{self.name}: labels are {self.truth.dtype} of shape {self.truth.shape}, expected "
                f"bool of shape {expected}: (texts, labels)"
            )
        if self.task == "multiclass":
            counts = self.truth.sum(axis=1)
            wrong = np.flatnonzero(counts != 1)
            if len(wrong):
                raise InputError(
                    f"{self.name}: {len(wrong):,} texts do not have exactly one label; the first "
                    f"is text {wrong[0]} with {counts[wrong[0]]}; expected one each, or a task "
                    "with several labels (--task multilabel)"
                )

    def __len__(self) -> int:
        """How many texts."""
        return len(self.texts)

    @cached_property
    def keys(self) -> KeyArray:
        """Hashes of the texts, uint64, (texts,): equal texts have equal keys."""
        return np.array([text_key(text) for text in self.texts], dtype=np.uint64)

    @property
    def classes(self) -> Places:
        """With `multiclass`: the place of each text's label, (texts,)."""
        places: Places = self.truth.argmax(axis=1)
        return places

    @property
    def support(self) -> Places:
        """For each label, of how many texts it is true, (labels,)."""
        counts: Places = self.truth.sum(axis=0)
        return counts

    def at(self, places: Places, name: str | None = None) -> "Examples":
        """Return the texts at these places, in this order; a place may stand several times."""
        texts = tuple(self.texts[place] for place in places)
        return replace(self, name=name or self.name, texts=texts, truth=self.truth[places])
