"""Static embeddings with a head, as Model2Vec saves a classifier: a row for each token, their mean,
and linear layers.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from limen.arrays import FloatArray
from limen.errors import ExportError

from limen_export.graph.row_means import SMALLEST_NORM, Activation, Layer, row_mean_graph
from limen_export.reference import Reference
from limen_export.sources.checkpoint_folder import licence_of, shown_name
from limen_export.sources.recognising import SourceWishes
from limen_export.sources.static_head import read_static_head
from limen_export.sources.static_rows import (
    StaticRows,
    holds_static_rows,
    read_config,
    read_static_rows,
    static_encoder,
    token_rows,
)
from limen_export.sources.torch_classifier import SourceWindows
from limen_export.versions import installed_versions


def recognise(source: str) -> str | None:
    """Recognise a folder of Model2Vec; only the header of its weights is read."""
    folder = Path(source).expanduser()
    if not holds_static_rows(folder):
        return None
    return f"static embeddings of {shown_name(folder)}, as Model2Vec saves them"


def read(source: str, wishes: SourceWishes) -> Reference:
    """Read rows, tokenizer and head.

    Raises:
        ExportError: a part is missing or does not fit; the message says which.
    """
    folder = Path(source).expanduser()
    name = shown_name(folder)
    if not holds_static_rows(folder):
        raise ExportError(
            f"{source}: no Model2Vec folder; expected model.safetensors with a table named "
            "embeddings, tokenizer.json and config.json"
        )
    config = read_config(folder, name)
    rows = read_static_rows(folder, config, wishes.max_tokens, name)
    head = read_static_head(folder, config, name, wishes.rule)
    width, wanted = rows.table.shape[1], head.layers[0].weight.shape[1]
    if width != wanted:
        raise ExportError(
            f"{name}: rows of {width:,} numbers, and a head that takes {wanted:,}: they belong to "
            "different models"
        )
    decides = head.decides
    windows = None if wishes.windows is None else SourceWindows(wishes.windows, decides)
    return Reference(
        name=name,
        licence=licence_of(folder),
        labels=decides.labels,
        rule=decides.rule,
        link=decides.link,
        encoder=static_encoder(rows, wishes.windows),
        logits=StaticLogits(rows, head.layers, windows),
        graph=row_mean_graph(token_rows(rows), head.layers, normalised=rows.normalised),
        versions=installed_versions(),
        notices=decides.notices,
        joined=True,
    )


class StaticLogits:
    """What model2vec computes (`StaticModelPipeline`, version 0.10), in numpy, from the folder's
    own tokenizer; it needs no library of its own.

    Two exceptions. model2vec first cuts a text at `max_length` times the median length of its
    vocabulary's pieces, in characters, which matters only where pieces are longer than that
    on average. And it rounds the mean of rows that are stored in 16 bits to 16 bits.
    """

    def __init__(
        self, rows: StaticRows, layers: Sequence[Layer], windows: SourceWindows | None = None
    ) -> None:
        """Keep the parts."""
        self._rows = rows
        self._layers = layers
        self._windows = windows
        stride = 0 if windows is None else windows.stride
        rows.tokenizer.enable_truncation(rows.max_tokens, stride=stride)

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        found = []
        for text in texts:
            encoding = self._rows.tokenizer.encode(text, add_special_tokens=False)
            if self._windows is None:
                found.append(self._row(encoding.ids))
                continue
            parts = [self._row(part.ids) for part in (encoding, *encoding.overflowing)]
            found.append(parts[0] if len(parts) == 1 else self._windows.together(np.stack(parts)))
        return np.array(found, dtype=np.float32).reshape(len(texts), -1)

    def _row(self, ids: Sequence[int]) -> FloatArray:
        known = [one for one in ids if one != self._rows.unknown]
        mean: FloatArray = np.zeros(self._rows.table.shape[1], np.float32)
        if known:
            mean = self._looked_up(known).mean(axis=0)
        if self._rows.normalised:
            mean /= np.linalg.norm(mean) + SMALLEST_NORM
        for layer in self._layers:
            mean = _APPLIED[layer.activation](mean @ layer.weight.T + layer.bias)
        return mean

    def _looked_up(self, ids: Sequence[int]) -> FloatArray:
        rows = self._rows
        found: FloatArray = rows.table[ids if rows.mapping is None else rows.mapping[ids]]
        return found if rows.weights is None else found * rows.weights[ids][:, None]


def _sigmoid(numbers: FloatArray) -> FloatArray:
    made: FloatArray = np.reciprocal(1 + np.exp(-numbers))
    return made


def _positive(numbers: FloatArray) -> FloatArray:
    return np.maximum(numbers, 0)


def _tanh(numbers: FloatArray) -> FloatArray:
    return np.tanh(numbers)


def _unchanged(numbers: FloatArray) -> FloatArray:
    return numbers


_APPLIED: dict[Activation, Callable[[FloatArray], FloatArray]] = {
    "Relu": _positive,
    "Tanh": _tanh,
    "Sigmoid": _sigmoid,
    "Identity": _unchanged,
}
