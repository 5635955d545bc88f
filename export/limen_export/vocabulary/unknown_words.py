"""Pieces that a WordPiece model tries on words that it then gives up.

It takes the longest piece at each place and makes the whole word unknown where none fits. Without
a piece that it took on the way there, it would take a shorter one and might reach the word's end.
"""

import re
from collections.abc import Iterable

from limen_export.vocabulary.tokenizer_json import Vocabulary


def tried_pieces(vocabulary: Vocabulary, texts: Iterable[str]) -> set[int]:
    """Return the ids of all pieces taken on the words of these texts.

    Args:
        vocabulary: of a WordPiece model.
        texts: texts with a word that is unknown to it.
    """
    added = map(re.escape, sorted(vocabulary.added.values(), key=len, reverse=True))
    between = re.compile("|".join(added) or r"\Z")
    words = {
        word
        for text in texts
        for part in (text, *between.split(text))
        for word in _words(vocabulary, part)
        if len(word) <= vocabulary.model["max_input_chars_per_word"]
    }
    return {piece for word in words for piece in _taken(vocabulary, word)}


def _words(vocabulary: Vocabulary, text: str) -> list[str]:
    normalizer, splitter = vocabulary.tokenizer.normalizer, vocabulary.tokenizer.pre_tokenizer
    plain = text if normalizer is None else normalizer.normalize_str(text)
    return [plain] if splitter is None else [word for word, _ in splitter.pre_tokenize_str(plain)]


def _taken(vocabulary: Vocabulary, word: str) -> list[int]:
    known: dict[str, int] = vocabulary.model["vocab"]
    prefix = vocabulary.model["continuing_subword_prefix"]
    taken, start = [], 0
    while start < len(word):
        before = prefix if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if before + word[start:end] in known), None)
        if end is None:
            break
        taken.append(known[before + word[start:end]])
        start = end
    return taken
