"""What a name in the data means: the place of one of the classifier's labels."""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from unicodedata import normalize

from limen.counted import counted
from limen.errors import InputError, reason
from limen.text_files import opened

_LONGEST_QUOTED = 60
"""Characters. Something longer is hardly a label; it may be a text, which no message may quote."""
_LISTED = 5
_EXPECTED = (
    "one JSON object from a name in the data to the classifier's name for it, such as "
    '{"0": "negative", "1": "positive"}'
)
_NO_PLACE = 10**9
"""Beyond every list of labels."""


class LabelNames:
    """Finds the places of labels in the order of a classifier.

    A label is written as:

    - a name: the data's own where `other` holds it, else the classifier's. It is looked up as it
      stands, and then without white space around it and in Unicode's composed form (NFC).
    - a whole number, or its digits: the place, counted from 0, unless `other` names it. Digits in
      quotes that are a label's name are that name.

    A bare number that could mean two labels is refused, not guessed at: one that is also the name
    of a label at another place, and any number for a classifier with a single label (0 could be
    its place, or say that the text does not have it).
    """

    def __init__(self, labels: Sequence[str], other: Mapping[str, str] | None = None) -> None:
        """Take a classifier's labels, and what names in the data mean.

        Args:
            labels: the classifier's labels, in order.
            other: from a name in the data to one of `labels`.

        Raises:
            InputError: `other` maps to something that is none of `labels`.
        """
        self._labels = tuple(labels)
        self._own = {label: place for place, label in enumerate(labels)}
        self._other = {name: self._meant(name, label) for name, label in (other or {}).items()}
        self._exact = {**self._own, **self._other}
        self._spelled = {_spelling(name): place for name, place in self._exact.items()}

    def _meant(self, name: str, label: str) -> int:
        if label in self._own:
            return self._own[label]
        raise InputError(
            f"label names: {_quoted(name)} is to mean {_quoted(label)}, which is none of the "
            f"classifier's {counted(len(self), 'label')}{self._near(label, self._own)}; correct "
            "the names"
        )

    def __len__(self) -> int:
        """Return the number of the classifier's labels."""
        return len(self._labels)

    def __iter__(self) -> Iterator[str]:
        """Walk all names that are understood."""
        return iter(self._exact)

    def label(self, place: int) -> str:
        """Return the classifier's name of a place."""
        return self._labels[place]

    def see_columns(self, columns: Sequence[str], label_column: str) -> None:
        """Be shown the columns of a table before its records; a classifier's labels are fixed, so
        nothing is learned from them here.

        Args:
            columns: names of the columns, without the one of the text.
            label_column: the one in which labels are expected, there or not.
        """

    def named(self, name: str) -> int | None:
        """Return the place of a name, None for one that is not known; digits are no place here."""
        place = self._exact.get(name)
        return self._spelled.get(_spelling(name)) if place is None else place

    def place(self, label: object, where: str) -> int:
        """Return the place of a label.

        Args:
            label: a name or a place, as the data holds it.
            where: file and line or record, for the message.

        Raises:
            InputError: it is no label, or could be one of two.
        """
        if isinstance(label, str):
            place = self.named(label)
            if place is None:
                place = self._digits(label.strip(), where)
        elif isinstance(label, int) and not isinstance(label, bool):
            place = self._number(label, where)
        else:
            place = None
        if place is None:
            near = self._near(label, self._exact) if isinstance(label, str) else ""
            raise InputError(
                f"{where}: label {_quoted(label)} is none of the classifier's "
                f"{counted(len(self), 'label')}{near}; correct it, or say in the label names "
                "which one it means"
            )
        return place

    def _digits(self, label: str, where: str) -> int | None:
        # int() refuses very long ones.
        if label.isdecimal() and len(label) < len(str(_NO_PLACE)):
            return self._number(int(label), where)
        return None

    def _number(self, number: int, where: str) -> int | None:
        if abs(number) >= _NO_PLACE:
            return None
        name = str(number)
        if name in self._other:
            return self._other[name]
        if self._own.get(name, number) != number:
            raise InputError(
                f"{where}: label {name} could be a place or the name {name!r}; write names "
                "in quotes, or say in the label names what it means"
            )
        if len(self) == 1 and number in (0, 1):
            raise InputError(
                f"{where}: label {name} could be a place, or say whether the text has the only "
                f"label; write {_quoted(self._labels[0])} or nothing, or true and false in JSON"
            )
        return number if 0 <= number < len(self) else None

    def _near(self, label: str, known: Mapping[str, int]) -> str:
        if len(label) <= _LONGEST_QUOTED:
            names = {name.casefold(): name for name in known}
            found = get_close_matches(label.strip().casefold(), names, n=1)
            if found:
                return f" (the nearest is {_quoted(names[found[0]])})"
        first = ", ".join(_quoted(name) for name in self._labels[:_LISTED])
        return f" ({first}{', ...' if len(self) > _LISTED else ''})"


def _spelling(name: str) -> str:
    return normalize("NFC", name).strip()


def _quoted(label: object) -> str:
    if label is not None and not isinstance(label, str | int | float):
        return f"of type {type(label).__name__}"
    quoted = label if isinstance(label, str) else str(label)
    if len(quoted) > _LONGEST_QUOTED:
        return f"of {len(quoted):,} characters"
    return repr(label)


def read_label_names(path: Path) -> dict[str, str]:
    """Read what names in the data mean from a JSON file.

    Args:
        path: one JSON object, from a name in the data to the classifier's name for it, such as
            `{"0": "negative", "1": "positive"}`; UTF-8, with or without a byte order mark.

    Raises:
        InputError: no such file, not UTF-8, not JSON, no object, an empty one, a value that is no
            string, or the same name twice.
    """
    with opened(path) as lines:
        written = lines.read()
    try:
        pairs = json.loads(written, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({reason(error)}); expected {_EXPECTED}") from error
    if not isinstance(pairs, _Pairs) or not pairs:
        found = "an empty one" if isinstance(pairs, _Pairs) else "something else"
        raise InputError(f"{path}: expected {_EXPECTED}, found {found}")
    names: dict[str, str] = {}
    for name, label in pairs:
        if not isinstance(label, str):
            kind = "an object" if isinstance(label, _Pairs) else type(label).__name__
            raise InputError(
                f"{path}: {_quoted(name)} is to mean {kind}; expected the name of one label, in "
                "quotes"
            )
        if name in names:
            raise InputError(f"{path}: {_quoted(name)} stands there twice; keep one")
        names[name] = label
    return names


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it stands, with names that repeat."""
