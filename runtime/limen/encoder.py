"""Text to feeds: the arrays that a graph takes, by name."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tokenizers import Tokenizer

from limen.arrays import Feeds
from limen.errors import EngineError, InputError
from limen.format import EncoderBlock, EncoderKind


@dataclass(frozen=True)
class Encoded:
    """One text, ready for the engine.

    Attributes:
        feeds: for an encoder of kind `tokens`: `input_ids`, int64, (1, tokens); of kind `tfidf`
            what `limen.tfidf.encoder.TfidfEncoder.feeds` describes.
        truncated: the text was longer than the model can take and lost its end (or its beginning).
        more: feeds of further windows of a text that is longer than the model can take, where the
            encoder reads in windows.
    """

    feeds: Feeds
    truncated: bool
    more: tuple[Feeds, ...] = ()

    @property
    def tokens(self) -> int:
        """How many tokens a run with these feeds has, of all windows; or how many features."""
        if "input_ids" not in self.feeds:
            return len(self.feeds["indices"])
        return sum(feeds["input_ids"].shape[1] for feeds in (self.feeds, *self.more))

    @property
    def ids(self) -> list[int]:
        """What golden texts remember: token ids, or the features that are present, sorted."""
        if "input_ids" not in self.feeds:
            return sorted(int(feature) for feature in self.feeds["indices"])
        return [int(token) for token in self.feeds["input_ids"][0]]


class Encoder(Protocol):
    """Turns one text into feeds."""

    def encode(self, text: str, index: int = 0) -> Encoded:
        """Encode a text; `index` is its place in the caller's list, for error messages."""
        ...


def open_encoder(block: EncoderKind) -> Encoder:
    """Build the encoder that a classifier file carries, whatever its kind.

    Raises:
        EngineError: its library does not accept what the file holds.
    """
    if isinstance(block, EncoderBlock):
        return TokenEncoder(block)
    # Files that read tokens, which are most, do without it.
    from limen.tfidf.encoder import TfidfEncoder

    return TfidfEncoder(block)


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
        _require_str(text, index)
        try:
            # A single call stays in this thread; encode_batch would start rayon on every core.
            encoding = self._tokenizer.encode(text)
        except BaseException as error:
            _refuse_surrogates(text, index)
            message = f"text {index} ({len(text):,} characters) could not be encoded"
            raise _translated(error, message) from error
        ids = np.array([encoding.ids], dtype=np.int64)
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


def require_text(text: str, index: int) -> None:
    """Refuse what is no text; `index` is its place in the caller's list.

    Raises:
        InputError: not a str, or it holds lone surrogates.
    """
    _require_str(text, index)
    if not text.isascii():
        _refuse_surrogates(text, index)


def _require_str(text: str, index: int) -> None:
    if not isinstance(text, str):
        raise InputError(f"text {index} is of type {type(text).__name__}; expected str")


def _refuse_surrogates(text: str, index: int) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"text {index} ({len(text):,} characters) holds a lone surrogate at {error.start}: not "
            f"valid Unicode; "
            'clean it with text.encode("utf-8", "replace").decode("utf-8")'
        ) from error


def _translated(error: BaseException, message: str) -> BaseException:
    """Translate what tokenizers raises; a Rust panic arrives as PanicException, which is no
    Exception.
    """
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return EngineError(f"{message} (tokenizers: {error})")
    return error
