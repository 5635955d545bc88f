"""Texts to padded token ids with the `tokenizers` library, for rivals that are bare sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from limen.arrays import IntArray
from limen.format import read
from tokenizers import Tokenizer

from limen_bench.engines.deciding import Decider
from limen_bench.engines.engine import OpenJob

_FILE = "tokenizer.json"


@dataclass(frozen=True)
class Padding:
    """What stands in the places that a shorter text leaves: token, id and type id."""

    token: str
    id: int
    type_id: int


@dataclass(frozen=True)
class PaddedBatch:
    """Texts of one run.

    Attributes:
        ids: int64, (texts, tokens of the longest).
        mask: int64, of the same shape; 1 for a token, 0 for padding.
        types: int64, of the same shape: token type ids.
    """

    ids: IntArray
    mask: IntArray
    types: IntArray


def write_tokenizer(job: OpenJob, padding: Padding) -> None:
    """Write the source's tokenizer as the classifier file carries it, padding and truncation on.

    Its own blocks are replaced: they may pad every text to a fixed length.
    """
    block = read(job.model).metadata.token_encoder
    tokenizer = Tokenizer.from_str(block.tokenizer_json)
    tokenizer.enable_truncation(block.max_tokens, direction=block.truncation_side)
    tokenizer.enable_padding(
        pad_id=padding.id, pad_type_id=padding.type_id, pad_token=padding.token
    )
    tokenizer.save(str(job.folder / _FILE))


class PaddedTokens:
    """A tokenizer that truncates, and pads to the longest text of a batch."""

    def __init__(self, folder: Path, decider: Decider) -> None:
        """Read what `write_tokenizer` wrote."""
        self._tokenizer = Tokenizer.from_file(str(folder / _FILE))
        self._tokenizer.encode_special_tokens = not decider.special_tokens_in_text
        padding = self._tokenizer.padding or {}
        self.pad_id = int(padding["pad_id"])

    def encode(self, texts: Sequence[str]) -> PaddedBatch:
        """Encode the texts of one run."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return PaddedBatch(
            ids=np.array([encoding.ids for encoding in encodings], dtype=np.int64),
            mask=np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
            types=np.array([encoding.type_ids for encoding in encodings], dtype=np.int64),
        )
