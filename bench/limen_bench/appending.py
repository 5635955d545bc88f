"""Whether rows may be added to a file, and where: only a file of results is ever written to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from limen.errors import InputError, OutputError


@dataclass(frozen=True)
class Kept:
    """What of a file stays before rows are added.

    Attributes:
        size: bytes; what follows was cut off by an interruption.
        unfinished: whether the last line that stays lacks its line end.
    """

    size: int
    unfinished: bool


def kept(path: Path, check: Callable[[object], object]) -> Kept:
    """Look at a file that rows are to be added to, without changing it.

    Args:
        path: may be absent or empty.
        check: raises InputError for what is not a row of results.

    Raises:
        OutputError: the file holds something else.
        OSError: it cannot be read.
    """
    content = path.read_bytes() if path.exists() else b""
    first = next((line for line in content.split(b"\n") if line.strip()), None)
    if first is None and content:
        raise OutputError(f"{path}: {_found('only blank lines')}")
    if first is None:
        return Kept(0, unfinished=False)
    try:
        values = json.loads(first.decode("utf-8"))
        check(values)
    except InputError as error:
        raise OutputError(f"{path}: {_found(str(error))}") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{path}: {_found('a first line that is not JSON')}") from error
    if values["type"] != "run":
        raise OutputError(f"{path}: {_found('rows without the run that they belong to')}")
    whole = content.rfind(b"\n") + 1
    last = content[whole:]
    if not last.strip():
        return Kept(whole, unfinished=False)
    # A row is an object, and no part of an object is JSON: what parses is whole.
    return Kept(len(content), unfinished=True) if _parses(last) else Kept(whole, unfinished=False)


def _found(what: str) -> str:
    return (
        f"holds something else ({what}); rows are only added to results that `limen bench` wrote, "
        "so name another file with -o"
    )


def _parses(line: bytes) -> bool:
    try:
        json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True
