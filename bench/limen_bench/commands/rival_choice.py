"""Which rivals stand beside a classifier file: those that were named, or those that fit it."""

from dataclasses import dataclass
from pathlib import Path

from limen.errors import InputError
from limen.format import read

from limen_bench.engines.engine_kind import EngineKind
from limen_bench.engines.fitting import misfit
from limen_bench.engines.table import ENGINES, RIVALS, engine_kind

ALL = "all"
_NO_SOURCE = "all: no source is named that they could be made from (--source)"


@dataclass(frozen=True)
class RivalChoice:
    """What is measured.

    Attributes:
        engines: limen first.
        left_out: of rivals that nobody named and that do not fit the file, which, and why.
    """

    engines: tuple[EngineKind, ...]
    left_out: tuple[str, ...] = ()


def choose_rivals(named: str | None, file: Path, source: Path | None) -> RivalChoice:
    """Choose the engines of a run.

    Args:
        named: comma-separated; `all` for every rival that fits; "" for none; None for the usual
            rivals that fit, where there is a source.
        file: the classifier file.
        source: what it was made from; None where the user gave none.

    Raises:
        InputError: a name that is no rival's, or no such file.
        FormatError: not a classifier file.
    """
    if named is None and source is None:
        return RivalChoice((engine_kind("limen"),), (_NO_SOURCE,))
    if named is None or named.strip() == ALL:
        return _fitting(file, source, usual=named is None)
    names = [word.strip() for word in named.split(",") if word.strip()]
    for name in names:
        if name in ENGINES and name not in RIVALS:
            raise InputError(f"{name} is no rival; there are {', '.join(RIVALS)}")
    return RivalChoice(tuple(engine_kind(name) for name in dict.fromkeys(["limen", *names])))


def _fitting(path: Path, source: Path | None, *, usual: bool) -> RivalChoice:
    file = read(path)
    chosen, against = [engine_kind("limen")], dict[str, list[str]]()
    for kind in map(engine_kind, RIVALS):
        reason = misfit(kind, file, source)
        if reason is not None:
            against.setdefault(reason, []).append(kind.name)
        elif kind.usual or not usual:
            chosen.append(kind)
    left_out = tuple(f"{', '.join(names)}: {reason}" for reason, names in against.items())
    return RivalChoice(tuple(chosen), left_out)
