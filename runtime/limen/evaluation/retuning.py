"""Fitting calibration and operating points of an existing classifier file anew."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from limen.errors import FormatError, InputError
from limen.evaluation.collecting import check_truth, collect
from limen.evaluation.fit_records import record_of
from limen.evaluation.fitting_points import point_name
from limen.evaluation.judging_a_file import contradictions
from limen.evaluation.labelled_source import LabelledText
from limen.evaluation.tuning import Tuned, TuneSettings, check_settings, fit_block
from limen.format import (
    ClassifierFile,
    DecisionBlock,
    FitRecord,
    FittedBlock,
    Metadata,
    check_writable,
    parse,
    read,
    stamp,
    write_whole,
)
from limen.opening import open_model
from limen.progress import Progress, progress

_FITTED_HERE = "tune "
"""How the names of blocks begin that were fitted here."""


@dataclass(frozen=True)
class Retuned:
    """A file with another block in use.

    Attributes:
        path: where it is.
        digest: of the file as it is now.
        block: the block in use.
        kept: names of the blocks that the file keeps beside it, oldest first.
        record: what the block was fitted on and how well it decides; None for one that was not
            fitted.
        notices: what the user should know about the texts.
    """

    path: Path
    digest: str
    block: FittedBlock
    kept: tuple[str, ...]
    record: FitRecord | None
    notices: tuple[str, ...] = ()


def retune(
    path: Path,
    texts_name: str,
    rows: Iterable[LabelledText],
    settings: TuneSettings,
    output: Path | None = None,
    told: Progress | None = None,
) -> Retuned:
    """Fit a file's calibration and points on labelled texts and rewrite the file, whole or not at
    all. The graph, the tokenizer and the golden texts stay as they are; the block that was in use
    is kept under its own name.

    Args:
        path: a classifier file.
        texts_name: what the evidence calls the texts; never a path.
        rows: labelled texts; read once, not kept.
        settings: what to fit.
        output: where the new file goes; None replaces the old one.
        told: is told each step; None writes to standard error if that is a terminal.

    Raises:
        InputError: texts or points that cannot be used.
        FormatError: not a classifier file.
        OutputError: the file cannot be written; the old one stays as it was.
    """
    told = progress() if told is None else told
    target = output or path
    check_writable(target)
    file = read(path)
    decision = file.metadata.decision
    check_settings(settings, decision)
    told.step(f"opening {file.name}")
    model = open_model(file)
    data = collect(model, rows, told)
    checked = check_truth(data.truth, decision.labels, exclusive=decision.one_label)
    notices = (*checked, *contradictions(data))
    told.step(f"fitting on {len(data.keys):,} texts")
    tuned = fit_block(data, decision, settings, _free_name(decision, texts_name))
    _check_made(tuned, settings, decision)
    told.step("judging out of fold")
    record = record_of(tuned, data, decision, settings, texts_name)
    return _written(file, tuned.block, record, target, notices)


def restore(path: Path, name: str | None = None, output: Path | None = None) -> Retuned:
    """Put a block into use again that the file keeps; the one in use now is kept in its stead.

    Args:
        path: a classifier file.
        name: of the block; None for the one that was replaced last.
        output: where the new file goes; None replaces the old one.

    Raises:
        InputError: the file keeps no such block.
        FormatError, OutputError: as in `retune`.
    """
    check_writable(output or path)
    file = read(path)
    kept = file.metadata.decision.replaced
    if not kept:
        raise InputError(f"{file.name}: keeps no replaced block; nothing to go back to")
    found = [block for block in kept if name is None or block.name == name]
    if not found:
        names = ", ".join(repr(block.name) for block in kept)
        raise InputError(f"{file.name}: keeps no block {name!r}; it keeps {names}")
    return _written(file, found[-1], None, output or path, ())


def tuned_blocks(decision: DecisionBlock) -> tuple[str, ...]:
    """Return the names of the blocks that were fitted into a file by `retune`: the one in use
    first, then those that are kept, oldest first.
    """
    return tuple(name for name in _block_names(decision) if name.startswith(_FITTED_HERE))


def _block_names(decision: DecisionBlock) -> tuple[str, ...]:
    return (decision.block_name, *(block.name for block in decision.replaced))


def _check_made(tuned: Tuned, settings: TuneSettings, decision: DecisionBlock) -> None:
    """Refuse a fit that has none of the points asked for."""
    made = {point.name for point in tuned.block.points}
    wanted = {str(point_name(name, one_label=decision.one_label)) for name in settings.points}
    if wanted and not wanted & made:
        raise InputError(
            f"none of the points asked for can be made: {'; '.join(tuned.notices)}; ask for "
            "others, or bring more texts"
        )


def _free_name(decision: DecisionBlock, texts_name: str) -> str:
    """Name a block after day and texts; further ones of a day are numbered on, also where the first
    are no longer kept.
    """
    wanted = f"{_FITTED_HERE}{datetime.now(UTC).date().isoformat()} {texts_name}"
    numbered = re.compile(rf"{re.escape(wanted)}(?: \((\d+)\))?")
    names = _block_names(decision)
    numbers = [int(found[1] or 1) for name in names if (found := numbered.fullmatch(name))]
    return f"{wanted} ({max(numbers) + 1})" if numbers else wanted


def _written(
    file: ClassifierFile,
    block: FittedBlock,
    record: FitRecord | None,
    target: Path,
    notices: tuple[str, ...],
) -> Retuned:
    decision = file.metadata.decision.with_block(block)
    names = _block_names(decision)
    fits = [fit for fit in file.metadata.evidence.fits if fit.block in names]
    if record is not None:
        fits.append(record)
    evidence = replace(file.metadata.evidence, fits=tuple(fits))
    metadata = replace(file.metadata, decision=decision, evidence=evidence)
    data = stamp(file.data, metadata)
    again = _verified(data, target.name, metadata)
    write_whole(target, data)
    return Retuned(
        path=target,
        digest=again.digest,
        block=block,
        kept=tuple(kept.name for kept in decision.replaced),
        record=evidence.fit_of(block.name),
        notices=notices,
    )


def _verified(data: bytes, name: str, metadata: Metadata) -> ClassifierFile:
    """Open the new bytes as a user would: every check, and the golden texts."""
    again = parse(data, name)
    if again.metadata.to_properties() != metadata.to_properties():
        raise FormatError(f"{name}: the settings do not survive being written; nothing was written")
    open_model(again)
    return again
