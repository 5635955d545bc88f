"""Checkpoints of a training that can be interrupted: which of them are whole, and going on from the
last.
"""

import shutil
from pathlib import Path

from limen.errors import OutputError

_PREFIX = "checkpoint-"
"""As transformers' Trainer names them, the number of steps behind it."""
_WHOLE = "whole"
"""A file in a checkpoint that was written to its end."""
_COPIES = 3
"""A checkpoint holds the weights and two averages of AdamW for each."""
_AT_ONCE = 3
"""The best, the last, and the one that is being written."""


def mark_whole(folder: Path, step: int) -> None:
    """Say that the checkpoint of a step was written to its end; OSError where that fails."""
    (folder / f"{_PREFIX}{step}" / _WHOLE).touch()


def last_whole(folder: Path) -> Path | None:
    """Return the last checkpoint that was written to its end, and remove those that were not."""
    whole = []
    for found in folder.glob(f"{_PREFIX}*"):
        if (found / _WHOLE).exists():
            whole.append(found)
        else:
            shutil.rmtree(found, ignore_errors=True)
    return max(whole, key=lambda found: int(found.name.removeprefix(_PREFIX)), default=None)


def check_room(folder: Path, trained_bytes: int) -> None:
    """Refuse to begin where the checkpoints will not fit on the disk.

    Args:
        folder: where they go.
        trained_bytes: size of the weights.

    Raises:
        OutputError: too little room.
    """
    there = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    needed = trained_bytes * _COPIES * _AT_ONCE - there
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder}: {free / 1e9:.2f} GB are free, and checkpoints of this model may take "
            f"{needed / 1e9:.2f} GB; make room, or write to another disk"
        )


def not_written(folder: Path, why: str) -> OutputError:
    """Return the error of a checkpoint that could not be written."""
    last = last_whole(folder)
    kept = "no earlier one was written yet"
    if last is not None:
        kept = f"the one of step {last.name.removeprefix(_PREFIX)} is whole"
    return OutputError(
        f"{folder}: a checkpoint could not be written ({why}); {kept}: make room and run the same "
        "command again, which goes on from there"
    )
