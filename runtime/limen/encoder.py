"""Text to feeds: the arrays that a graph takes, by name."""

from dataclasses import dataclass
from typing import Protocol

from limen.arrays import Feeds
from limen.counted import counted
from limen.errors import InputError
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
    # Each kind does without the other's libraries and modules, whose import takes its time.
    if isinstance(block, EncoderBlock):
        from limen.token_encoder import TokenEncoder

        return TokenEncoder(block)
    from limen.tfidf.encoder import TfidfEncoder

    return TfidfEncoder(block)


def require_text(text: str, index: int) -> None:
    """Refuse what is no text; `index` is its place in the caller's list.

    Raises:
        InputError: not a str, or it holds lone surrogates.
    """
    require_str(text, index)
    if not text.isascii():
        refuse_surrogates(text, index)


def require_str(text: str, index: int) -> None:
    """Refuse what is no str; arguments and error as of `require_text`."""
    if not isinstance(text, str):
        raise InputError(f"text {index} is of type {type(text).__name__}; expected str")


def refuse_surrogates(text: str, index: int) -> None:
    """Refuse lone surrogates; arguments and error as of `require_text`."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"text {index} ({counted(len(text), 'character')}) holds a lone surrogate at "
            f"{error.start}: not valid Unicode; "
            'clean it with text.encode("utf-8", "replace").decode("utf-8")'
        ) from error
