"""scikit-learn's text vectorisers as the encoder block of a classifier file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from limen.errors import ExportError
from limen.format import TfidfBlock, Vectoriser, Weighting
from limen.format.tfidf_block import Accents, Norm
from limen.format.token_patterns import TOKEN_PATTERNS, pattern_named
from limen.format.vocabulary import Vocabulary
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.pipeline import FeatureUnion, Pipeline

VECTORISERS = (CountVectorizer, TfidfVectorizer, HashingVectorizer)
_TRANSFORMERS = (*VECTORISERS, TfidfTransformer, FeatureUnion)
_CALLABLES = ("tokenizer", "preprocessor", "analyzer", "strip_accents")
_ANALYZERS = ("word", "char", "char_wb")

Step: TypeAlias = Any
"""A fitted scikit-learn transformer (scikit-learn has no types)."""


def encoder_block(steps: Sequence[Step], name: str) -> TfidfBlock:
    """Freeze the steps before the classifier: a vectoriser or a FeatureUnion of them, and any
    number of TfidfTransformer.

    Args:
        steps: fitted, in their order.
        name: of the source, for messages.

    Raises:
        ExportError: a step of another kind, or an option that a file cannot hold, by name.
    """
    if not steps:
        raise ExportError(
            f"{name}: no vectoriser before the classifier; expected a Pipeline that begins with "
            f"{_names(VECTORISERS)} or a FeatureUnion of these"
        )
    first, *others = steps
    weightings = tuple(_weighting(step, name) for step in others)
    if type(first) is FeatureUnion:
        return TfidfBlock(tuple(_parts(first, name)), weightings)
    part = _vectoriser(first, name)
    return TfidfBlock((replace(part, weightings=(*part.weightings, *weightings)),))


def _parts(union: Step, name: str) -> Iterator[Vectoriser]:
    """The vectorisers of a FeatureUnion, each alone or before TfidfTransformers in a Pipeline."""
    factors = union.transformer_weights or {}
    for label, step in union.transformer_list:
        if step == "drop":
            continue
        inside = [one for _, one in step.steps] if type(step) is Pipeline else [step]
        block = encoder_block([one for one in inside if one != "passthrough"], name)
        if len(block.parts) > 1:
            raise ExportError(
                f"{name}: a FeatureUnion inside a FeatureUnion ({label!r}); put its vectorisers "
                "into the outer one"
            )
        yield replace(block.parts[0], scale=float(factors.get(label, 1.0)))


def _vectoriser(step: Step, name: str) -> Vectoriser:
    if type(step) not in VECTORISERS:
        raise ExportError(
            f"{name}: {type(step).__name__} is not a transformer that a classifier file can hold; "
            f"supported are {_names(_TRANSFORMERS)}"
        )
    kind = type(step).__name__
    _refuse_callables(step, f"{name}: {kind}")
    if step.input != "content":
        raise ExportError(
            f"{name}: {kind}(input={step.input!r}) reads files; a classifier file decides about "
            "texts: set input='content'"
        )
    hashed = type(step) is HashingVectorizer
    terms = None if hashed else _terms(step, f"{name}: {kind}")
    words = step.analyzer == "word"
    stop_words = step.get_stop_words() if words else None
    accents: Accents = step.strip_accents or "none"
    return Vectoriser(
        analyzer=step.analyzer,
        ngram_range=(int(step.ngram_range[0]), int(step.ngram_range[1])),
        lowercase=bool(step.lowercase),
        strip_accents=accents,
        token_pattern=_pattern(step, f"{name}: {kind}") if words else "",
        stop_words=tuple(sorted(map(str, stop_words or ()))),
        features=len(terms) if terms is not None else int(step.n_features),
        vocabulary=terms,
        alternate_sign=bool(hashed and step.alternate_sign),
        binary=bool(step.binary),
        weightings=tuple(_own_weightings(step, name)),
    )


def _refuse_callables(step: Step, what: str) -> None:
    for option in _CALLABLES:
        value = getattr(step, option)
        if callable(value):
            raise ExportError(
                f"{what}({option}={getattr(value, '__name__', type(value).__name__)}) is code, "
                "which a classifier file never holds; use the options of scikit-learn's own "
                "analyzers (docs/sources.md), or prepare texts before fitting and before deciding"
            )
    if step.analyzer not in _ANALYZERS:
        raise ExportError(
            f"{what}(analyzer={step.analyzer!r}); expected one of {', '.join(_ANALYZERS)}"
        )


def _pattern(step: Step, what: str) -> str:
    found = pattern_named(step.token_pattern)
    if found is None:
        usual = "; ".join(f"{one.spellings[0]}" for one in TOKEN_PATTERNS.values())
        raise ExportError(
            f"{what}(token_pattern={step.token_pattern!r}) is not on the list of patterns that a "
            f"file may name; expected {usual} or another spelling of these (docs/sources.md)"
        )
    return found


def _terms(step: Step, what: str) -> Vocabulary:
    """The vocabulary in the order of its indices."""
    found = getattr(step, "vocabulary_", None)
    if not found:
        raise ExportError(f"{what} is not fitted; fit the pipeline first")
    terms = {str(term): int(index) for term, index in found.items()}
    ordered = sorted(terms.items(), key=lambda item: item[1])
    if [index for _, index in ordered] != list(range(len(found))):
        raise ExportError(f"{what}: its vocabulary has gaps or terms that stand twice")
    for term in terms:
        if not term.isascii() and term != term.encode("utf-8", "replace").decode("utf-8"):
            raise ExportError(f"{what}: a term of its vocabulary is not valid Unicode")
    return Vocabulary.of(term for term, _ in ordered)


def _own_weightings(step: Step, name: str) -> Iterator[Weighting]:
    if type(step) is TfidfVectorizer:
        yield _weighting(step._tfidf, name)
    elif type(step) is HashingVectorizer and step.norm is not None:
        yield Weighting(norm=step.norm)


def _weighting(step: Step, name: str) -> Weighting:
    if type(step) is not TfidfTransformer:
        raise ExportError(
            f"{name}: {type(step).__name__} between vectoriser and classifier; supported is "
            f"TfidfTransformer (transformers are {_names(_TRANSFORMERS)})"
        )
    idf = None
    if step.use_idf:
        if not hasattr(step, "idf_"):
            raise ExportError(f"{name}: TfidfTransformer is not fitted; fit the pipeline first")
        idf = np.asarray(step.idf_, dtype=np.float32)
    norm: Norm = step.norm or "none"
    return Weighting(bool(step.sublinear_tf), idf, norm)


def _names(kinds: Sequence[type]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)
