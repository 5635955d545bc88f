"""A tokenizer's JSON: the pieces it holds, and the JSON with fewer of them."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

from limen.arrays import IntArray
from limen.errors import ExportError, reason
from tokenizers import Tokenizer

JsonObject: TypeAlias = dict[str, Any]

_MODELS = ("BPE", "Unigram", "WordLevel", "WordPiece")
_POST_PROCESSORS = ("BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing")


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's JSON, as the tokenizers library writes it, and the ids in it.

    Attributes:
        name: of the checkpoint, for messages.
        tokenizer: the library's own object, neither truncating nor padding.
        fields: its JSON, parsed; not to be changed.
        pieces: the model's own pieces by id.
        added: added tokens by id, those that are pieces of the model as well included.
        ids: id of each piece and added token, as the library gives it.
    """

    name: str
    tokenizer: Tokenizer
    fields: JsonObject
    pieces: dict[int, str]
    added: dict[int, str]
    ids: dict[str, int]

    @property
    def model(self) -> JsonObject:
        """The JSON of the model: its type, vocabulary and settings."""
        model: JsonObject = self.fields["model"]
        return model

    @property
    def unknown_id(self) -> int | None:
        """Id of the piece that stands for what the vocabulary does not hold; None for none."""
        if self.model["type"] == "Unigram":
            unk_id: int | None = self.model["unk_id"]
            return unk_id
        return self.ids.get(self.model["unk_token"] or "")

    def holds(self, piece_id: int) -> bool:
        """Whether this is the id of a piece or added token; a post-processor may put others around
        a text.
        """
        return piece_id in self.pieces or piece_id in self.added

    def name_of(self, piece_id: int) -> str:
        """The piece or added token with this id."""
        return self.pieces[piece_id] if piece_id in self.pieces else self.added[piece_id]

    def has_part(self, kind: str) -> bool:
        """Whether normaliser or pre-tokenizer is of this type, or a sequence that holds one."""
        return any(_holds(self.fields[part], kind) for part in ("normalizer", "pre_tokenizer"))


def read_vocabulary(tokenizer_json: str, name: str) -> Vocabulary:
    """Read a tokenizer's JSON, in the form that the library itself writes.

    Raises:
        ExportError: the library does not accept it, its model is of a kind that is not known here,
            splits at random, or two pieces share an id.
    """
    try:
        tokenizer = Tokenizer.from_str(tokenizer_json)
    except Exception as error:
        raise ExportError(f"{name}: its tokenizer cannot be built ({reason(error)})") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    fields: JsonObject = json.loads(tokenizer.to_str())
    model = fields["model"]
    if model["type"] not in _MODELS:
        raise ExportError(
            f"{name}: its tokenizer is of type {model['type']}; a vocabulary can be trimmed for "
            f"{', '.join(_MODELS)}; export without --keep-vocabulary"
        )
    if model.get("dropout"):
        raise ExportError(
            f"{name}: its tokenizer splits at random (dropout {model['dropout']}); no set of "
            "pieces is what a text is made of; set dropout to null in tokenizer.json"
        )
    if model["type"] == "Unigram":
        pieces = {index: piece for index, (piece, _) in enumerate(model["vocab"])}
    else:
        pieces = {index: piece for piece, index in model["vocab"].items()}
    ids = tokenizer.get_vocab(with_added_tokens=True)
    shared = len(ids) - len(set(ids.values()))
    if shared:
        raise ExportError(f"{name}: {shared:,} pieces of its tokenizer share an id with another")
    added = {ids[token["content"]]: token["content"] for token in fields["added_tokens"]}
    return Vocabulary(name, tokenizer, fields, pieces, added, ids)


def post_processor_ids(vocabulary: Vocabulary) -> set[int]:
    """Ids that are put around every text.

    Raises:
        ExportError: a post-processor of a kind that is not known here.
    """
    found: set[int] = set()

    def note(piece_id: int) -> int:
        found.add(piece_id)
        return piece_id

    _renumbered(vocabulary.fields["post_processor"], note, vocabulary.name)
    return found


def id_order(vocabulary: Vocabulary, kept: Collection[int]) -> list[int]:
    """Sort kept ids as they are numbered anew: the model's own pieces, then added tokens.

    The library gives added tokens outside the model's vocabulary the numbers that follow it.
    """
    return sorted(kept, key=lambda piece_id: (piece_id not in vocabulary.pieces, piece_id))


def trimmed_json(vocabulary: Vocabulary, kept: IntArray, merges: Collection[int]) -> str:
    """Return the tokenizer's JSON with some of its pieces.

    Args:
        vocabulary: what it is now.
        kept: int64, (rows,): the old id of each new one.
        merges: places of the merges that stay (BPE).
    """
    new = {old: index for index, old in enumerate(kept.tolist())}
    old_model = vocabulary.model
    model = dict(old_model)
    pieces = [piece_id for piece_id in new if piece_id in vocabulary.pieces]
    if model["type"] == "Unigram":
        model["vocab"] = [old_model["vocab"][piece_id] for piece_id in pieces]
        model["unk_id"] = new[old_model["unk_id"]]
    else:
        model["vocab"] = {vocabulary.pieces[piece_id]: new[piece_id] for piece_id in pieces}
    if model["type"] == "BPE":
        model["merges"] = [old_model["merges"][place] for place in sorted(merges)]
    added = [
        {**token, "id": new[vocabulary.ids[token["content"]]]}
        for token in vocabulary.fields["added_tokens"]
    ]
    fields = {
        **vocabulary.fields,
        "model": model,
        "added_tokens": sorted(added, key=lambda token: int(token["id"])),
        "post_processor": _renumbered(
            vocabulary.fields["post_processor"], new.__getitem__, vocabulary.name
        ),
    }
    return json.dumps(fields, ensure_ascii=False)


def _renumbered(
    processor: JsonObject | None, number: Callable[[int], int], name: str
) -> JsonObject | None:
    """Copy a post-processor with other ids."""
    if processor is None:
        return None
    kind = processor["type"]
    if kind == "Sequence":
        inner = [_renumbered(part, number, name) for part in processor["processors"]]
        return {**processor, "processors": inner}
    if kind not in _POST_PROCESSORS:
        raise ExportError(
            f"{name}: its tokenizer has a post-processor of type {kind}; a vocabulary can be "
            f"trimmed with {', '.join(_POST_PROCESSORS)}; export without --keep-vocabulary"
        )
    if kind == "TemplateProcessing":
        tokens = {
            key: {**token, "ids": [number(piece_id) for piece_id in token["ids"]]}
            for key, token in processor["special_tokens"].items()
        }
        return {**processor, "special_tokens": tokens}
    ends = {key: processor[key] for key in ("sep", "cls") if key in processor}
    return {**processor, **{key: [piece, number(old)] for key, (piece, old) in ends.items()}}


def _holds(part: JsonObject | None, kind: str) -> bool:
    if part is None:
        return False
    inner = [*part.get("normalizers", ()), *part.get("pretokenizers", ())]
    return part["type"] == kind or any(_holds(one, kind) for one in inner)
