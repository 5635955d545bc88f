"""What a vectoriser does to a text before it looks for words or characters: lower case, accents."""

import unicodedata
from collections.abc import Callable
from typing import TypeAlias

from limen.format import Vectoriser

Prepare: TypeAlias = Callable[[str], str]


def preparation(part: Vectoriser) -> Prepare:
    """Return the function that prepares a text, or several with a separator between them."""
    strip = {"none": None, "ascii": _only_ascii, "unicode": _without_marks}[part.strip_accents]
    if strip is None:
        return str.lower if part.lowercase else str
    return (lambda text: strip(text.lower())) if part.lowercase else strip


def _only_ascii(text: str) -> str:
    """NFKD, and what is not ASCII dropped."""
    decomposed = unicodedata.normalize("NFKD", text)
    return decomposed.encode("ascii", "ignore").decode("ascii")


def _without_marks(text: str) -> str:
    """NFKD, and code points with a combining class dropped."""
    if text.isascii():
        return text
    combining = unicodedata.combining
    return "".join([one for one in unicodedata.normalize("NFKD", text) if not combining(one)])
