"""Named token patterns: how a text is cut into words, specified by code point.

A word is a longest run of code points of one kind, at least so many of them. Kinds are sets of code
points, so that a reader in another language needs no regular expressions of Python's; and a file
names a pattern, it never holds one: an expression from a file can take exponential time.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenPattern:
    """A named pattern.

    Attributes:
        kind: this module's own regular expression for one code point of the kind.
        least: code points of the shortest word, at least 1.
        spellings: patterns of other libraries that cut every text in the same way.
    """

    kind: str
    least: int
    spellings: tuple[str, ...]

    @property
    def expression(self) -> str:
        """A regular expression; its matches are the words."""
        return f"{self.kind}{{{self.least},}}"


def _runs(kind: str, least: int, *others: str) -> TokenPattern:
    """Runs of `kind`, a class of one character. For word characters a boundary on both sides
    changes nothing, since a longest run ends where another kind begins.
    """
    plain = [kind * (least - 1) + f"{kind}+", f"{kind}{{{least},}}"]
    bounded = [rf"\b{one}\b" for one in plain] if kind == r"\w" else []
    spellings = [*plain, *bounded, *others]
    flagged = [f"(?u){one}" for one in spellings]
    return TokenPattern(kind, least, (*spellings, *flagged))


TOKEN_PATTERNS = {
    "word1": _runs(r"\w", 1),
    "word2": _runs(r"\w", 2),
    "word3": _runs(r"\w", 3),
    "nonspace1": _runs(r"\S", 1, r"[^\s]+"),
    "nonspace2": _runs(r"\S", 2),
    "hangul1": _runs("[가-힣]", 1),
    "hangul2": _runs("[가-힣]", 2),
    "letters1": _runs("[a-zA-Z]", 1, "[A-Za-z]+"),
    "letters2": _runs("[a-zA-Z]", 2, "[A-Za-z]{2,}"),
}
"""Patterns by name (docs/format.md, "Token patterns"). `word2` is scikit-learn's default."""


def pattern_named(spelling: str) -> str | None:
    """Return the name of the pattern that cuts as a regular expression does, or None where the list
    has none.
    """
    for name, pattern in TOKEN_PATTERNS.items():
        if spelling in pattern.spellings:
            return name
    return None
