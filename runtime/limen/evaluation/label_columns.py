"""Which columns of a table hold the labels."""

from collections.abc import Sequence

from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.label_names import LabelNames
from limen.evaluation.labelled_source import LabelledSource

_LISTED = 10
_USUAL_NAMES = ("label", "class", "category", "intent", "emotion", "target")


def label_flags(
    columns: Sequence[str], source: LabelledSource, names: LabelNames
) -> tuple[tuple[str, int], ...]:
    """Find the columns of truth values.

    The column of labels that the source names is taken where it is there. Otherwise columns that
    are named like labels hold truth values, one column for each label; several columns may mean the
    same label. A column of labels that is itself named like a label is one of those if there are
    others.

    Args:
        columns: names of the table's columns.
        source: where the table comes from.
        names: the classifier's labels.

    Returns:
        Names of columns, each with the place of its label; empty where the labels stand together in
        the column that the source names.

    Raises:
        InputError: no column for the text, a name that two needed columns share, no column for
            labels, or labels without a column among columns of labels. Names of columns in the data
            are not quoted: the first line of a table without a header is a text.
    """
    if source.text_column not in columns:
        raise InputError(
            f"{source.path}: no column {source.text_column!r} among its "
            f"{counted(len(columns), 'column')}; give the name of the column that holds the text "
            "(--column); a file needs a header"
        )
    others = [column for column in columns if column != source.text_column]
    names.see_columns(others, source.label_column)
    places = [(column, names.named(column)) for column in others]
    flags = tuple((column, place) for column, place in places if place is not None)
    also_label = names.named(source.label_column) is not None and len(flags) > 1
    if source.label_column in others and not also_label:
        flags = ()
    elif flags:
        _refuse_missing(flags, source, names)
    else:
        raise InputError(
            f"{source.path}: no column {source.label_column!r} among its "
            f"{counted(len(columns), 'column')}, and none named like a label; give the "
            f"name of the column that holds them (--labels{_likely(others)})"
        )
    _refuse_twice(columns, source, [column for column, _ in flags] or [source.label_column])
    return flags


def _likely(columns: Sequence[str]) -> str:
    """A column whose name says that it holds labels, for the message."""
    return next((f" {name}" for name in columns if name.lower() in _USUAL_NAMES), "")


def _refuse_missing(
    flags: Sequence[tuple[str, int]], source: LabelledSource, names: LabelNames
) -> None:
    found = {place for _, place in flags}
    missing = [names.label(place) for place in range(len(names)) if place not in found]
    if missing:
        listed = ", ".join(repr(label) for label in missing[:_LISTED])
        raise InputError(
            f"{source.path}: {len(missing)} of the {len(names)} labels have no column of their "
            f"own: {listed}{', ...' if len(missing) > _LISTED else ''}; add them, say in the label "
            "names which columns they are, or give the name of the one that holds all (--labels)"
        )


def _refuse_twice(columns: Sequence[str], source: LabelledSource, needed: Sequence[str]) -> None:
    for column in (source.text_column, *needed):
        if columns.count(column) > 1:
            raise InputError(
                f"{source.path}: {columns.count(column)} columns are named {column!r}; rename all "
                "but one"
            )
