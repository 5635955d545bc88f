"""Writing a file whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from limen.errors import OutputError


def check_writable(path: Path) -> None:
    """Find out before a long job whether `path` can be written.

    Raises:
        OutputError: the folder is missing or may not be written to, or `path` is a folder.
    """
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise OutputError(f"{path}: {kind}; expected a file name such as model.onnx")
    handle, partial = _create_beside(path)
    os.close(handle)
    os.unlink(partial)


def write_whole(path: Path, data: bytes) -> None:
    """Write beside `path` under another name, then rename: readers see the old file or the new one,
    never a part.

    Raises:
        OutputError: the disk is full or the folder refuses; nothing is left, an older file stays as
            it was.
    """
    handle, partial = _create_beside(path)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise OutputError(
            f"{path}: not written ({error.strerror or error}); nothing was left behind"
        ) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)


def _create_beside(path: Path) -> tuple[int, Path]:
    """Create a new file in the same folder, with the rights that the umask gives any new file."""
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{folder}: no such folder; create it first")
    # Who loads a file to decide with it writes none, and the import takes its time.
    import secrets

    partial = folder / f".limen-{secrets.token_hex(8)}.partial"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.open(partial, flags, 0o666), partial
    except OSError as error:
        raise OutputError(f"{folder}: cannot write there ({error.strerror or error})") from error
