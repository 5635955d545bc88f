"""What a field or cell of the data says about the labels of a text."""

from collections.abc import Mapping, Sequence

from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.label_names import LabelNames

_FLAGS = {"": False, "0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
"""Spellings in a cell, in lower case; the decimals are how pandas writes a column with gaps."""


def places_of(value: object, names: LabelNames, where: str) -> tuple[int, ...]:
    """Read the labels from a JSON value.

    - nothing, an empty list or an empty string: no label
    - one label: its name or its place
    - a list of labels
    - a list of truth values, one for each label in order (see `_is_vector`); true or false alone
      for a classifier with a single label
    - an object: from a name to 0, 1, true or false; nothing, and a label that is left out, mean
      false

    Args:
        value: what json.loads returned.
        names: the labels.
        where: file and line or record, for messages.

    Returns:
        Places of the labels, ascending, each once.

    Raises:
        InputError: a label that the classifier does not have, or a value that means nothing or
            more than one thing.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    if isinstance(value, dict):
        found = _ticked(value, names, where)
    elif isinstance(value, list):
        found = _listed(value, names, where)
    elif isinstance(value, bool) and len(names) == 1:
        found = [0] if value else []
    else:
        found = [names.place(value, where)]
    return tuple(sorted(set(found)))


def _ticked(flags: Mapping[str, object], names: LabelNames, where: str) -> list[int]:
    places = [(names.place(name, where), name, value) for name, value in flags.items()]
    return [place for place, name, value in places if flag_of(value, name, where)]


def _listed(items: list[object], names: LabelNames, where: str) -> list[int]:
    if _is_vector(items, len(names), where):
        return [place for place, item in enumerate(items) if item]
    return [names.place(item, where) for item in items]


def _is_vector(items: list[object], labels: int, where: str) -> bool:
    """Tell truth values from places, and refuse what could be both.

    A list of nothing but truth values (true, false, 0, 1, 0.0, 1.0) is a vector if at least one of
    them cannot be a place (true, false, 0.0, 1.0), or if there are more than two: as places, 0 and
    1 would repeat. Its length must then be the number of labels. One or two whole numbers are
    places, except where they are as many as the labels: there they could be either. Where no label
    is known yet nothing is a vector, and each number is refused by itself.
    """
    if (
        not labels
        or not items
        or not all(isinstance(item, int | float) and item in (0, 1) for item in items)
    ):
        return False
    only_numbers = all(isinstance(item, int) and not isinstance(item, bool) for item in items)
    if only_numbers and len(items) <= 2:
        if len(items) == labels:
            raise InputError(
                f"{where}: {items} could be places, or 0 and 1 for each of the {labels} labels; "
                "write names, or true and false"
            )
        return False
    if len(items) != labels:
        raise InputError(
            f"{where}: {counted(len(items), 'truth value')} where the classifier has "
            f"{counted(labels, 'label')}; write one for each label in the classifier's order, or "
            "names"
        )
    return True


def flag_of(value: object, name: str, where: str) -> bool:
    """Read a truth value that belongs to the label `name`: 0, 1, true, false, or nothing.

    Raises:
        InputError: something else.
    """
    if value is None:
        return False
    if isinstance(value, str):
        flag = _FLAGS.get(value.strip().lower())
        if flag is not None:
            return flag
    elif isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    # The value is not shown: in a row whose cells have moved it may be the text.
    raise InputError(
        f"{where}: {name!r} holds {type(value).__name__} other than 0, 1, true, false or nothing; "
        "correct it"
    )


class LabelCells:
    """Reads cells in which labels stand one after another.

    A cell is tried as one name first. Then it is cut at every separator, and from the left the
    longest run of parts that is a name is taken, so that a name may hold the separator itself
    (`joy, "bright"`). A run is never given up again for a shorter one.
    """

    def __init__(self, names: LabelNames, separator: str) -> None:
        """Take the labels and what stands between them."""
        self._names = names
        self._separator = separator
        self._longest = max((name.count(separator) for name in names), default=0) + 1

    def places(self, cell: str, where: str) -> tuple[int, ...]:
        """Return the places of a cell's labels, ascending, each once; an empty cell has none.

        Raises:
            InputError: a label that the classifier does not have.
        """
        if not cell.strip():
            return ()
        whole = self._names.named(cell)
        if whole is not None:
            return (whole,)
        parts = cell.split(self._separator)
        found: set[int] = set()
        start = 0
        while start < len(parts):
            place, used = self._run(parts[start : start + self._longest], where)
            if place is not None:
                found.add(place)
            start += used
        return tuple(sorted(found))

    def _run(self, parts: Sequence[str], where: str) -> tuple[int | None, int]:
        """Return what the parts begin with, and how many parts of them that is."""
        for used in range(len(parts), 1, -1):
            place = self._names.named(self._separator.join(parts[:used]))
            if place is not None:
                return place, used
        if not parts[0].strip():
            return None, 1
        return self._names.place(parts[0].strip(), where), 1
