"""Labels that are learned from the data while it is read."""

import json
from collections.abc import Mapping, Sequence
from re import compile as pattern
from unicodedata import normalize

from limen.errors import InputError
from limen.evaluation.label_names import LabelNames
from limen.format.limits import MAX_LABELS

_NUMBER = pattern(r"[+-]?\d+(\.\d*)?")
"""As pandas writes a column of whole numbers: with decimals where it has gaps."""
_LONGEST = 200
"""Characters; something longer is a text, and the wrong column was named."""
_EXAMPLE = ("negative", "positive")
"""Of names for 0 and 1."""


class FoundNames(LabelNames):
    """Finds the places of labels, and gives names that are new the next places.

    Names are told apart as LabelNames does, without white space around them and in Unicode's
    composed form. What they are written with is their name. Where some labels are known from the
    start, numbers and truth values mean these; where none is, numbers mean nothing and are
    refused. Digits in quotes are a name, but a table's cell does not tell which it holds: there
    they are a number.
    """

    def __init__(
        self,
        known: Sequence[str] = (),
        other: Mapping[str, str] | None = None,
        *,
        digits_are_numbers: bool = False,
    ) -> None:
        """Take what is known.

        Args:
            known: labels that are there already, in order; they keep their places.
            other: from a name in the data to its label.
            digits_are_numbers: the data has no quotes around names.

        Raises:
            InputError: with some known, `other` maps to something that is none of them.
        """
        meant = () if known else tuple(dict.fromkeys((other or {}).values()))
        super().__init__((*known, *meant), other)
        self._known = len(known)
        self._digits_are_numbers = digits_are_numbers
        self._one_a_column = False

    def __len__(self) -> int:
        """Return the number of labels that were known from the start."""
        return self._known

    @property
    def found(self) -> tuple[str, ...]:
        """All labels: the known ones, then those that `other` speaks of, then the new ones in the
        order in which they were met.
        """
        return self._labels

    @property
    def one_a_column(self) -> bool:
        """Whether columns of the data were taken for labels, for want of a column of labels."""
        return self._one_a_column

    def see_columns(self, columns: Sequence[str], label_column: str) -> None:
        """Take every column for a label where no column holds labels and none is known. One column
        alone is none: it would be a label that nothing is told apart from. Nor is a column without
        a name, such as the row numbers that pandas writes.
        """
        named = [column for column in columns if column.strip()]
        if not self._known and label_column not in columns and len(named) > 1:
            self._one_a_column = True
            for column in named:
                self.place(column, "header")

    def place(self, label: object, where: str) -> int:
        """Return the place of a label, a new one for a name that is new.

        Args:
            label: a name or a place, as the data holds it.
            where: file and line or record, for the message.

        Raises:
            InputError: a number while no label is known, or what cannot be a label's name.
        """
        if not isinstance(label, str):
            return self._without_name(label, where)
        place = self.named(label)
        if place is not None:
            return place
        if _NUMBER.fullmatch(label.strip()):
            # Digits that are no name stand for a place, where there are places.
            if self._known:
                return super().place(label, where)
            if self._digits_are_numbers:
                raise _number_refused(label.strip(), where)
        return self._learned(label, where)

    def _without_name(self, label: object, where: str) -> int:
        said = str(label) in self._other and not isinstance(label, bool)
        if self._known or said or not isinstance(label, int | float):
            return super().place(label, where)
        raise _number_refused(label, where)

    def _learned(self, label: str, where: str) -> int:
        name = normalize("NFC", label).strip()
        _refuse_bad_name(name, where)
        if len(self._labels) == MAX_LABELS:
            raise InputError(
                f"{where}: more than {MAX_LABELS:,} labels; give the name of the column that holds "
                "the labels (--labels)"
            )
        place = len(self._labels)
        self._labels = (*self._labels, name)
        self._own[name] = self._exact[name] = self._spelled[name] = place
        return place


def _refuse_bad_name(name: str, where: str) -> None:
    if not name:
        raise InputError(f"{where}: a label without a name; leave it out of the list, or name it")
    if len(name) > _LONGEST:
        raise InputError(
            f"{where}: a label of {len(name):,} characters, expected at most {_LONGEST}; give the "
            "name of the column that holds the labels (--labels)"
        )
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{where}: a label holds a lone surrogate: not valid Unicode; correct it"
        ) from error


def _number_refused(label: object, where: str) -> InputError:
    # pandas writes 0.0 and 1.0 where a column has gaps; names are looked up as they are written.
    _, point, decimals = str(label).partition(".")
    example = {f"{number}{point}{decimals}": name for number, name in enumerate(_EXAMPLE)}
    return InputError(
        f"{where}: label {label} is a number, and no names of labels are known that it could stand "
        "for; say what each number means in a JSON file (--names FILE.json), such as "
        f"{json.dumps(example)}, or give all names in order (--labels-file)"
    )
