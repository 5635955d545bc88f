"""scikit-learn's text features in the plainest Python, to compare the encoder with: from its
documentation, slow, one text at a time.
"""

import math
import re
import unicodedata
from collections import Counter

PATTERNS = {
    "word1": r"(?u)\b\w+\b",
    "word2": r"(?u)\b\w\w+\b",
    "word3": r"(?u)\b\w\w\w+\b",
    "nonspace1": r"\S+",
    "nonspace2": r"\S\S+",
    "hangul1": "[가-힣]+",
    "hangul2": "[가-힣]{2,}",
    "letters1": "[a-zA-Z]+",
    "letters2": "[a-zA-Z]{2,}",
}


def features(block, text):
    """Feature -> value of a text, as one dict over all vectorisers."""
    found, start = {}, 0
    for part in block.parts:
        values = weighted(counts(part, text), part.weightings)
        found |= {start + place: value * part.scale for place, value in values.items()}
        start += part.features
    return weighted(found, block.weightings)


def counts(part, text):
    """Feature -> count."""
    found = Counter()
    for gram in grams(part, text):
        if part.vocabulary is None:
            number = murmur(gram.encode())
            sign = -1 if part.alternate_sign and number < 0 else 1
            found[abs(number) % part.features] += sign
        elif gram in part.vocabulary:
            found[part.vocabulary[gram]] += 1
    return dict.fromkeys(found, 1) if part.binary else dict(found)


def grams(part, text):
    """All n-grams of a text."""
    if part.lowercase:
        text = text.lower()
    if part.strip_accents != "none":
        text = unicodedata.normalize("NFKD", text)
        if part.strip_accents == "ascii":
            text = "".join(one for one in text if ord(one) < 128)
        else:
            text = "".join(one for one in text if not unicodedata.combining(one))
    low, high = part.ngram_range
    if part.analyzer == "word":
        words = re.findall(PATTERNS[part.token_pattern], text)
        words = [word for word in words if word not in part.stop_words]
        return [
            " ".join(words[first : first + size])
            for size in range(low, high + 1)
            for first in range(len(words) - size + 1)
        ]
    if part.analyzer == "char":
        text = re.sub(r"\s\s+", " ", text)
        return cut(text, low, high)
    found = []
    for word in text.split():
        padded = f" {word} "
        if low >= len(padded):
            found.append(padded)
            continue
        # A word that is no longer than a size counts once, and larger sizes find nothing more.
        found += cut(padded, low, min(high, len(padded)))
    return found


def cut(text, low, high):
    return [
        text[first : first + size]
        for size in range(low, high + 1)
        for first in range(len(text) - size + 1)
    ]


def weighted(values, weightings):
    """Sublinear counts, inverse document frequencies, norm."""
    for one in weightings:
        if one.sublinear:
            values = {place: 1 + math.log(value) for place, value in values.items()}
        if one.idf is not None:
            values = {place: value * float(one.idf[place]) for place, value in values.items()}
        sizes = [abs(value) for value in values.values()]
        norm = {
            "none": 1.0,
            "l1": sum(sizes),
            "l2": math.sqrt(sum(size * size for size in sizes)),
            "max": max(sizes, default=0.0),
        }[one.norm]
        values = {place: value / (norm or 1.0) for place, value in values.items()}
    return values


def murmur(data):
    """MurmurHash3 for x86, 32 bits, seed 0, as its pseudocode in Wikipedia has it."""

    def turned(value, bits):
        return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF

    def scrambled(block):
        return turned(block * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF

    state, left = 0, data
    while len(left) >= 4:
        state = turned(state ^ scrambled(int.from_bytes(left[:4], "little")), 13)
        state = (state * 5 + 0xE6546B64) & 0xFFFFFFFF
        left = left[4:]
    state ^= scrambled(int.from_bytes(left, "little")) ^ len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    state = (state ^ state >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    state ^= state >> 16
    return state - (1 << 32) if state >> 31 else state
