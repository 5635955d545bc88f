"""Which pieces stay: those of the corpus, and those without which others would change."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from limen.arrays import IntArray
from limen.errors import ExportError
from tokenizers import pre_tokenizers

from limen_export.vocabulary.merges import Joining
from limen_export.vocabulary.tokenizer_json import Vocabulary, id_order, post_processor_ids
from limen_export.vocabulary.unknown_words import tried_pieces

BYTES = "bytes"
CHARACTERS = "characters"

_BYTE_PIECES = tuple(f"<0x{byte:02X}>" for byte in range(256))


@dataclass(frozen=True)
class Kept:
    """What stays of a vocabulary.

    Attributes:
        ids: int64, (rows,): the old id of each new one.
        merges: places of the merges that stay (BPE; else empty).
        fallback: what text becomes that the pieces do not cover: the unknown piece, `bytes`, or
            `characters` where every single character stays because the model has neither.
    """

    ids: IntArray
    merges: frozenset[int]
    fallback: str


def surrounding_ids(vocabulary: Vocabulary) -> set[int]:
    """Added tokens, the unknown piece and what is put around every text."""
    unknown = vocabulary.unknown_id
    return {
        *vocabulary.added,
        *post_processor_ids(vocabulary),
        *([] if unknown is None else [unknown]),
    }


def choose_kept(
    vocabulary: Vocabulary, corpus_ids: Collection[int], texts_with_unknown: Iterable[str]
) -> Kept:
    """Choose what stays so that texts made of it are split as before.

    Args:
        vocabulary: what there is.
        corpus_ids: ids that occur in the corpus.
        texts_with_unknown: texts of the corpus with the unknown piece in them.

    Raises:
        ExportError: the model has nothing that text could become which the pieces do not cover.
    """
    fallback = _fallback(vocabulary)
    ids = {*corpus_ids, *surrounding_ids(vocabulary), *_byte_ids(vocabulary)}
    merges: set[int] = set()
    kind = vocabulary.model["type"]
    if kind == "WordPiece":
        ids |= tried_pieces(vocabulary, texts_with_unknown)
    elif kind == "Unigram":
        ids.add(_lowest(vocabulary))
    elif kind == "BPE":
        if fallback == CHARACTERS:
            ids |= _single_characters(vocabulary)
        merges, joined = _merges(vocabulary, ids)
        ids |= joined
    ordered = np.array(id_order(vocabulary, ids), dtype=np.int64)
    return Kept(ordered, frozenset(merges), fallback)


def _fallback(vocabulary: Vocabulary) -> str:
    model, unknown = vocabulary.model, vocabulary.unknown_id
    if model["type"] in ("BPE", "Unigram"):
        has_bytes = model["byte_fallback"] and set(_BYTE_PIECES) <= vocabulary.ids.keys()
        if has_bytes and (unknown is not None or model["type"] == "BPE"):
            return BYTES
    if model["type"] == "BPE":
        if vocabulary.has_part("ByteLevel") and _alphabet() <= vocabulary.ids.keys():
            return BYTES
        if unknown is None and not model["unk_token"]:
            return CHARACTERS
    if unknown is None:
        raise ExportError(
            f"{vocabulary.name}: its tokenizer has neither an unknown piece nor byte pieces, so a "
            "text with a piece that was left out could not be encoded; export without "
            "--keep-vocabulary"
        )
    return vocabulary.name_of(unknown)


def _byte_ids(vocabulary: Vocabulary) -> set[int]:
    pieces = set(_BYTE_PIECES) if vocabulary.model.get("byte_fallback") else set()
    if vocabulary.has_part("ByteLevel"):
        pieces |= _alphabet()
    return {vocabulary.ids[piece] for piece in pieces if piece in vocabulary.ids}


def _alphabet() -> set[str]:
    return set(pre_tokenizers.ByteLevel.alphabet())


def _lowest(vocabulary: Vocabulary) -> int:
    """Return the piece of lowest score, from which the library takes what an unknown character
    costs.

    Without it unknown characters would cost less and might win over pieces that stay
    (https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/models/unigram/model.rs,
    `min_score`).
    """
    scores = [score for _, score in vocabulary.model["vocab"]]
    return scores.index(min(scores))


def _single_characters(vocabulary: Vocabulary) -> set[int]:
    joined = {*Joining.of(vocabulary.model).pairs}
    return {piece_id for piece_id, piece in vocabulary.pieces.items() if piece not in joined}


def _merges(vocabulary: Vocabulary, ids: Collection[int]) -> tuple[set[int], set[int]]:
    """Places of the merges that these pieces need, and the ids of all pieces that take part."""
    joining = Joining.of(vocabulary.model)
    pieces = [vocabulary.pieces[piece_id] for piece_id in ids if piece_id in vocabulary.pieces]
    needed = joining.needed(pieces)
    taking_part = {piece for pair in needed for piece in (*pair, joining.joined[pair])}
    return {joining.ranks[pair] for pair in needed}, {
        vocabulary.ids[piece] for piece in taking_part
    }
