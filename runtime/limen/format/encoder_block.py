"""`limen.encoder`: how a text becomes the graph's inputs (docs/format.md, "limen.encoder")."""

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from limen.errors import InputError
from limen.format import limits
from limen.format.json_block import Json, Node

Side: TypeAlias = Literal["left", "right"]
Aggregate: TypeAlias = Literal["max", "mean"]
_SIDES = ("left", "right")
_AGGREGATES = ("max", "mean")
_DEFLATE_LEVEL = 9


@dataclass(frozen=True)
class Windows:
    """How a text that is longer than the model can take is read: in windows of full length.

    Attributes:
        stride: tokens that a window shares with the one before it, at least 0 and less than a
            window holds beside its special tokens (as `stride` of the tokenizers library).
        aggregate: `max` or `mean` of the windows' scores.

    Raises:
        InputError: a negative stride, or another aggregate.
    """

    stride: int
    aggregate: Aggregate = "max"

    def __post_init__(self) -> None:
        """Check the values."""
        if not isinstance(self.stride, int) or self.stride < 0:
            raise InputError(f"windows: stride={self.stride}; expected 0 or more tokens")
        if self.aggregate not in _AGGREGATES:
            raise InputError(f"windows: aggregate={self.aggregate!r}; expected 'max' or 'mean'")


@dataclass(frozen=True)
class EncoderBlock:
    """An encoder of kind `tokens`: a `tokenizers` JSON and how long a text may be.

    Attributes:
        tokenizer_json: what `Tokenizer.to_str()` gave, its padding and truncation blocks cleared.
        max_tokens: longest input in tokens, special tokens included.
        truncation_side: the side on which a longer text loses tokens.
        special_tokens_in_text: True when a text that spells a special token gets that token (what
            transformers does by default), False when it is split like any other text.
        windows: how longer texts are read; None truncates them.
    """

    tokenizer_json: str
    max_tokens: int
    truncation_side: Side = "right"
    special_tokens_in_text: bool = True
    windows: Windows | None = None

    def to_json(self) -> Json:
        """Return the block as `limen.encoder` stores it."""
        plain = self.tokenizer_json.encode("utf-8")
        long_text: dict[str, Json] = {"long_text": "truncate"}
        if self.windows is not None:
            long_text = {
                "aggregate": self.windows.aggregate,
                "long_text": "windows",
                "stride": self.windows.stride,
            }
        return {
            **long_text,
            "kind": "tokens",
            "max_tokens": self.max_tokens,
            "special_tokens_in_text": self.special_tokens_in_text,
            "tokenizer": {
                "bytes": len(plain),
                "data": base64.b64encode(zlib.compress(plain, _DEFLATE_LEVEL)).decode("ascii"),
                "encoding": "zlib+base64",
            },
            "truncation_side": self.truncation_side,
        }

    @classmethod
    def from_json(cls, node: Node) -> "EncoderBlock":
        """Read the block.

        Raises:
            FormatError: a field is missing or of a wrong type, or the tokenizer exceeds the caps or
                its declared size.
        """
        node.string("kind", ("tokens",))
        windows = None
        if node.string("long_text", ("truncate", "windows")) == "windows":
            windows = Windows(
                node.integer("stride", 0, limits.MAX_TOKENS),
                cast("Aggregate", node.string("aggregate", _AGGREGATES)),
            )
        return cls(
            tokenizer_json=_inflate(node.node("tokenizer")),
            max_tokens=node.integer("max_tokens", 1, limits.MAX_TOKENS),
            truncation_side=cast("Side", node.string("truncation_side", _SIDES)),
            special_tokens_in_text=node.boolean("special_tokens_in_text"),
            windows=windows,
        )


def _inflate(node: Node) -> str:
    node.string("encoding", ("zlib+base64",))
    size = node.integer("bytes", 1, limits.MAX_TOKENIZER_BYTES)
    try:
        packed = base64.b64decode(node.string("data"), validate=True)
    except (binascii.Error, ValueError):
        node.fail("data is not base64")
    if size > limits.MAX_EXPANSION * max(len(packed), 1):
        node.fail(
            f"{len(packed):,} bytes that claim to inflate to {size:,}, over "
            f"{limits.MAX_EXPANSION}:1"
        )
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(packed, size + 1)
    except zlib.error:
        node.fail("data is not a zlib stream")
    if len(plain) != size or not inflater.eof or inflater.unused_data:
        node.fail(f"data does not inflate to the {size:,} bytes it declares")
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        node.fail("the tokenizer is not UTF-8")
