"""How much of texts a lookup keeps between calls, at most."""

from typing import Final

MOST_WORDS: Final = 1 << 16
"""Words whose n-grams are remembered, for each vectoriser."""
MOST_TERMS: Final = 1 << 17
"""Terms that are remembered with their hash, for each vectoriser."""
LONGEST: Final = 64
"""Characters of the longest word or term that is remembered: longer ones hardly repeat, and would
make the memory as large as a text likes."""
MOST_FEATURES: Final = 1 << 7
"""N-grams of a word that is remembered; 1 to 4 characters of a word of 30 are 122."""
