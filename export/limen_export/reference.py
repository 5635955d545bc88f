"""What every source of a model yields, and all that the rest of the exporter knows of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

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
        graph: to `logits`: from `input_ids`, without mask, any batch and length; or from features
            (docs/format.md).
        versions: (library, version) of what took part.
        notices: what the user should be told.
        thresholds: in label order, each in [0, 1], where the source states them; None where it does
            not.
        precision: of the graph: fp32, from which the ladder makes the others; int8 for one whose
            weights came in 8 bits, which is then taken as it is.
        joined: whether the graph takes texts one behind another in a row, each ended by an id that
            stands nowhere else (docs/format.md, shape `joined`).
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
    thresholds: tuple[float, ...] | None = None
    precision: Literal["fp32", "int8"] = "fp32"
    joined: bool = False
