"""How an encoder is shown by `limen inspect`."""

from limen.format import EncoderBlock, EncoderKind, Vectoriser
from limen.format.json_block import Json

_ANALYZERS = {"word": "words", "char": "characters", "char_wb": "characters inside words"}


def encoder_json(encoder: EncoderKind) -> Json:
    """Return an encoder's settings; the tokenizer itself is left out, its size told."""
    if not isinstance(encoder, EncoderBlock):
        return encoder.to_json()
    return {
        "kind": "tokens",
        "long_text": _long_text_json(encoder),
        "max_tokens": encoder.max_tokens,
        "special_tokens_in_text": encoder.special_tokens_in_text,
        "tokenizer_bytes": len(encoder.tokenizer_json.encode("utf-8")),
        "truncation_side": encoder.truncation_side,
    }


def encoder_line(encoder: EncoderKind) -> str:
    """Return an encoder in a line for a person."""
    if isinstance(encoder, EncoderBlock):
        return f"tokens, at most {encoder.max_tokens:,}; {_long_text(encoder)}"
    parts = "; ".join(_part(part) for part in encoder.parts)
    return f"tfidf, {encoder.features:,} features: {parts}; texts are read whole"


def _part(part: Vectoriser) -> str:
    low, high = part.ngram_range
    sizes = f"{low}" if low == high else f"{low} to {high}"
    hashed = ", hashed" if part.vocabulary is None else ""
    return f"{sizes} {_ANALYZERS[part.analyzer]}{hashed}"


def _long_text_json(encoder: EncoderBlock) -> Json:
    windows = encoder.windows
    if windows is None:
        return "truncate"
    return {"windows": {"aggregate": windows.aggregate, "stride": windows.stride}}


def _long_text(encoder: EncoderBlock) -> str:
    windows = encoder.windows
    if windows is None:
        return f"longer texts are truncated on the {encoder.truncation_side}"
    return (
        f"longer texts are read in windows that share {windows.stride:,} tokens, the "
        f"{windows.aggregate} of their scores"
    )
