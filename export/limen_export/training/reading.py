"""Labelled texts from files and data sets, with labels and task found in the data."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from limen.counted import counted
from limen.errors import InputError
from limen.evaluation.found_names import FoundNames
from limen.evaluation.judged import Cells
from limen.evaluation.labelled_datasets import HUB
from limen.evaluation.labelled_source import LabelledSource, LabelledText
from limen.evaluation.labelled_texts import read_records
from limen.text_files import DIALECTS

from limen_export.training.examples import Examples, Task
from limen_export.training.support import checked_support, listed
from limen_export.training.unchanged_file import unchanged

Tell: TypeAlias = Callable[[str], None]


def read_examples(
    source: LabelledSource,
    task: Task | None = None,
    labels: tuple[str, ...] | None = None,
    *,
    min_examples: int | None = None,
    tell: Tell | None = None,
) -> Examples:
    """Read labelled texts to train on, or to be split.

    Labels that are not given are the names that the data holds, in the order of their code points;
    names that no text has, such as a column of zeros, are left out. A task that is not given is
    `multiclass` where every text has exactly one label, else `multilabel`. Texts without a
    character that can be seen are left out.

    Args:
        source: where the texts are.
        task: None to take it from the data.
        labels: their order; None to find them in the data. Without them numbers and lists of truth
            values cannot be read.
        min_examples: labels with fewer texts are left out, and with `multiclass` their texts too;
            None to refuse them: a class with a single text, and any label without one.
        tell: told what was decided and left out, a sentence at a time; None for nobody.

    Returns:
        Texts in the order of the data.

    Raises:
        InputError: what `read_labelled` refuses, a file that changes while it is read, no text to
            be seen, several or no labels in a text of a `multiclass` task, a label that is not
            among `labels`, labels with too few texts, fewer than two labels, or the same labels
            for all texts. Messages name line or record and never quote a text.
    """
    tell = tell or _nobody
    names = _names(source, labels)
    records = _seen(_read(source, names), source, tell)
    _refuse_new(records, names, source)
    found = _found(records, names, labels, tell)
    truth = _truth(records, [names.found.index(label) for label in found])
    task = _task(records, truth, task, source, tell)
    examples = Examples(source_name(source), tuple(row.text for row in records), truth, found, task)
    return checked_support(examples, min_examples, tell)


def read_held_out(source: LabelledSource, training: Examples, tell: Tell | None = None) -> Examples:
    """Read labelled texts to judge by, with the labels and the task of those to train on.

    Args:
        source: where the texts are.
        training: what is trained on.
        tell: told what was left out, a sentence at a time; None for nobody.

    Raises:
        InputError: as `read_examples`, except that a label may have any number of texts, none
            too; all labels that `training` does not have are named.
    """
    tell = tell or _nobody
    names = _names(source, training.labels)
    records = _seen(_read(source, names), source, tell)
    _refuse_new(records, names, source)
    truth = _truth(records, range(len(training.labels)))
    _task(records, truth, training.task, source, tell)
    texts = tuple(row.text for row in records)
    return Examples(source_name(source), texts, truth, training.labels, training.task)


def source_name(source: LabelledSource) -> str:
    """Return what records and reports call the texts: name of file or folder, never a path."""
    given = str(source.path)
    name = given if given.startswith(HUB) else Path(given).name
    return name.encode("utf-8", "replace").decode("utf-8")


def _nobody(_: str) -> None:
    """Tell nobody."""


def _names(source: LabelledSource, labels: Sequence[str] | None) -> FoundNames:
    twice = sorted({label for label in labels or () if (labels or ()).count(label) > 1})
    if twice:
        raise InputError(
            f"labels that were given twice: {listed(twice)}; expected each once (--labels-file)"
        )
    cells = Path(source.path).suffix.lower() in DIALECTS
    return FoundNames(labels or (), source.label_names, digits_are_numbers=cells)


def _read(source: LabelledSource, names: FoundNames) -> list[LabelledText]:
    with unchanged(source.path):
        try:
            return list(read_records(source, names))
        except InputError as error:
            if not names.one_a_column:
                raise
            raise InputError(
                f"{error}; every column was taken for a label, as none is named "
                f"{source.label_column!r}: or give the name of the column that holds the labels "
                "(--labels)"
            ) from error


def _seen(records: list[LabelledText], source: LabelledSource, tell: Tell) -> list[LabelledText]:
    """Leave out texts in which nothing can be seen."""
    kept = [record for record in records if record.text.strip()]
    if not kept:
        raise InputError(
            f"{source.path}: all {len(records):,} texts are empty; expected texts in "
            f"{source.text_column!r}; give the name of the column that holds them (--column)"
        )
    if len(kept) < len(records):
        first = next(record for record in records if not record.text.strip())
        tell(
            f"left out: {len(records) - len(kept):,} of {len(records):,} texts, which are empty "
            f"(the first: {first.where})"
        )
    return kept


def _refuse_new(records: Sequence[LabelledText], names: FoundNames, source: LabelledSource) -> None:
    """Refuse labels that are not among those known, all of them at once."""
    known = len(names)
    if not known or len(names.found) == known:
        return
    new = [record for record in records if record.labels and record.labels[-1] >= known]
    unknown = names.found[known:]
    first = f"; the first of {counted(len(new), 'text')}: {new[0].where}" if new else ""
    raise InputError(
        f"{source.path}: {counted(len(unknown), 'label')} not among the {known} trained on: "
        f"{listed(unknown)}{first}; correct them, say in the label names which ones they mean "
        "(--names), or leave these texts out"
    )


def _found(
    records: Sequence[LabelledText],
    names: FoundNames,
    labels: tuple[str, ...] | None,
    tell: Tell,
) -> tuple[str, ...]:
    if labels is not None:
        return labels
    used = {names.found[place] for record in records for place in record.labels}
    unused = sorted(set(names.found) - used)
    if unused:
        tell(f"left out: {counted(len(unused), 'label')} that no text has: {listed(unused)}")
    return tuple(sorted(used))


def _truth(records: Sequence[LabelledText], places: Sequence[int]) -> Cells:
    """Return bool, (texts, labels), with the label at place places[c] of a record in column c."""
    columns = {place: column for column, place in enumerate(places)}
    truth = np.zeros((len(records), len(places)), dtype=np.bool_)
    for row, record in enumerate(records):
        truth[row, [columns[place] for place in record.labels]] = True
    return truth


def _task(
    records: Sequence[LabelledText],
    truth: Cells,
    task: Task | None,
    source: LabelledSource,
    tell: Tell,
) -> Task:
    counts = truth.sum(axis=1)
    others = np.flatnonzero(counts != 1)
    if task == "multilabel":
        return task
    if not len(others):
        if task is None:
            tell("task: multiclass, as each text has exactly one label (--task multilabel if not)")
        return "multiclass"
    first = f"{records[others[0]].where}, with {counts[others[0]]}"
    if task is None:
        none = int((counts == 0).sum())
        tell(
            f"task: multilabel, as {len(others) - none:,} of {len(counts):,} texts have several "
            f"labels and {none:,} have none (the first: {first})"
        )
        return "multilabel"
    raise InputError(
        f"{source.path}: {len(others):,} of {len(counts):,} texts do not have exactly one label "
        f"(the first: {first}); give each text one, leave these out, or train for several labels "
        "(--task multilabel)"
    )
