"""From a transformers tokenizer to the encoder block of a classifier file."""

from pathlib import Path
from typing import Any

from limen.errors import ExportError, reason
from limen.format import EncoderBlock, Windows
from limen.format.encoder_block import Side
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

# transformers writes int(1e30) where a tokenizer states no length.
_NO_LENGTH = 10**9
_ASSUMED_LENGTH = 512


def read_tokenizer(folder: Path, name: str) -> PreTrainedTokenizerFast:
    """Load the folder's tokenizer as transformers does.

    Raises:
        ExportError: it cannot be loaded, or it has no fast form (a `tokenizers` JSON).
    """
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ExportError(
            f"{name}: its tokenizer cannot be loaded ({reason(error)}); it needs a fast form, "
            f"tokenizer.json"
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise ExportError(
            f"{name}: its tokenizer ({type(tokenizer).__name__}) has no fast form; "
            "only tokenizers with a tokenizer.json can be carried in the file"
        )
    fast: PreTrainedTokenizerFast = tokenizer
    return fast


def longest_input(
    tokenizer: PreTrainedTokenizerFast, positions: int | None, asked: int | None, name: str
) -> int:
    """Return the maximum number of tokens, special tokens included.

    Args:
        tokenizer: states `model_max_length`; what its truncation block says does not count.
        positions: positions the model has; None for no limit of its own.
        asked: the user's number; None takes the smaller of the two.
        name: the checkpoint's name, for messages.

    Raises:
        ExportError: `asked` leaves no room for a text, or exceeds the positions.
    """
    special = tokenizer.num_special_tokens_to_add(pair=False)
    if asked is not None:
        if asked <= special:
            raise ExportError(
                f"{name}: --max-tokens {asked} leaves no room beside {special} special tokens"
            )
        if positions is not None and asked > positions:
            raise ExportError(
                f"{name}: --max-tokens {asked}, but the model has {positions} positions"
            )
        return asked
    stated = tokenizer.model_max_length
    known = [length for length in (stated, positions) if length is not None and length < _NO_LENGTH]
    longest = min(known, default=_ASSUMED_LENGTH)
    if longest <= special:
        raise ExportError(
            f"{name}: model_max_length {stated} leaves no room beside {special} special tokens; "
            "correct tokenizer_config.json or pass --max-tokens"
        )
    return longest


def encoder_block(
    tokenizer: PreTrainedTokenizerFast, max_tokens: int, windows: Windows | None = None
) -> EncoderBlock:
    """Freeze a tokenizer: the very one that transformers runs, padding and truncation cleared."""
    frozen = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    frozen.no_padding()
    frozen.no_truncation()
    side: Side = "left" if tokenizer.truncation_side == "left" else "right"
    return EncoderBlock(
        tokenizer_json=frozen.to_str(),
        max_tokens=max_tokens,
        truncation_side=side,
        special_tokens_in_text=not getattr(tokenizer, "split_special_tokens", False),
        windows=windows,
    )
