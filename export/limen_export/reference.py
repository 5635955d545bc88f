"""What every source of a model yields, and all that the rest of the exporter knows of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx
from limen.arrays import FloatArray
from limen.format import EncoderKind, Link, Rule


@dataclass(frozen=True)
class Reference:
    """A trained classifier, as its own library runs it, and the graph made from it.

    Attributes:
        name: hub name or folder name, never a path.
        licence: as the source states it; None where it does not.
        labels: in the order of the outputs.
        rule: how scores become labels.
        link: logits to scores.
        encoder: text to token ids, or to features, for the file.
        logits: texts to float32 (texts, outputs) by the source library itself: its own tokenizer,
            its own model.
        graph: fp32, to `logits`: from `input_ids`, without mask, any batch and length; or from
            features (docs/format.md).
        versions: (library, version) of what took part.
        notices: what the user should be told.
    """

    name: str
    licence: str | None
    labels: tuple[str, ...]
    rule: Rule
    link: Link
    encoder: EncoderKind
    logits: Callable[[Sequence[str]], FloatArray]
    graph: onnx.ModelProto
    versions: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
