"""A reference with the part of its vocabulary that a corpus uses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from limen.arrays import IntArray
from limen.counted import counted
from limen.errors import ExportError, InputError, reason
from limen.format import EncoderBlock, token_block
from tokenizers import Tokenizer

from limen_export.reference import Reference
from limen_export.settings import NamedTexts
from limen_export.vocabulary.embedding_table import trim_rows
from limen_export.vocabulary.kept import Kept, choose_kept, surrounding_ids
from limen_export.vocabulary.tokenizer_json import Vocabulary, read_vocabulary, trimmed_json

_MB = 1e6


@dataclass(frozen=True)
class VocabularyReport:
    """What trimming the vocabulary did.

    Attributes:
        corpus: name of the texts.
        texts: how many they are.
        rows_before: rows of the embedding table as the source has it.
        rows_after: rows that stay.
        bytes_saved: of the table in float32.
        unknown_share: share of the corpus's tokens, in [0, 1], that are the unknown piece; the
            source's own, since trimming adds none.
        fallback: what text becomes that the kept pieces do not cover: the unknown piece (`[UNK]`),
            `bytes`, or `characters` for models that have neither (every character stays).
    """

    corpus: str
    texts: int
    rows_before: int
    rows_after: int
    bytes_saved: int
    unknown_share: float
    fallback: str


def keep_vocabulary(reference: Reference, texts: NamedTexts) -> tuple[Reference, VocabularyReport]:
    """Leave out the rows of the embedding table that no text of a corpus reads.

    A text that the source splits into kept pieces, none of them unknown, is split into the same
    pieces and gets the same logits. So is every text of the corpus, which is checked here. Any
    other text is split into kept pieces as far as they go; the rest becomes unknown or bytes.

    Args:
        reference: a classifier; its `logits` stay those of the whole source.
        texts: the corpus. Of long texts the part beyond the longest input counts too.

    Returns:
        The reference with fewer pieces and rows and a notice, and what that did.

    Raises:
        InputError: no text, texts without a single ordinary piece, or one that is not valid
            Unicode.
        ExportError: this tokenizer or this graph cannot be trimmed; the message says why.
    """
    if not texts.texts:
        raise InputError(f"{texts.name}: no text to keep the vocabulary of")
    block = token_block(reference.encoder)
    vocabulary = read_vocabulary(block.tokenizer_json, reference.name)
    encoded = _encoded(block, texts)
    kept = _kept(vocabulary, texts, encoded)
    graph = trim_rows(reference.graph, kept.ids, reference.name)
    encoder = replace(block, tokenizer_json=trimmed_json(vocabulary, kept.ids, kept.merges))
    _check_numbers(vocabulary, encoder, kept)
    _check_corpus(vocabulary, encoder, kept, (texts, encoded))
    report = VocabularyReport(
        corpus=texts.name,
        texts=len(texts.texts),
        rows_before=graph.rows_before,
        rows_after=len(kept.ids),
        bytes_saved=graph.bytes_saved,
        unknown_share=_unknown_share(vocabulary, encoded),
        fallback=kept.fallback,
    )
    notices = (*reference.notices, _notice(report))
    return replace(reference, encoder=encoder, graph=graph.graph, notices=notices), report


def unchanged_texts(
    before: EncoderBlock, after: EncoderBlock, texts: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Tell which texts are split into the same pieces by two tokenizers, as far as the longest
    input goes.

    Args:
        before: the source's.
        after: the trimmed one.
        texts: any.

    Returns:
        bool, (texts,): only where True the source's logits are what the trimmed graph must give.
    """
    first, second = _tokenizer(before), _tokenizer(after)
    for tokenizer, block in ((first, before), (second, after)):
        tokenizer.enable_truncation(block.max_tokens, direction=block.truncation_side)
    # Ids, not pieces: a Unigram model gives an unknown piece the characters that it stands for.
    known = first.get_vocab(with_added_tokens=True)
    old = {new: known[piece] for piece, new in second.get_vocab(with_added_tokens=True).items()}
    # What is put around every text need not be in the vocabulary.
    around = (_around(tokenizer) for tokenizer in (second, first))
    old = dict(zip(*around, strict=True)) | old
    alike = (
        first.encode(text).ids == [old[new] for new in second.encode(text).ids] for text in texts
    )
    return np.fromiter(alike, dtype=np.bool_, count=len(texts))


