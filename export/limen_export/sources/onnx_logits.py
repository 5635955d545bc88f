"""An imported graph as its users run it: onnxruntime, the folder's own tokenizer, a mask."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from limen.arrays import FloatArray
from limen.engine import quiet_onnxruntime
from limen.errors import ExportError, reason
from transformers import PreTrainedTokenizerFast

from limen_export.sources.onnx_ports import LEAST_PROBABILITY
from limen_export.sources.torch_classifier import SourceWindows

_TYPES = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}
_MOST_OFFSET = 4
"""How many tokens fewer than positions a model may take: RoBERTa and its kin count from padding_idx
+ 1, which is 2 in the checkpoints that are known."""


class GivenGraph:
    """A graph as it came, in a session that optimises as onnxruntime does by default, on one
    thread.
    """

    def __init__(self, graph: onnx.ModelProto, name: str) -> None:
        """Open the session.

        Args:
            graph: the logits are its only output.
            name: of the source, for messages.

        Raises:
            ExportError: onnxruntime refuses the graph.
        """
        runtime = quiet_onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = runtime.InferenceSession(
                graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ExportError(f"{name}: onnxruntime refused its graph ({reason(error)})") from error
        self._types = {port.name: _TYPES[port.type] for port in self._session.get_inputs()}

    def run(self, inputs: Mapping[str, Sequence[int]]) -> npt.NDArray[Any]:
        """Run one text.

        Args:
            inputs: what the tokenizer gave; a mask of ones and token types of zeros where it gave
                none.

        Returns:
            What the graph gives, for logits (1, outputs), in its own type.
        """
        count = len(inputs["input_ids"])
        filled = {"attention_mask": [1] * count, "token_type_ids": [0] * count, **inputs}
        feeds = {name: np.array([filled[name]], kind) for name, kind in self._types.items()}
        found: npt.NDArray[Any] = self._session.run(None, feeds)[0]
        return found


class OnnxLogits:
    """The source's own logits, one text a call."""

    def __init__(
        self,
        graph: GivenGraph,
        tokenizer: PreTrainedTokenizerFast,
        max_tokens: int,
        windows: SourceWindows | None = None,
        *,
        logarithms: bool = False,
    ) -> None:
        """Keep the parts; `logarithms` of what the graph gives are the logits, where it gives
        probabilities.
        """
        self._logarithms = logarithms
        self._graph = graph
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._windows = windows

    def __call__(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 (texts, outputs)."""
        rows = []
        for text in texts:
            parts = [self._row(inputs) for inputs in self._inputs(text)]
            whole = parts[0] if self._windows is None else self._windows.together(np.stack(parts))
            rows.append(whole)
        return np.array(rows, dtype=np.float32).reshape(len(texts), -1)

    def _row(self, inputs: dict[str, list[int]]) -> FloatArray:
        row: FloatArray = self._graph.run(inputs)[0].astype(np.float32)
        return np.log(np.maximum(row, LEAST_PROBABILITY)) if self._logarithms else row

    def _inputs(self, text: str) -> Iterator[dict[str, list[int]]]:
        """What the tokenizer gives for each window of a text."""
        options: dict[str, Any] = {"truncation": True, "max_length": self._max_tokens}
        if self._windows is None:
            yield dict(self._tokenizer(text, **options))
            return
        encoded = self._tokenizer(
            text, stride=self._windows.stride, return_overflowing_tokens=True, **options
        )
        encoded.pop("overflow_to_sample_mapping")
        for rows in zip(*encoded.values(), strict=True):
            yield dict(zip(encoded.keys(), rows, strict=True))


def longest_that_runs(
    graph: GivenGraph,
    tokenizer: PreTrainedTokenizerFast,
    longest: int,
    asked: int | None,
    name: str,
) -> int:
    """Return how many tokens the graph takes: `longest`, or a few less where its positions do not
    start at 0.

    Args:
        graph: of the source.
        tokenizer: of the source.
        longest: what tokenizer and config say.
        asked: the user's number, which must do as it is; None for none.
        name: of the source, for messages.

    Raises:
        ExportError: the graph runs at none of these lengths.
    """
    lengths = [longest] if asked is not None else range(longest, longest - _MOST_OFFSET - 1, -1)
    for length in lengths:
        inputs = dict(tokenizer("a " * longest, truncation=True, max_length=max(length, 1)))
        try:
            graph.run(inputs)
        except Exception as error:
            why = reason(error)
            continue
        return length
    raise ExportError(
        f"{name}: onnxruntime fails on a text of {lengths[-1]:,} tokens ({why}); pass --max-tokens "
        "with what the model takes"
    )
