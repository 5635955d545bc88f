"""A transformers checkpoint for sequence classification: a folder or a hub name."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from limen.arrays import FloatArray
from limen.decision import aggregate
from limen.errors import ExportError, InputError, reason
from limen.format import Rule, Windows
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from limen_export.graph.trace import position_offset, trace
from limen_export.reference import Reference
from limen_export.sources.checkpoint_folder import CheckpointFolder, find_checkpoint
from limen_export.sources.head import Head, read_head
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.tokens import encoder_block, longest_input, read_tokenizer
from limen_export.versions import installed_versions


def recognise(source: object) -> str | None:
    """Take whatever no other kind recognised: a folder or a hub name, checked when it is read."""
    return f"transformers checkpoint {source}" if isinstance(source, str) else None


def read(source: object, wishes: SourceWishes) -> Reference:
    """Load a checkpoint and trace its graph; errors as in `read_checkpoint`."""
    if not isinstance(source, str):
        raise InputError(f"a {type(source).__name__}; expected a folder or a hub name")
    return read_checkpoint(source, wishes.rule, wishes.max_tokens, wishes.windows)


def read_checkpoint(
    checkpoint: str, rule: Rule | None, max_tokens: int | None, windows: Windows | None = None
) -> Reference:
    """Load a checkpoint and trace its graph.

    Args:
        checkpoint: a folder that `save_pretrained` wrote, or a hub name.
        rule: overrides `problem_type`.
        max_tokens: overrides the longest input.
        windows: how longer texts are read; None truncates them.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    folder = find_checkpoint(checkpoint)
    config = _config(folder)
    tokenizer = read_tokenizer(folder.path, folder.name)
    head = read_head(config, folder.path, folder.name, rule)
    model = _model(folder, config, head)
    _check_vocabulary(model, tokenizer, folder.name)
    longest = longest_input(tokenizer, positions(model), max_tokens, folder.name)
    reading = None if windows is None else SourceWindows(windows, head)
    return Reference(
        name=folder.name,
        licence=folder.licence,
        labels=head.labels,
        rule=head.rule,
        link=head.link,
        encoder=encoder_block(tokenizer, longest, windows),
        logits=SourceLogits(model, tokenizer, longest, reading),
        graph=trace(model, longest),
        versions=installed_versions(),
        notices=head.notices,
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
    positions that the file uses (`graph.trace.MaskFree`), every token counting.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        max_tokens: int,
        windows: SourceWindows | None = None,
    ) -> None:
        """Keep the parts; the model must be in evaluation mode."""
        self._windows = windows
        self._model = model
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._offset = position_offset(model)

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
        ids = inputs["input_ids"]
        if self._offset and (ids == self._offset - 1).any():
            counted = torch.arange(self._offset, self._offset + ids.shape[1])
            inputs["position_ids"] = counted.unsqueeze(0)
        try:
            row: FloatArray = self._model(**inputs).logits[0].numpy()
        except Exception as error:
            raise ExportError(
                f"the model does not take what its tokenizer gives ({reason(error)}); "
                "correct model_input_names in tokenizer_config.json"
            ) from error
        return row


def positions(model: PreTrainedModel) -> int | None:
    """Return how many tokens the model has positions for (RoBERTa's offset taken off), or None for
    no limit.
    """
    stated = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(stated, int) or stated <= 0:
        return None
    return stated - position_offset(model)


def _config(folder: CheckpointFolder) -> PretrainedConfig:
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            str(folder.path), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ExportError(
            f"{folder.name}: its config.json is not understood ({reason(error)})"
        ) from error
    if type(config) not in AutoModelForSequenceClassification._model_mapping:
        raise ExportError(
            f"{folder.name}: transformers has no text classifier of type {config.model_type!r}"
        )
    return config


def _model(folder: CheckpointFolder, config: PretrainedConfig, head: Head) -> PreTrainedModel:
    if config.num_labels != head.outputs:
        config.num_labels = head.outputs
    info: dict[str, Any]
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            str(folder.path),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        raise ExportError(
            f"{folder.name}: its weights cannot be loaded ({reason(error)})"
        ) from error
    missing = sorted(info["missing_keys"])
    if missing:
        raise ExportError(
            f"{folder.name}: {len(missing)} weights are not in its safetensors file "
            f"({', '.join(missing[:3])}): "
            "a backbone without a trained classification head; train it first"
        )
    if info["mismatched_keys"]:
        raise ExportError(
            f"{folder.name}: weights do not fit config.json ({info['mismatched_keys'][0]})"
        )
    evaluated: PreTrainedModel = model.eval()
    return evaluated


def _check_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, name: str
) -> None:
    table = cast("torch.nn.Embedding", model.get_input_embeddings())
    rows = int(table.weight.shape[0])
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise ExportError(
            f"{name}: its tokenizer has ids up to {highest:,}, the model {rows:,} embedding rows: "
            "tokenizer and weights belong to different models"
        )
