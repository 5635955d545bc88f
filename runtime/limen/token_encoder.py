"""Text to token ids: the encoder of kind `tokens`."""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from limen.arrays import IntArray
from limen.encoder import Encoded, refuse_surrogates, require_str
from limen.errors import EngineError, InputError
from limen.format import EncoderBlock


class TokenEncoder:
    """The encoder of kind `tokens`: a `tokenizers` tokenizer that truncates, or reads in windows,
    and never pads.
    """

    def __init__(self, block: EncoderBlock) -> None:
        """Build the tokenizer that a classifier file carries.

        Raises:
            EngineError: the tokenizers library does not accept it, or `max_tokens` leaves no room
                for a text.
            InputError: windows whose stride is as long as a window.
        """
        try:
            tokenizer = Tokenizer.from_str(block.tokenizer_json)
            tokenizer.no_padding()
            tokenizer.encode_special_tokens = not block.special_tokens_in_text
            special = tokenizer.num_special_tokens_to_add(False)
        except BaseException as error:
            raise _translated(error, "the file's tokenizer cannot be built") from error
        if block.max_tokens <= special:
            # The library would then not truncate at all, and not say so.
            raise EngineError(
                f"max_tokens is {block.max_tokens}, which leaves no room beside {special} special "
                "tokens; export the model again with --max-tokens"
            )
        stride = 0 if block.windows is None else block.windows.stride
        if stride and stride >= block.max_tokens - special:
            raise InputError(
                f"windows: a stride of {stride:,} tokens, but a window holds "
                f"{block.max_tokens - special:,} of a text; choose a shorter one"
            )
        try:
            tokenizer.enable_truncation(
                block.max_tokens, stride=stride, direction=block.truncation_side
            )
        except BaseException as error:
            raise _translated(error, "the file's tokenizer cannot truncate") from error
        self._tokenizer = tokenizer
        self._in_windows = block.windows is not None

    def encode(self, text: str, index: int = 0) -> Encoded:
        """Encode a text in the caller's thread.

        Returns:
            `input_ids`: int64, (1, tokens), 1 to `max_tokens` of them, for each window.

        Raises:
            InputError: not a str, or it holds lone surrogates.
            EngineError: the tokenizers library failed, or the text gave no token at all.
        """
        require_str(text, index)
        try:
            # A single call stays in this thread; encode_batch would start rayon on every core.
            encoding = self._tokenizer.encode(text)
        except BaseException as error:
            refuse_surrogates(text, index)
            message = f"text {index} ({len(text):,} characters) could not be encoded"
            raise _translated(error, message) from error
        return self._read(encoding, np.array([encoding.ids], dtype=np.int64), text, index)

    def encode_together(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode several texts on threads that the tokenizers library starts: one for every core
        that affinity and quota leave to the process, or what `RAYON_NUM_THREADS` says. They sleep
        between calls, and do not outlive a fork.

        Returns:
            What `encode` returns for each.

        Raises:
            InputError, EngineError: one of the texts is the reason; `encode` says which.
        """
        if not texts:
            return []
        for place, text in enumerate(texts):
            require_str(text, place)
        try:
            encodings = self._tokenizer.encode_batch_fast(list(texts))
        except BaseException as error:
            raise _translated(error, f"{len(texts):,} texts could not be encoded") from error
        rows = [encoding.ids for encoding in encodings]
        ends = list(accumulate(map(len, rows)))
        # One array for all of them: making one costs more than the tokens of a short text.
        joined = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=ends[-1])
        return [
            self._read(encoding, joined[np.newaxis, end - len(row) : end], text, place)
            for place, (encoding, row, end, text) in enumerate(
                zip(encodings, rows, ends, texts, strict=True)
            )
        ]

    def _read(self, encoding: Any, ids: IntArray, text: str, index: int) -> Encoded:  # noqa: ANN401
        if ids.shape[1] == 0:
            raise EngineError(
                f"text {index} ({len(text):,} characters) gave no token: this tokenizer adds no "
                f"special tokens, "
                "so a text without characters it knows cannot be decided"
            )
        rest = encoding.overflowing
        if rest and self._in_windows:
            more = tuple({"input_ids": np.array([part.ids], dtype=np.int64)} for part in rest)
            return Encoded({"input_ids": ids}, False, more)
        return Encoded({"input_ids": ids}, truncated=bool(rest))


def _translated(error: BaseException, message: str) -> BaseException:
    """Translate what tokenizers raises; a Rust panic arrives as PanicException, which is no
    Exception.
    """
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return EngineError(f"{message} (tokenizers: {error})")
    return error
