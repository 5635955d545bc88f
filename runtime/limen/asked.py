"""What a caller asks of many texts: the texts, and what becomes of an error."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from limen.errors import InputError

Errors: TypeAlias = Literal["raise", "collect"]
"""What becomes of a text that cannot be decided: the call ends, or the error takes its place."""


def collects(errors: Errors) -> bool:
    """Whether errors take the places of predictions; InputError for neither word."""
    if errors not in ("raise", "collect"):
        raise InputError(f"errors={errors!r}; expected 'raise' or 'collect'")
    return errors == "collect"


def listed(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list; InputError as in `refuse_one`."""
    refuse_one(texts)
    return list(texts)


def refuse_one(texts: Iterable[str]) -> None:
    """Refuse one text where several are expected: InputError."""
    if isinstance(texts, str | bytes):
        raise InputError(
            f"one {type(texts).__name__} where several texts are expected; call model(text), or "
            f"pass a list"
        )
