"""Terms to hashed features, as scikit-learn's HashingVectorizer numbers them."""

from limen.tfidf.kept import LONGEST, MOST_TERMS

_FIRST, _SECOND = 0xCC9E2D51, 0x1B873593
_MASK = 0xFFFFFFFF


def murmur3(data: bytes) -> int:
    """Return MurmurHash3_x86_32 with seed 0 as a signed number, in [-2^31, 2^31)
    (https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp).
    """
    state = 0
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        state ^= _mixed(int.from_bytes(data[start : start + 4], "little"))
        state = (state << 13 | state >> 19) & _MASK
        state = (state * 5 + 0xE6546B64) & _MASK
    if whole != len(data):
        state ^= _mixed(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    state ^= state >> 16
    return state - (1 << 32) if state & 0x80000000 else state


def _mixed(block: int) -> int:
    block = block * _FIRST & _MASK
    return (block << 15 | block >> 17) * _SECOND & _MASK


class HashedTerms(dict[str, int]):
    """Term -> feature, computed when first asked for; a feature i that counts -1 is ~i.

    It forgets everything when it holds too much, so that its memory has a bound.
    """

    def __init__(self, features: int, *, alternate_sign: bool) -> None:
        """Begin without terms; `features` as in scikit-learn's `n_features`."""
        super().__init__()
        self._features = features
        self._alternate = alternate_sign

    def __missing__(self, term: str) -> int:
        """Hash a term: |h| modulo the number of features (sklearn/feature_extraction/
        _hashing_fast.pyx).
        """
        found = murmur3(term.encode("utf-8"))
        feature = abs(found) % self._features
        if self._alternate and found < 0:
            feature = ~feature
        if len(term) <= LONGEST:
            # Words repeat, and hashing one takes a microsecond or two in Python.
            if len(self) >= MOST_TERMS:
                self.clear()
            self[term] = feature
        return feature
