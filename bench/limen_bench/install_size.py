"""How much has to be installed for a distribution to work: its closure of requirements, in the
Python that runs this module.

`python -P -m limen_bench.install_size --json limen` prints one JSON line. It needs the standard
library and `packaging` (every environment here has it; else pip's own copy), so that it runs in a
rival's environment too: `PYTHONPATH=bench` where limen is not installed.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

# In another Python this file may be all there is of limen, so it imports nothing of it at the top
# but its neighbour, which is as bare.
from limen_bench.wheel_size import source_files, wheel_bytes, zipped_bytes

_STANDING_IN = {"onnxruntime": ("onnxruntime-gpu", "onnxruntime-openvino")}


@dataclass(frozen=True)
class Installed:
    """One distribution of the closure.

    Attributes:
        name: normalised (PEP 503).
        version: installed version.
        installed_bytes: files of its RECORD that exist, compiled .pyc left out; for an editable
            install those of its sources. None where it has no RECORD.
        wheel_bytes: size of its wheel; None where it could not be had.
        note: why a size is absent or an estimate.
    """

    name: str
    version: str
    installed_bytes: int | None
    wheel_bytes: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class InstallSize:
    """The closure of what was asked for.

    Attributes:
        asked: the requirements.
        distributions: sorted by name.
        missing: names that are required here and not installed, sorted.
        installed_bytes: sum; distributions without a RECORD are left out.
        wheel_bytes: sum; None unless nothing is missing and every wheel's size is known.
        reason: why `wheel_bytes` is None.
    """

    asked: tuple[str, ...]
    distributions: tuple[Installed, ...]
    missing: tuple[str, ...]
    installed_bytes: int
    wheel_bytes: int | None
    reason: str | None


def install_size(
    asked: Sequence[str],
    wheels_seconds: float | None = 600,
    path: Sequence[str] | None = None,
) -> InstallSize:
    """Measure what the requirements need in this Python.

    Args:
        asked: such as `optimum-onnx[onnxruntime]`; versions in them are not looked at.
        wheels_seconds: how long pip may take to fetch the wheels, in all; None to leave them out.
            They are kept in a temporary folder, one download's worth of space.
        path: folders to look for distributions in; None for `sys.path`.
    """
    found, missing = closure(asked, path)
    entries = [_entry(name, distribution) for name, distribution in sorted(found.items())]
    reason = None
    if wheels_seconds is None:
        reason = "wheels were not asked for"
    else:
        wanted = [(entry.name, entry.version) for entry in entries if entry.wheel_bytes is None]
        sizes, notes = wheel_bytes(wanted, wheels_seconds)
        entries = [
            replace(
                entry,
                wheel_bytes=sizes.get(entry.name, entry.wheel_bytes),
                note=notes.get(entry.name, entry.note),
            )
            for entry in entries
        ]
    unknown = [entry.name for entry in entries if entry.wheel_bytes is None]
    if reason is None and (missing or unknown):
        reason = f"not known: {', '.join([*sorted(missing), *unknown])}"
    return InstallSize(
        asked=tuple(asked),
        distributions=tuple(entries),
        missing=tuple(sorted(missing)),
        installed_bytes=sum(entry.installed_bytes or 0 for entry in entries),
        wheel_bytes=None if reason else sum(entry.wheel_bytes or 0 for entry in entries),
        reason=reason,
    )


def _entry(name: str, distribution: Distribution) -> Installed:
    """Size one distribution; its wheel only where that can be estimated."""
    sources = source_files(distribution)
    if sources is not None:
        note = "editable install: its sources, and these zipped"
        return Installed(name, distribution.version, _sum(sources), zipped_bytes(sources), note)
    if distribution.files is None:
        return Installed(name, distribution.version, None, note="no RECORD")
    paths = {Path(str(distribution.locate_file(file))) for file in distribution.files}
    files = [path for path in paths if path.suffix != ".pyc" and path.is_file()]
    return Installed(name, distribution.version, _sum(files))


def _sum(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def closure(
    asked: Iterable[str], path: Sequence[str] | None = None
) -> tuple[dict[str, Distribution], set[str]]:
    """Follow requirements, markers evaluated for this Python, extras where they are asked for.

    Args:
        asked: requirements as in a requirements file.
        path: folders to look for distributions in; None for `sys.path`.

    Returns:
        Distributions by normalised name, and the names that are required and absent.
    """
    parse, _ = _packaging()
    waiting = [parse(text) for text in asked]
    found: dict[str, Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = normalised(requirement.name)
        if name not in found and name not in missing:
            distribution = _distribution(name, path)
            if distribution is None and (other := _standing_in(name, path)) is not None:
                waiting.append(parse(other))
                continue
            if distribution is None:
                missing.add(name)
            else:
                found[name] = distribution
        if name in missing:
            continue
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:  # cycles end here
                seen.add((name, extra))
                waiting += _required(found[name], extra)
    return found, missing


def normalised(name: str) -> str:
    """Return the form in which names are compared (PEP 503)."""
    _, canonicalize = _packaging()
    return str(canonicalize(name))


def _required(distribution: Distribution, extra: str) -> Iterator[Any]:
    """Yield the requirements that hold here with one extra; the empty one for none."""
    parse, canonicalize = _packaging()
    for text in distribution.requires or ():
        requirement = parse(text)
        marker = requirement.marker
        # Old metadata spells an extra as its author did, new metadata normalised (PEP 685).
        spellings = (extra, canonicalize(extra)) if extra else ("",)
        if marker is None:
            if not extra:
                yield requirement
        elif any(marker.evaluate({"extra": spelling}) for spelling in spellings):
            yield requirement


def _packaging() -> tuple[Any, Any]:
    """Return the classes of `packaging`: Requirement, and the function for names."""
    try:
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name
    except ImportError:
        from pip._vendor.packaging.requirements import Requirement  # type: ignore[assignment]
        from pip._vendor.packaging.utils import canonicalize_name  # type: ignore[assignment]
    return Requirement, canonicalize_name


def _distribution(name: str, path: Sequence[str] | None) -> Distribution | None:
    folders = sys.path if path is None else list(path)
    return next(iter(Distribution.discover(name=name, path=folders)), None)


def _standing_in(name: str, path: Sequence[str] | None) -> str | None:
    """Return an installed wheel that is another's module, built for other devices."""
    others = _STANDING_IN.get(name, ())
    return next((one for one in others if _distribution(one, path) is not None), None)


