"""Padded batches to logits, for files that were made for a GPU."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from limen.arrays import Feeds, FloatArray, IntArray
from limen.engine import Engine
from limen.errors import EngineError, reason

BATCH_TOKENS: Final = 16_384
"""Most tokens of a batch, padding included. It bounds what a batch takes of the GPU's memory; a
quarter of it was slower, four times as many no faster (docs/gpu.md)."""

_PADDING_ID = 0
"""Any row that an embedding has: the mask hides it."""


class PaddedEngine(Engine):
    """A session that runs several texts together, shorter ones padded on the right.

    Which texts share a batch can change the last bits of their logits: the order of a sum follows
    the shape.
    """

    def logits(self, feeds: Feeds) -> FloatArray:
        """Run one text; feeds, result and errors as of Engine."""
        row: FloatArray = self.batch([feeds])[0]
        return row

    def each(self, feeds: Sequence[Feeds]) -> list[FloatArray]:
        """Run several texts in one batch."""
        return list(self.batch(feeds)) if feeds else []

    def batch(self, feeds: Sequence[Feeds]) -> FloatArray:
        """Run one batch.

        Args:
            feeds: `input_ids`, int64 (1, tokens), of at least one text.

        Returns:
            float32, (texts, outputs).

        Raises:
            EngineError: the provider failed, logits are not as wide as declared, or the process was
                forked after the file was opened on a GPU.
        """
        self._refuse_inherited()
        given = padded([one["input_ids"][0] for one in feeds])
        run = self._run_on_cpu if self.device == "cpu" else self._run_bound
        try:
            rows = run(given)
        except Exception as error:
            texts, tokens = given["input_ids"].shape
            raise EngineError(
                f"onnxruntime failed on {texts:,} texts of up to {tokens:,} tokens "
                f"({reason(error)})"
            ) from error
        if rows.shape != (len(feeds), self.outputs):
            raise EngineError(
                f"the graph gives logits of shape {rows.shape} for {len(feeds):,} texts, the file "
                f"declares {self.outputs} outputs; export the model again"
            )
        return rows

    def _run_on_cpu(self, given: Feeds) -> FloatArray:
        rows: FloatArray = self._session.run(["logits"], given)[0]
        return rows

    def _run_bound(self, given: Feeds) -> FloatArray:
        """Name where inputs and outputs lie, so that each is copied once."""
        binding: Any = self._session.io_binding()
        for name, array in given.items():
            binding.bind_cpu_input(name, array)
        binding.bind_output("logits", "cuda" if self.device == "cuda" else "cpu")
        self._session.run_with_iobinding(binding)
        rows: FloatArray = binding.copy_outputs_to_cpu()[0]
        return rows


def padded(rows: Sequence[IntArray]) -> dict[str, IntArray]:
    """Put texts of several lengths into one array.

    Args:
        rows: int64 (tokens,) of at least one text.

    Returns:
        `input_ids` and `attention_mask` (1 for a token, 0 for padding, which is on the right), both
        int64 (texts, most tokens).
    """
    lengths = np.array([len(row) for row in rows])
    counted = np.arange(lengths.max()) < lengths[:, np.newaxis]
    ids = np.full(counted.shape, _PADDING_ID, dtype=np.int64)
    ids[counted] = np.concatenate(rows)
    return {"attention_mask": counted.astype(np.int64), "input_ids": ids}


def batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> list[list[int]]:
    """Divide texts into batches of texts of about one length.

    Args:
        lengths: tokens of each text, at least 1.
        budget: most tokens of a batch, padding included; a longer text is alone.

    Returns:
        Places of the texts of each batch, the longest texts first, so that a provider's memory has
        its largest size from the start; every text once.
    """
    found: list[list[int]] = []
    room = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if not room:
            found.append([])
            room = max(1, budget // lengths[place])
        found[-1].append(place)
        room -= 1
    return found
