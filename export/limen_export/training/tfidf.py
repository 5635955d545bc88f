"""Counts of words or characters and a linear classifier, by scikit-learn."""

from unicodedata import name as character_name

import numpy as np
from limen.errors import InputError, reason
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline

from limen_export.training.examples import Examples
from limen_export.training.linear import LinearSettings, fit_linear, sampled_rows
from limen_export.training.recipes import TfidfRecipe

_SAMPLED_TEXTS = 1_000
_WORDS, _CHARACTERS = (1, 2), (1, 4)


def fit_tfidf(
    recipe: TfidfRecipe, train: Examples, settings: LinearSettings
) -> tuple[Pipeline, tuple[str, ...]]:
    """Fit a pipeline that `limen export` takes.

    Args:
        recipe: how texts become features.
        train: the texts to learn from.
        settings: how the classifier is fitted.

    Returns:
        Vectoriser and classifier, whose classes are the names of the labels, or where a text can
        have several, numbers of the columns of `train.truth`; and what the user should know.

    Raises:
        InputError: no feature in any text, or a sampler that does not fit the data.
    """
    vectoriser = vectoriser_of(recipe, train.texts)
    try:
        features = vectoriser.fit_transform(train.texts)
    except ValueError as error:
        raise InputError(
            f"{train.name}: no words or characters to count in its texts ({reason(error)}); give "
            "the column of the texts (--column)"
        ) from error
    # scikit-learn leaves numpy's numbers here, and skops writes each of them as a file of its own:
    # a minute for 50,000 terms.
    vectoriser.vocabulary_ = {term: int(place) for term, place in vectoriser.vocabulary_.items()}
    rows = sampled_rows(features, train, settings)
    return make_pipeline(vectoriser, fit_linear(rows, train.labels, settings)), rows.notices


def vectoriser_of(recipe: TfidfRecipe, texts: tuple[str, ...]) -> TfidfVectorizer:
    """Return an unfitted vectoriser."""
    analyzer = recipe.analyzer
    if analyzer == "auto":
        analyzer = "char_wb" if mostly_hangul(texts) else "word"
    ngrams = recipe.ngrams or (_WORDS if analyzer == "word" else _CHARACTERS)
    return TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=ngrams,
        max_features=recipe.max_features,
        # Logarithms of counts: a word that stands five times says little more than one that stands
        # twice (Manning, Raghavan, Schütze: Introduction to information retrieval, 2008, 6.4.1).
        sublinear_tf=True,
        dtype=np.float64,
    )


def mostly_hangul(texts: tuple[str, ...]) -> bool:
    """Say whether more than half of the letters are Korean; looks at up to 1,000 texts, evenly
    spread.
    """
    step = max(1, len(texts) // _SAMPLED_TEXTS)
    letters = [letter for text in texts[::step] for letter in text if letter.isalpha()]
    korean = sum(character_name(letter, "").startswith("HANGUL") for letter in letters)
    return 2 * korean > len(letters)
