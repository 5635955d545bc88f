"""The rows of a Model2Vec folder, and its tokenizer as a classifier file carries it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from limen.arrays import FloatArray, IntArray
from limen.errors import ExportError, reason
from limen.format import EncoderBlock, Windows, limits
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer, processors

from limen_export.graph.row_means import TokenRows

WEIGHTS, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
_ROWS, _WEIGHTS, _MAPPING = "embeddings", "weights", "mapping"
_END = "[END]"
"""Ends every text in the file, so that a text without a known token has one, and texts can be told
apart in one row of ids. Its own row is zero and it does not count. The name is the template's own:
no text can spell it."""

_USUAL_LENGTH = 512
"""Where config.json states none (model2vec's DEFAULT_MAX_LENGTH)."""


@dataclass(frozen=True, eq=False)
class StaticRows:
    """What a folder holds beside its head.

    Attributes:
        table: float32 (rows, width).
        mapping: int64 (ids,); None where id i has row i.
        weights: float32 (ids,); None for none.
        tokenizer: as the folder has it, without padding.
        unknown: id that is left out of every text; None where the tokenizer has none.
        max_tokens: the most tokens of a text that count.
        normalised: whether the mean is brought to length 1.
    """

    table: FloatArray
    mapping: IntArray | None
    weights: FloatArray | None
    tokenizer: Tokenizer
    unknown: int | None
    max_tokens: int
    normalised: bool


def holds_static_rows(folder: Path) -> bool:
    """Say whether a folder is Model2Vec's: three files, and a table named `embeddings`. Only the
    header of the weights is read.
    """
    if not all((folder / file).is_file() for file in (WEIGHTS, TOKENIZER, CONFIG)):
        return False
    try:
        with safe_open(str(folder / WEIGHTS), framework="numpy") as tensors:
            return _ROWS in tensors.keys()  # noqa: SIM118  (safe_open offers no `in`)
    except (SafetensorError, OSError):
        return False


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Read config.json; ExportError where it holds no object."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ExportError(f"{name}: {CONFIG} cannot be read ({reason(error)})") from error
    if not isinstance(config, dict):
        raise ExportError(f"{name}: {CONFIG} holds no object; expected normalize and head_config")
    return config


def read_static_rows(
    folder: Path, config: dict[str, Any], asked: int | None, name: str
) -> StaticRows:
    """Read rows and tokenizer.

    Args:
        folder: that of the static embeddings.
        config: its config.json.
        asked: the most tokens that the user wants; None follows the config.
        name: of the source, for messages.

    Raises:
        ExportError: a part cannot be read, or the parts do not fit each other.
    """
    table, weights, mapping = _tensors(folder, name)
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:
        raise ExportError(f"{name}: {TOKENIZER} cannot be read ({reason(error)})") from error
    tokenizer.no_padding()
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    rows = len(table if mapping is None else mapping)
    rows = rows if weights is None else min(rows, len(weights))
    if highest >= rows:
        raise ExportError(
            f"{name}: its tokenizer has ids up to {highest:,}, its table {rows:,} embedding rows: "
            "tokenizer and rows belong to different models"
        )
    if mapping is not None and not 0 <= mapping.min() <= mapping.max() < len(table):
        raise ExportError(
            f"{name}: its mapping names row {int(mapping.max()):,}, and there are {len(table):,}"
        )
    return StaticRows(
        table,
        mapping,
        weights,
        tokenizer,
        _unknown(tokenizer),
        _longest(config, asked, name),
        normalised=bool(config.get("normalize", False)),
    )


def token_rows(rows: StaticRows) -> TokenRows:
    """Return what the graph looks up; the id that ends every text counts nothing, and neither does
    that of the unknown token.
    """
    end = _end_id(rows)
    ids = max(end + 1, len(rows.table if rows.mapping is None else rows.mapping))
    ends = np.zeros(ids, np.int64)
    ends[end] = 1
    left_out = [end] if rows.unknown is None else [end, rows.unknown]
    counted = np.ones(ids, np.float32)
    counted[left_out] = 0
    if rows.mapping is None:
        table = np.zeros((ids, rows.table.shape[1]), np.float32)
        table[: len(rows.table)] = rows.table
        if rows.weights is not None:
            table[: len(rows.weights)] *= rows.weights[:, None]
        table[left_out] = 0
        return TokenRows(table, counted, ends)
    mapping = np.zeros(ids, np.int64)
    mapping[: len(rows.mapping)] = rows.mapping
    weights = np.ones(ids, np.float32)
    if rows.weights is not None:
        weights[: len(rows.weights)] = rows.weights
    weights[left_out] = 0
    return TokenRows(rows.table, counted, ends, mapping, weights)


def static_encoder(rows: StaticRows, windows: Windows | None) -> EncoderBlock:
    """Freeze the tokenizer: no special tokens but the one that ends every text."""
    tokenizer = Tokenizer.from_str(rows.tokenizer.to_str())
    tokenizer.no_truncation()
    end = _end_id(rows)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {_END}", special_tokens=[(_END, end)]
    )
    longest = min(rows.max_tokens + 1, limits.MAX_TOKENS)
    return EncoderBlock(tokenizer.to_str(), longest, windows=windows)


def _end_id(rows: StaticRows) -> int:
    """An id behind the vocabulary."""
    return max(rows.tokenizer.get_vocab(with_added_tokens=True).values()) + 1


def _tensors(folder: Path, name: str) -> tuple[FloatArray, FloatArray | None, IntArray | None]:
    try:
        with safe_open(str(folder / WEIGHTS), framework="numpy") as tensors:
            names = set(tensors.keys())
            table = tensors.get_tensor(_ROWS)
            weights = tensors.get_tensor(_WEIGHTS) if _WEIGHTS in names else None
            mapping = tensors.get_tensor(_MAPPING) if _MAPPING in names else None
    except (SafetensorError, OSError) as error:
        raise ExportError(f"{name}: {WEIGHTS} cannot be read ({reason(error)})") from error
    if table.ndim != 2 or not table.size:
        raise ExportError(f"{name}: embeddings of shape {table.shape}; expected (rows, width)")
    return (
        # As StaticModelPipeline does when it loads a folder.
        np.nan_to_num(table.astype(np.float32)),
        None if weights is None else weights.astype(np.float32),
        None if mapping is None else mapping.astype(np.int64),
    )


def _longest(config: dict[str, Any], asked: int | None, name: str) -> int:
    stated = config.get("max_length", _USUAL_LENGTH) if asked is None else asked
    if stated is None:
        return limits.MAX_TOKENS
    if not isinstance(stated, int) or stated < 1:
        raise ExportError(f"{name}: at most {stated!r} tokens; expected 1 or more")
    return stated


def _unknown(tokenizer: Tokenizer) -> int | None:
    """Return the id that model2vec drops: of the model's unknown token."""
    model = json.loads(tokenizer.to_str())["model"]
    if "unk_id" in model:
        found: int | None = model["unk_id"]
        return found
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)
