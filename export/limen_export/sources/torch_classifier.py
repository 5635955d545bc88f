"""A classifier that runs on torch: a module from what its tokenizer gives to logits. What a
transformers checkpoint, a backbone with a head, and sentence embeddings with one have in common.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from limen.arrays import FloatArray
from limen.decision import aggregate
from limen.errors import ExportError, reason
from limen.format import Windows
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from limen_export.graph.calling import run_module
from limen_export.graph.positions import add_ranges, every_token_counts, position_offset
from limen_export.graph.trace import trace
from limen_export.reference import Reference
from limen_export.sources.head import Head
from limen_export.sources.tokens import encoder_block
from limen_export.versions import installed_versions


@dataclass(frozen=True, eq=False)
class TorchClassifier:
    """A trained classifier on torch, whole and checked.

    Attributes:
        name: hub name or folder name, never a path.
        licence: as the source states it; None where it does not.
        module: in evaluation mode, float32: ids (and a mask) to logits.
        tokenizer: the source's own.
        head: outputs, labels, rule and link.
        max_tokens: the longest input.
        thresholds: in label order, where the source itself states them.
        notices: what the user should be told, beside the head's.
        traced: computes what `module` does, in a form that can be traced; None where the module
            itself can.
    """

    name: str
    licence: str | None
    module: nn.Module
    tokenizer: PreTrainedTokenizerFast
    head: Head
    max_tokens: int
    thresholds: tuple[float, ...] | None = None
    notices: tuple[str, ...] = ()
    traced: nn.Module | None = None


def reference_of(classifier: TorchClassifier, windows: Windows | None) -> Reference:
    """Trace a classifier's graph.

    Args:
        classifier: the source.
        windows: how longer texts are read; None truncates them.

    Raises:
        ExportError: it cannot be traced, or gives another number of outputs than its head has.
    """
    module, longest = classifier.module, classifier.max_tokens
    traced = module if classifier.traced is None else classifier.traced
    reading = None if windows is None else SourceWindows(windows, classifier.head)
    return Reference(
        name=classifier.name,
        licence=classifier.licence,
        labels=classifier.head.labels,
        rule=classifier.head.rule,
        link=classifier.head.link,
        encoder=encoder_block(classifier.tokenizer, longest, windows),
        logits=SourceLogits(module, classifier.tokenizer, longest, reading),
        graph=trace(traced, longest),
        versions=installed_versions(),
        notices=(*classifier.head.notices, *classifier.notices),
        thresholds=classifier.thresholds,
    )


class SourceWindows:
    """How the source reads texts that are longer than it can take."""

    def __init__(self, windows: Windows, head: Head) -> None:
        """Keep what puts the windows of a text together."""
        self.stride = windows.stride
        self.together = partial(
            aggregate,
            how=windows.aggregate,
            rule=head.rule,
            link=head.link,
            labels=len(head.labels),
        )


class SourceLogits:
    """The source as its users run it: its own tokenizer with mask and token types, its own model,
    one text a call.

    One exception: where a text spells the padding token, models of RoBERTa's kind are given the
    positions that the file uses (`graph.positions`), every token counting.
    """

    def __init__(
        self,
        module: nn.Module,
        tokenizer: PreTrainedTokenizerFast,
        max_tokens: int,
        windows: SourceWindows | None = None,
    ) -> None:
        """Keep the parts; the module must be in evaluation mode."""
        self._windows = windows
        self._module = module
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._offset = position_offset(module)
        self._ranges = nn.Module()
        add_ranges(module, self._ranges)

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        rows = []
        with torch.inference_mode():
            for text in texts:
                found = [self._row(inputs) for inputs in self._inputs(text)]
                whole = (
                    found[0] if self._windows is None else self._windows.together(np.stack(found))
                )
                rows.append(whole)
        return np.array(rows, dtype=np.float32).reshape(len(texts), -1)

    def _inputs(self, text: str) -> Iterator[dict[str, torch.Tensor]]:
        """What the tokenizer gives for each window of a text, each (1, tokens)."""
        options: dict[str, Any] = {"truncation": True, "max_length": self._max_tokens}
        if self._windows is None:
            yield dict(self._tokenizer(text, return_tensors="pt", **options))
            return
        encoded = self._tokenizer(
            text, stride=self._windows.stride, return_overflowing_tokens=True, **options
        )
        encoded.pop("overflow_to_sample_mapping")
        for rows in zip(*encoded.values(), strict=True):
            yield {
                name: torch.tensor([row]) for name, row in zip(encoded.keys(), rows, strict=True)
            }

    def _row(self, inputs: dict[str, torch.Tensor]) -> FloatArray:
        spelt = self._offset and bool((inputs["input_ids"] == self._offset - 1).any())
        counting = every_token_counts(self._module, self._ranges) if spelt else nullcontext()
        try:
            with counting:
                row: FloatArray = run_module(self._module, inputs)[0].numpy()
        except ExportError:
            raise
        except Exception as error:
            raise ExportError(
                f"the model does not take what its tokenizer gives ({reason(error)}); "
                "correct model_input_names in tokenizer_config.json"
            ) from error
        return row


def check_vocabulary(module: nn.Module, tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    """Refuse a tokenizer with ids that the embedding table has no row for: a transformers model
    inside says which table that is, of other modules it is the largest.

    Raises:
        ExportError: it has such ids, or the module has no embedding table.
    """
    inside = next((part for part in module.modules() if isinstance(part, PreTrainedModel)), None)
    tables = [part for part in module.modules() if isinstance(part, nn.Embedding)]
    if inside is not None and isinstance(known := inside.get_input_embeddings(), nn.Embedding):
        tables = [known]
    rows = max((table.num_embeddings for table in tables), default=0)
    if not rows:
        raise ExportError(f"{name}: the model has no embedding table; expected a module over ids")
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise ExportError(
            f"{name}: its tokenizer has ids up to {highest:,}, the model {rows:,} embedding rows: "
            "tokenizer and weights belong to different models"
        )
