"""Texts as sets of character trigrams, and small signatures that say how alike two sets are."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias
from unicodedata import category, normalize

import numpy as np
import numpy.typing as npt
from limen.arrays import IntArray
from limen.evaluation.parts import mixed

Signatures: TypeAlias = npt.NDArray[np.uint32]

LENGTH = 3
"""Characters of a shingle. Three code points of 21 bits are one exact number of 63 bits; and one
changed character of a short Korean sentence leaves most trigrams as they are, but few 5-grams."""
HASHES = 128
"""Of a signature; the standard error of the similarity that it shows is at most 0.044."""
_CHUNK = 1 << 18
"""Characters at once, so that what is computed on stays in the caches."""
_BITS = 21


class _Visible(dict[int, str]):
    """What becomes of each character: punctuation, white space and what is drawn like them become
    a space. Letters, marks, numbers, emoji and signs of currency stay.
    """

    def __missing__(self, code: int) -> str:
        kind = category(chr(code))
        kept = kind[0] in "LMN" or kind in ("So", "Sc", "Co", "Cn", "Cs")
        self[code] = chr(code) if kept else " "
        return self[code]


_VISIBLE = _Visible()


def normal_form(text: str) -> str:
    """Return a text without what does not tell texts apart: composed (NFC), case folded, runs of
    punctuation and white space as one space. A text of nothing else keeps its punctuation.
    """
    folded = normalize("NFC", normalize("NFC", text).casefold())
    form = " ".join(folded.translate(_VISIBLE).split())
    return form or " ".join(folded.split())


def shingles(form: str) -> frozenset[str]:
    """Return the trigrams of a text, or the whole text where it is shorter."""
    last = max(len(form) - LENGTH, 0)
    return frozenset(form[start : start + LENGTH] for start in range(last + 1))


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets, in [0, 1]: of all their shingles, the share that
    both have (Broder: On the resemblance and containment of documents, 1997).
    """
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def signatures(forms: Sequence[str]) -> Signatures:
    """Return MinHash signatures: for each of HASHES orders of all shingles, the number of the first
    that the text has (Broder 1997). Two texts agree in each with the probability of their
    similarity. The orders are multiplicative hashes of mixed numbers, the same on every machine.

    Args:
        forms: texts of LENGTH characters or more.

    Returns:
        uint32, (texts, HASHES).
    """
    seeds = np.arange(HASHES, dtype=np.uint64)
    factors = mixed(seeds, "minhash\0factors") | np.uint64(1)
    made = np.empty((len(forms), HASHES), dtype=np.uint32)
    for start, end in _chunks(forms):
        codes, starts = _codes(forms[start:end])
        numbers = mixed(codes, "minhash\0shingles")
        for place, factor in enumerate(factors):
            hashed = ((numbers * factor) >> np.uint64(32)).astype(np.uint32)
            made[start:end, place] = np.minimum.reduceat(hashed, starts)
    return made


def _chunks(forms: Sequence[str]) -> Iterator[tuple[int, int]]:
    start, characters = 0, 0
    for place, form in enumerate(forms):
        characters += len(form)
        if characters >= _CHUNK:
            yield start, place + 1
            start, characters = place + 1, 0
    if start < len(forms):
        yield start, len(forms)


def _codes(forms: Sequence[str]) -> tuple[npt.NDArray[np.uint64], IntArray]:
    """Return the trigrams of all texts as numbers, and where each text's begin."""
    encoded = "".join(forms).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(encoded, dtype="<u4").astype(np.uint64)
    lengths = np.array([len(form) for form in forms], dtype=np.int64)
    codes = points[:-2] | points[1:-1] << np.uint64(_BITS) | points[2:] << np.uint64(2 * _BITS)
    # The windows that would reach into the next text are the last two of each.
    inside = np.ones(len(points), dtype=np.bool_)
    ends = np.cumsum(lengths)
    inside[ends - 1] = inside[ends - 2] = False
    kept = lengths - (LENGTH - 1)
    return codes[inside[:-2]], np.cumsum(kept) - kept
