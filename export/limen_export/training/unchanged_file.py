"""Noticing that a file changed while it was read."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path

from limen.errors import InputError
from limen.evaluation.labelled_datasets import HUB


@contextmanager
def unchanged(path: Path | str) -> Iterator[None]:
    """Hold a file or folder to what it was: size, time of change and, of a file, SHA-256.

    The files of a folder, which can be many and large, are not hashed. What a name of the hub
    stands for is not looked at, nor is a pipe.

    Args:
        path: as a LabelledSource has it.

    Raises:
        InputError: it is another one when the block ends, also where the block failed with an
            InputError, which then says something about a file that nobody has any more.
    """
    before = _state(path)
    try:
        yield
    except InputError as error:
        if _state(path) != before:
            raise _changed(path) from error
        raise
    if _state(path) != before:
        raise _changed(path)


def _state(path: Path | str) -> tuple[object, ...]:
    place = Path(path)
    if str(path).startswith(HUB):
        return ()
    try:
        if place.is_dir():
            inside = sorted(file for file in place.rglob("*") if file.is_file())
            return tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in inside)
        if not place.is_file():
            return ()
        with place.open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
        return (place.stat().st_size, place.stat().st_mtime_ns, digest)
    except OSError:
        # What reads the file says why it cannot be read.
        return ("unreadable",)


def _changed(path: Path | str) -> InputError:
    return InputError(
        f"{path}: changed while it was read; expected the same bytes from beginning to end; wait "
        "until nothing writes to it, or read a copy"
    )