def main(arguments: list[str] | None = None) -> int:
    """Print the size of what the given requirements need; 1 if some is missing, 2 for an error."""
    parser = argparse.ArgumentParser(
        prog="limen_bench.install_size", description="what a distribution needs, in this Python"
    )
    parser.add_argument("asked", nargs="+", metavar="REQUIREMENT")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--no-wheels", action="store_true", help="do not ask pip for wheels")
    parser.add_argument("--seconds", type=float, default=600, help="for the wheels, in all")
    asked = parser.parse_args(arguments)
    try:
        found = install_size(asked.asked, None if asked.no_wheels else asked.seconds)
    except ModuleNotFoundError as error:
        print(f"limen_bench.install_size: needs packaging or pip here ({error})", file=sys.stderr)
        return 2
    except ValueError as error:  # packaging's InvalidRequirement
        reason = str(error).splitlines()[0]
        print(f"limen_bench.install_size: {reason}", file=sys.stderr)
        return 2
    if asked.json:
        print(json.dumps(asdict(found)))
    else:
        for entry in found.distributions:
            sizes = (_megabytes(entry.installed_bytes), _megabytes(entry.wheel_bytes))
            print(f"{entry.name:32}{entry.version:16}{sizes[0]:>10}{sizes[1]:>10}")
        total = (_megabytes(found.installed_bytes), _megabytes(found.wheel_bytes))
        print(f"{'MB installed, MB of wheels':48}{total[0]:>10}{total[1]:>10}")
        if found.reason:
            print(found.reason, file=sys.stderr)
    return 1 if found.missing else 0


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.1f}"


if __name__ == "__main__":
    sys.exit(main())
