"""A module that the caller holds in memory: any `nn.Module` from ids to logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from limen.errors import ExportError, InputError
from limen.format import Rule
from tokenizers import Tokenizer
from torch import nn
from transformers import PreTrainedTokenizerFast

from limen_export.graph.calling import requires_mask, run_module
from limen_export.graph.positions import positions
from limen_export.reference import Reference
from limen_export.sources.checkpoint_folder import check_tokenizer, find_folder
from limen_export.sources.head import decided_head
from limen_export.sources.head_facts import required_labels
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.tokens import longest_input, read_tokenizer
from limen_export.sources.torch_classifier import TorchClassifier, check_vocabulary, reference_of

GivenTokenizer: TypeAlias = PreTrainedTokenizerFast | Tokenizer | str
"""A fast tokenizer of transformers, one of the tokenizers library, or a folder or hub name."""


@dataclass(frozen=True, eq=False)
class GivenModule:
    """A trained module, and what it cannot say itself.

    Attributes:
        module: in evaluation mode, on the CPU, in float32. Its first argument are ids, int64
            (texts, tokens); a mask, where it takes one, is called `attention_mask` or `mask`. It
            gives logits, (texts, outputs), or an object that has them as `.logits`.
        tokenizer: what its ids come from.
        labels: names of the outputs, in order.
        rule: how scores become labels; None takes multi-class, and says so.
    """

    module: nn.Module
    tokenizer: GivenTokenizer
    labels: tuple[str, ...]
    rule: Rule | None = None


def given_module(
    module: nn.Module, tokenizer: object, labels: Sequence[str] | None, rule: Rule | None
) -> GivenModule:
    """Check what a caller handed over.

    Raises:
        InputError: the tokenizer or the labels are missing, or of a kind that cannot be used.
    """
    if not isinstance(tokenizer, PreTrainedTokenizerFast | Tokenizer | str):
        raise InputError(
            f"tokenizer is {type(tokenizer).__name__}; expected a fast tokenizer of transformers, "
            "one of the tokenizers library, or a folder"
        )
    if labels is None or isinstance(labels, str):
        raise InputError("labels are missing; expected their names in the order of the outputs")
    return GivenModule(module, tokenizer, tuple(labels), rule)


def load(given: GivenModule, wishes: SourceWishes) -> TorchClassifier:
    """Check that the module can be exported, and count its outputs.

    Raises:
        ExportError: it is in training mode, not on the CPU, not in float32, or gives no logits.
    """
    module = given.module
    name = Path(str(getattr(module, "name_or_path", "") or type(module).__name__)).name
    _check_state(module, name)
    tokenizer = _tokenizer(given.tokenizer, name)
    check_vocabulary(module, tokenizer, name)
    labels = required_labels(wishes.labels or given.labels, name)
    head = decided_head(labels, _outputs(module, name), wishes.rule or given.rule, None, name)
    return TorchClassifier(
        name=name,
        licence=None,
        module=module,
        tokenizer=tokenizer,
        head=head,
        max_tokens=longest_input(tokenizer, positions(module), wishes.max_tokens, name),
    )


def reference(given: GivenModule, wishes: SourceWishes) -> Reference:
    """Check the module and trace its graph; errors as in `load`."""
    return reference_of(load(given, wishes), wishes.windows)


def _check_state(module: nn.Module, name: str) -> None:
    if any(part.training for part in module.modules()):
        raise ExportError(f"{name} is in training mode, where dropout is at work; call .eval()")
    for key, weight in module.named_parameters():
        if weight.device.type != "cpu" or weight.dtype != torch.float32:
            raise ExportError(
                f"{name}: {key} is {str(weight.dtype).removeprefix('torch.')} on "
                f"{weight.device.type}, expected float32 on the CPU; call .float().cpu()"
            )


def _tokenizer(given: GivenTokenizer, name: str) -> PreTrainedTokenizerFast:
    if isinstance(given, PreTrainedTokenizerFast):
        return given
    if isinstance(given, Tokenizer):
        plain: Any = PreTrainedTokenizerFast
        made: PreTrainedTokenizerFast = plain(tokenizer_object=given)
        return made
    folder = find_folder(given)
    check_tokenizer(folder.path, folder.name)
    return read_tokenizer(folder.path, name)


def _outputs(module: nn.Module, name: str) -> int:
    ids = torch.zeros((1, 2), dtype=torch.int64)
    inputs = {"input_ids": ids}
    if requires_mask(module):
        inputs["attention_mask"] = torch.ones_like(ids)
    try:
        with torch.inference_mode():
            return int(run_module(module, inputs).shape[1])
    except ExportError:
        raise
    except Exception as error:
        raise ExportError(
            f"{name} cannot be called with ids of shape (1, 2) ({str(error)[:200]}); expected "
            "forward(input_ids) or forward(input_ids, attention_mask)"
        ) from error
