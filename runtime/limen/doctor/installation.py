"""The libraries below limen: their versions, and wheels that overwrite each other."""

import platform
from collections.abc import Callable, Iterable
from importlib import metadata
from types import ModuleType

from limen.devices import CPU_PROVIDER, PROVIDERS, wheel_command
from limen.doctor.finding import Finding
from limen.errors import reason
from limen.format.json_block import Json

_LIBRARIES = ("numpy", "onnxruntime", "tokenizers")
_MODULE = "onnxruntime"


def installed() -> list[tuple[str, str]]:
    """Return (name, version) of every distribution, sorted; names in lower case."""
    found = {
        (str(one.metadata["Name"]).lower().replace("_", "-"), one.version)
        for one in metadata.distributions()
        if one.metadata["Name"]
    }
    return sorted(found)


def look_at_libraries(distributions: Iterable[tuple[str, str]]) -> Finding:
    """Say which versions of the three libraries are installed."""
    from limen import __version__

    versions = {name: version for name, version in distributions if name in _LIBRARIES}
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    values: dict[str, Json] = {"limen": __version__, "python": platform.python_version()}
    return Finding(
        "libraries",
        f"limen {__version__}, {shown}, Python {platform.python_version()}",
        values={**values, **versions},
    )


def look_at_wheels(distributions: Iterable[tuple[str, str]]) -> Finding:
    """Find several wheels of onnxruntime: each overwrites the files of the other, and what is
    imported is whichever came last.
    """
    wheels = [
        (name, version)
        for name, version in distributions
        if name == _MODULE or name.startswith(f"{_MODULE}-")
        # Of these none owns the module `onnxruntime`.
        if not name.startswith((f"{_MODULE}-extensions", f"{_MODULE}-genai", f"{_MODULE}-tools"))
    ]
    listed = ", ".join(f"{name} {version}" for name, version in wheels)
    names: list[Json] = [name for name, _ in wheels]
    if len(wheels) == 1:
        return Finding("wheel", listed, values={"wheels": names})
    if not wheels:
        return Finding(
            "wheel",
            "no wheel of onnxruntime is listed, although it may be importable",
            "note",
            "pip install onnxruntime",
            {"wheels": names},
        )
    keep = next((name for name, _ in wheels if name != _MODULE), _MODULE)
    removed = " ".join(name for name, _ in wheels)
    return Finding(
        "wheel",
        f"{listed} are installed together and overwrite each other",
        "problem",
        f"pip uninstall -y {removed} && pip install {_MODULE} (or {keep}, for that device)",
        {"wheels": names},
    )


def look_at_providers(import_onnxruntime: Callable[[], ModuleType]) -> Finding:
    """Say where this onnxruntime could run a graph. Whether a provider other than the CPU's can
    start shows when a file opens on it.
    """
    try:
        runtime = import_onnxruntime()
        offered = [str(name) for name in runtime.get_available_providers()]
    except Exception as error:
        return Finding(
            "onnxruntime",
            f"cannot be imported ({reason(error)})",
            "problem",
            "pip install --force-reinstall onnxruntime",
        )
    listed: list[Json] = [*offered]
    if CPU_PROVIDER not in offered:
        return Finding(
            "onnxruntime",
            f"offers {', '.join(offered) or 'nothing'}, but no CPUExecutionProvider",
            "problem",
            "pip install --force-reinstall onnxruntime",
            {"providers": listed},
        )
    had = {name: device for device, name in PROVIDERS.items() if name in offered}
    devices: list[Json] = [*had.values()]
    named = ", ".join(f"device={device!r} ({name})" for name, device in had.items())
    unused = ", ".join(name for name in offered if name not in had)
    without = ""
    if "cuda" not in had.values():
        without = f"; no cuda here: {wheel_command('cuda')}"
    return Finding(
        "onnxruntime",
        f"offers {named}{f'; not used: {unused}' if unused else ''}{without}",
        values={"devices": devices, "providers": listed},
    )
