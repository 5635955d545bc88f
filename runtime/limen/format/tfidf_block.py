"""`limen.encoder` of kind `tfidf`: scikit-learn's text vectorisers as settings and tables
(docs/format.md, "limen.encoder of kind tfidf").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

import numpy as np

from limen.arrays import FloatArray
from limen.errors import FormatError
from limen.format import limits
from limen.format.json_block import Json, Node
from limen.format.tables import TABLE_PREFIX, Table, Tables
from limen.format.token_patterns import TOKEN_PATTERNS
from limen.format.vocabulary import Vocabulary

Analyzer: TypeAlias = Literal["word", "char", "char_wb"]
Accents: TypeAlias = Literal["none", "ascii", "unicode"]
Norm: TypeAlias = Literal["none", "l1", "l2", "max"]
_ANALYZERS: tuple[str, ...] = get_args(Analyzer)
_ACCENTS: tuple[str, ...] = get_args(Accents)
_NORMS: tuple[str, ...] = get_args(Norm)
_ALL = "all"


@dataclass(frozen=True, eq=False)
class Weighting:
    """What becomes of a text's counts, in this order.

    Attributes:
        sublinear: a count tf becomes 1 + log(tf).
        idf: float32, (features,): each feature is multiplied by its own; None for none.
        norm: the text's row is divided by its `l1`, `l2` or `max` norm, unless that is 0.
    """

    sublinear: bool = False
    idf: FloatArray | None = None
    norm: Norm = "none"


@dataclass(frozen=True, eq=False)
class Vectoriser:
    """How a text becomes counts of features: one of scikit-learn's vectorisers.

    Attributes:
        analyzer: `word`; `char`: n-grams of characters; `char_wb`: of characters inside words,
            with a space on both sides.
        ngram_range: least and most of n.
        lowercase: before anything else.
        strip_accents: after it.
        token_pattern: a key of TOKEN_PATTERNS; for `word` alone, else "".
        stop_words: tokens left out before n-grams are made; for `word` alone.
        features: how many there are.
        vocabulary: the term of each feature; None where terms are hashed (MurmurHash3 of their
            UTF-8, modulo `features`).
        alternate_sign: whether a hash below 0 counts -1.
        binary: a feature counts once in a text.
        weightings: what becomes of the counts.
        scale: a factor at the end.
    """

    analyzer: Analyzer
    ngram_range: tuple[int, int]
    lowercase: bool
    strip_accents: Accents
    token_pattern: str
    stop_words: tuple[str, ...]
    features: int
    vocabulary: Vocabulary | None
    alternate_sign: bool = False
    binary: bool = False
    weightings: tuple[Weighting, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class TfidfBlock:
    """An encoder of kind `tfidf`: vectorisers side by side, and what becomes of their features
    together. It reads texts whole, whatever their length.

    Attributes:
        parts: the features of each stand behind those of the one before.
        weightings: of all features together.
    """

    parts: tuple[Vectoriser, ...]
    weightings: tuple[Weighting, ...] = ()

    @property
    def max_tokens(self) -> None:
        """The longest input: there is none."""

    @property
    def features(self) -> int:
        """How many features there are."""
        return sum(part.features for part in self.parts)

    def to_json(self) -> Json:
        """Return the settings as `limen.encoder` stores them; `tables` holds the rest."""
        return {
            "kind": "tfidf",
            "parts": [_part_json(part) for part in self.parts],
            "weightings": [_weighting_json(one) for one in self.weightings],
        }

    def tables(self) -> dict[str, Table]:
        """Return the tables that the graph holds, by name."""
        tables: dict[str, Table] = {}
        for place, part in enumerate(self.parts):
            if part.vocabulary is not None:
                terms = part.vocabulary.text.encode("utf-8")
                tables[_name(place, "terms")] = np.frombuffer(terms, np.uint8)
                tables[_name(place, "lengths")] = part.vocabulary.lengths.astype(np.int32)
            tables |= dict(_idf_tables(place, part.weightings))
        return tables | dict(_idf_tables(_ALL, self.weightings))

    @classmethod
    def from_json(cls, node: Node, tables: Tables) -> "TfidfBlock":
        """Read the block.

        Args:
            node: the settings.
            tables: all that the graph holds.

        Raises:
            FormatError: a field is missing or of a wrong type, over a cap, or a table is missing,
                not known, or not as its settings say.
        """
        node.string("kind", ("tfidf",))
        left = dict(tables)
        nodes = node.nodes("parts", limits.MAX_VECTORISERS)
        if not nodes:
            node.fail("parts: at least one vectoriser expected")
        parts = tuple(_part(one, place, left) for place, one in enumerate(nodes))
        features = sum(part.features for part in parts)
        if features > limits.MAX_FEATURES:
            node.fail(f"{features:,} features, over {limits.MAX_FEATURES:,}")
        block = cls(parts, _weightings(node, _ALL, features, left))
        if left:
            node.fail(f"tables that no setting asks for: {', '.join(sorted(left))[:200]}")
        return block


def _part(node: Node, place: int, tables: dict[str, Table]) -> Vectoriser:
    analyzer = cast("Analyzer", node.string("analyzer", _ANALYZERS))
    words = analyzer == "word"
    low = node.integer("ngram_low", 1, limits.MAX_NGRAM)
    features = node.integer("features", 1, limits.MAX_FEATURES)
    hashed, alternate_sign = node.boolean("hashed"), node.boolean("alternate_sign")
    if alternate_sign and not hashed:
        node.fail("alternate_sign without hashed: only a hash has a sign")
    return Vectoriser(
        analyzer=analyzer,
        ngram_range=(low, node.integer("ngram_high", low, limits.MAX_NGRAM)),
        lowercase=node.boolean("lowercase"),
        strip_accents=cast("Accents", node.string("strip_accents", _ACCENTS)),
        token_pattern=node.string("token_pattern", tuple(TOKEN_PATTERNS)) if words else "",
        stop_words=node.strings("stop_words", limits.MAX_STOP_WORDS) if words else (),
        features=features,
        vocabulary=None if hashed else _vocabulary(node, place, features, tables),
        alternate_sign=alternate_sign,
        binary=node.boolean("binary"),
        weightings=_weightings(node, place, features, tables),
        scale=node.number("scale"),
    )


def _vocabulary(node: Node, place: int, features: int, tables: dict[str, Table]) -> Vocabulary:
    """Read the terms: their text, one behind the other, and the length of each."""
    plain = _taken(tables, _name(place, "terms"), np.uint8, node)
    lengths = _taken(tables, _name(place, "lengths"), np.int32, node).astype(np.int64)
    if len(plain) > limits.MAX_TERM_BYTES:
        node.fail(f"{len(plain):,} bytes of terms, over {limits.MAX_TERM_BYTES:,}")
    if len(lengths) != features:
        node.fail(f"{len(lengths):,} lengths of terms for {features:,} features")
    try:
        text = str(plain.data, "utf-8")
    except UnicodeDecodeError:
        node.fail("terms are not UTF-8")
    if (lengths < 0).any() or lengths.sum() != len(text):
        node.fail(f"lengths of terms do not add up to {len(text):,} characters")
    vocabulary = Vocabulary(text, lengths)
    if vocabulary.has_a_term_twice():
        node.fail(f"a term stands twice among {features:,}")
    return vocabulary


def _weightings(
    node: Node, place: int | str, features: int, tables: dict[str, Table]
) -> tuple[Weighting, ...]:
    found = []
    for step, one in enumerate(node.nodes("weightings", limits.MAX_WEIGHTINGS)):
        idf = None
        if one.boolean("idf"):
            idf = _taken(tables, _name(place, "idf", step), np.float32, node)
            if len(idf) != features or not np.isfinite(idf).all():
                node.fail(f"idf: {features:,} finite numbers expected")
        norm = cast("Norm", one.string("norm", _NORMS))
        found.append(Weighting(one.boolean("sublinear"), idf, norm))
    return tuple(found)


def _taken(tables: dict[str, Table], name: str, element: type, node: Node) -> Table:
    table = tables.pop(name, None)
    if table is None:
        raise FormatError(f"table {name!r} is missing")
    if table.dtype != element:
        node.fail(f"table {name!r}: {table.dtype}, expected {np.dtype(element)}")
    return table


def _part_json(part: Vectoriser) -> Json:
    words: dict[str, Json] = {}
    if part.analyzer == "word":
        words = {"stop_words": [*part.stop_words], "token_pattern": part.token_pattern}
    return {
        **words,
        "alternate_sign": part.alternate_sign,
        "analyzer": part.analyzer,
        "binary": part.binary,
        "features": part.features,
        "hashed": part.vocabulary is None,
        "lowercase": part.lowercase,
        "ngram_high": part.ngram_range[1],
        "ngram_low": part.ngram_range[0],
        "scale": part.scale,
        "strip_accents": part.strip_accents,
        "weightings": [_weighting_json(one) for one in part.weightings],
    }


def _weighting_json(one: Weighting) -> Json:
    return {"idf": one.idf is not None, "norm": one.norm, "sublinear": one.sublinear}


def _idf_tables(place: int | str, weightings: tuple[Weighting, ...]) -> Iterator[tuple[str, Table]]:
    for step, one in enumerate(weightings):
        if one.idf is not None:
            yield _name(place, "idf", step), one.idf


def _name(place: int | str, what: str, step: int | None = None) -> str:
    return f"{TABLE_PREFIX}{place}.{what}" + ("" if step is None else f".{step}")