def _around(tokenizer: Tokenizer) -> list[int]:
    """Ids that are put around every text, in their order."""
    encoding = tokenizer.encode("")
    pairs = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
    return [one for one, special in pairs if special]


def _tokenizer(block: EncoderBlock) -> Tokenizer:
    tokenizer: Tokenizer = Tokenizer.from_str(block.tokenizer_json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = not block.special_tokens_in_text
    return tokenizer


def _encoded(block: EncoderBlock, texts: NamedTexts) -> list[IntArray]:
    """Encode texts as the file's encoder does, but whole."""
    tokenizer = _tokenizer(block)
    rows = []
    for index, text in enumerate(texts.texts):
        try:
            rows.append(np.array(tokenizer.encode(text).ids, dtype=np.int64))
        except Exception as error:
            _refuse_surrogates(texts.name, index, text)
            raise ExportError(
                f"{texts.name}: text {index} ({len(text):,} characters) could not be encoded "
                f"(tokenizers: {reason(error)})"
            ) from error
    return rows


def _refuse_surrogates(name: str, index: int, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name}: text {index} ({len(text):,} characters) holds a lone surrogate at "
            f"{error.start}: not valid Unicode; clean the file first"
        ) from error


def _kept(vocabulary: Vocabulary, texts: NamedTexts, encoded: Sequence[IntArray]) -> Kept:
    ids = set(np.unique(np.concatenate(encoded)).tolist())
    if not ids - surrounding_ids(vocabulary):
        raise InputError(
            f"{texts.name}: its {len(texts.texts):,} texts hold no piece that the tokenizer knows, "
            "beside special tokens; expected texts in the language of the classifier"
        )
    unknown = vocabulary.unknown_id
    with_unknown = (text for text, row in zip(texts.texts, encoded, strict=True) if unknown in row)
    return choose_kept(vocabulary, ids, with_unknown)


def _check_numbers(vocabulary: Vocabulary, encoder: EncoderBlock, kept: Kept) -> None:
    """The library numbers some tokens itself when it reads the JSON; it must have come to the same
    numbers.
    """
    found = Tokenizer.from_str(encoder.tokenizer_json).get_vocab(with_added_tokens=True)
    numbered = enumerate(kept.ids.tolist())
    expected = {vocabulary.name_of(old): new for new, old in numbered if vocabulary.holds(old)}
    if found != expected:
        raise ExportError(
            f"{vocabulary.name}: the tokenizers library numbers the {len(expected):,} kept pieces "
            "in another way; export without --keep-vocabulary"
        )


def _check_corpus(
    vocabulary: Vocabulary,
    encoder: EncoderBlock,
    kept: Kept,
    corpus: tuple[NamedTexts, Sequence[IntArray]],
) -> None:
    """Encode the corpus anew; every text must come out as it was."""
    texts, encoded = corpus
    for index, (old, new) in enumerate(zip(encoded, _encoded(encoder, texts), strict=True)):
        if not np.array_equal(kept.ids[new], old):
            raise ExportError(
                f"{texts.name}: text {index} ({len(texts.texts[index]):,} characters) is split in "
                f"another way with the pieces it is made of; {vocabulary.name}'s tokenizer cannot "
                "be trimmed exactly; export without --keep-vocabulary"
            )


def _unknown_share(vocabulary: Vocabulary, encoded: Sequence[IntArray]) -> float:
    unknown = sum(int((row == vocabulary.unknown_id).sum()) for row in encoded)
    return unknown / sum(len(row) for row in encoded)


def _notice(report: VocabularyReport) -> str:
    return (
        f"vocabulary: {report.rows_after:,} of {report.rows_before:,} embedding rows kept, those "
        f"of {counted(report.texts, 'text')} ({report.corpus}); {report.bytes_saved / _MB:,.1f} "
        f"MB of float32 saved; other text becomes known shorter pieces or {report.fallback}"
    )
