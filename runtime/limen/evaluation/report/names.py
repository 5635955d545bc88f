"""Label names as they are shown: harmless, short, and as wide as they look."""

import unicodedata
from html import escape

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They would reorder what stands around a name (Unicode Standard Annex 9, section 2)."""
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, lone surrogates, line and paragraph separators."""
_WIDTHLESS = {"Mn", "Me", "Cf"}
PAGE_COLUMNS = 48


def harmless(text: str) -> str:
    """Put U+FFFD in the place of each character that a terminal or page would act on."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if one in _BIDI or unicodedata.category(one) in _UNSHOWN
        else one
        for one in text
    )


def columns(text: str) -> int:
    """Count the columns that a text takes in a terminal: two for wide characters such as Hangul
    syllables, none for combining ones (Unicode Standard Annex 11, East Asian Width).
    """
    return sum(_columns_of(one) for one in text)


def _columns_of(one: str) -> int:
    if unicodedata.category(one) in _WIDTHLESS:
        return 0
    return 2 if unicodedata.east_asian_width(one) in ("W", "F") else 1


def shortened(text: str, most: int) -> str:
    """Return a harmless text of at most `most` columns; `…` stands for what was cut off."""
    text = harmless(text)
    if columns(text) <= most:
        return text
    kept, width = [], 0
    for one in text:
        width += _columns_of(one)
        if width > most - 1:
            break
        kept.append(one)
    return "".join(kept) + "…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Fill up with spaces to a number of columns."""
    filling = " " * (width - columns(text))
    return filling + text if right else text + filling


def safe(text: str) -> str:
    """Return a text for HTML, between tags or inside an attribute."""
    return escape(harmless(text), quote=True)


def named(text: str, most: int = PAGE_COLUMNS) -> str:
    """Return a name for HTML: its direction kept to itself, whole in its title if it was cut."""
    short = shortened(text, most)
    title = f' title="{safe(text)}"' if short != harmless(text) else ""
    return f"<bdi{title}>{escape(short, quote=True)}</bdi>"
